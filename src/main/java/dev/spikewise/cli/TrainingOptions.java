package dev.spikewise.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Options of a training: its job, gates and output files. */
final class TrainingOptions {

  @Parameters(
      paramLabel = "FILE",
      description =
          "JSON file with the job, in the format of POST /api/v1/jobs; - reads standard input.")
  private Path file = Path.of("-");

  @Option(names = "--name", description = "Name of the job.")
  private @Nullable String name;

  @Option(
      names = "--label",
      paramLabel = "KEY=VALUE",
      description = "Label of the job; repeatable.")
  private Map<String, String> labels = Map.of();

  @Option(
      names = "--gate",
      paramLabel = "GATE",
      converter = GateOption.Converter.class,
      description =
          "Gate such as synops<=25e6, synops<=1.05*baseline or accuracy>=baseline-0.01;"
              + " repeatable.")
  private List<GateOption> gates = List.of();

  @Option(
      names = "--baseline",
      paramLabel = "JOB",
      description =
          "What gates and reports compare with: a file that this command printed, a job's id, or"
              + " KEY=VALUE for the newest succeeded job with that label; repeatable for several"
              + " labels, and name=NAME for the job's name.")
  private List<String> baseline = List.of();

  /** The job selected by {@link #baseline}, once it has been loaded. */
  private @Nullable JsonNode compared;

  @Mixin private DatasetOption dataset = new DatasetOption();

  @Option(
      names = "--timeout",
      defaultValue = "1h",
      converter = Timeout.class,
      description = "Maximum time to wait, such as 90s or 2h.")
  private Duration timeout = Duration.ZERO;

  @Option(
      names = "--junit",
      paramLabel = "FILE",
      description = "Write a JUnit XML report with one test case per gate.")
  private @Nullable Path junit;

  @Option(names = "--markdown", paramLabel = "FILE", description = "Write a Markdown report.")
  private @Nullable Path markdown;

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "Write the trained weights as .npz.")
  private @Nullable Path weights;

  static final class Timeout implements picocli.CommandLine.ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return DurationStyle.detectAndParse(text);
    }
  }

  Duration timeout() {
    return timeout;
  }

  /** Files of the data set, by the name of their part. */
  Map<String, Path> dataset() {
    return dataset.files();
  }

  /**
   * The body of the request: the file with what the options add.
   *
   * @param client null where no server is asked
   */
  ObjectNode spec(@Nullable Client client) {
    var spec = readObject(file);
    if (name != null) {
      spec.put("name", name);
    }
    if (!labels.isEmpty()) {
      labels.forEach(spec.withObjectProperty("labels")::put);
    }
    if (!baseline.isEmpty()) {
      compared = baseline(client);
    }
    if (!gates.isEmpty()) {
      var all = spec.withArrayProperty("gates");
      gates.forEach(gate -> all.add(gate.resolve(compared)));
    }
    if (client == null) {
      dataset.setAsInput(spec);
    } else {
      dataset.upload(spec, client);
    }
    return spec;
  }

  private JsonNode baseline(@Nullable Client client) {
    if (baseline.size() == 1 && Files.exists(Path.of(baseline.getFirst()))) {
      return readJson(Path.of(baseline.getFirst()));
    }
    if (client == null) {
      throw new CommandException(
          ExitCode.INVALID_INPUT,
          "--baseline "
              + baseline.getFirst()
              + " is no file, and no server is named to ask for it");
    }
    if (baseline.size() == 1 && baseline.getFirst().indexOf('=') < 0) {
      return client.get("/jobs/" + encode(baseline.getFirst()));
    }
    var query = new StringBuilder("/jobs?limit=1&status=succeeded");
    for (var pair : baseline) {
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw new CommandException(
            ExitCode.INVALID_INPUT,
            "--baseline may be repeated as KEY=VALUE only, but one is " + pair);
      }
      var key = pair.substring(0, equals);
      var value = pair.substring(equals + 1);
      query.append(
          key.equals("name")
              ? "&name=" + encode(value)
              : "&label=" + encode(key.replaceAll("([\\\\:])", "\\\\$1") + ":" + value));
    }
    var found = client.get(query.toString()).path("data").path(0);
    if (found.isMissingNode()) {
      throw new CommandException(
          ExitCode.INVALID_INPUT,
          "no succeeded job matches --baseline " + String.join(" ", baseline));
    }
    return found;
  }

  /** Writes the reports and weights that were asked for; a line of {@code log} says what is not. */
  void writeFiles(JobFiles files, JsonNode job, PrintWriter log) {
    write(junit, files, "report", "application/xml");
    if (markdown != null && compared != null) {
      write(markdown, MarkdownReport.of(job, compared).getBytes(StandardCharsets.UTF_8));
    } else {
      write(markdown, files, "report", "text/markdown");
    }
    if (!write(weights, files, "weights", "application/x-npz")) {
      log.println(weights + " is not written: the training did not end with a complete epoch");
    }
  }

  /** Whether the file is written or not asked for. */
  private static boolean write(@Nullable Path to, JobFiles files, String part, String type) {
    var content = to == null ? null : files.get(part, type);
    if (to != null && content != null) {
      write(to, content);
    }
    return to == null || content != null;
  }

  private static void write(Path to, byte[] content) {
    try {
      Files.write(to, content);
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, to + " cannot be written: " + e.getMessage());
    }
  }

  static ObjectNode readObject(Path file) {
    if (readJson(file) instanceof ObjectNode object) {
      return object;
    }
    throw new CommandException(ExitCode.INVALID_INPUT, file + " must hold a JSON object");
  }

  static JsonNode readJson(Path file) {
    try {
      return Client.JSON.readTree(
          file.toString().equals("-") ? System.in.readAllBytes() : Files.readAllBytes(file));
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, file + " cannot be read: " + e.getMessage());
    } catch (JacksonException e) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, file + " is not JSON: " + e.getOriginalMessage());
    }
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}
