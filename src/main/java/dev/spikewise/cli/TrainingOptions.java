package dev.spikewise.cli;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What a training is, what it must keep, and where its results go. */
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
          "What gates compare with: a file that this command printed, a job's id, or KEY=VALUE for"
              + " the newest succeeded job with that label.")
  private @Nullable String baseline;

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

  /** The body of the request: the file with what the options add. */
  ObjectNode spec(Client client) {
    if (!(readJson(file) instanceof ObjectNode spec)) {
      throw new CommandException(ExitCode.INVALID_INPUT, file + " must hold a JSON object");
    }
    if (name != null) {
      spec.put("name", name);
    }
    if (!labels.isEmpty()) {
      labels.forEach(spec.withObjectProperty("labels")::put);
    }
    if (!gates.isEmpty()) {
      var base = baseline == null ? null : baseline(client, baseline);
      var all = spec.withArrayProperty("gates");
      gates.forEach(gate -> all.add(gate.resolve(base)));
    }
    return spec;
  }

  private static JsonNode baseline(Client client, String reference) {
    if (Files.exists(Path.of(reference))) {
      return readJson(Path.of(reference));
    }
    int equals = reference.indexOf('=');
    if (equals < 0) {
      return client.get("/jobs/" + encode(reference));
    }
    var label = encode(reference.substring(0, equals) + ":" + reference.substring(equals + 1));
    var found = client.get("/jobs?limit=1&status=succeeded&label=" + label).path("data").path(0);
    if (found.isMissingNode()) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, "no succeeded job has the label " + reference);
    }
    return found;
  }

  /** Writes the reports that were asked for. */
  void writeReports(Client client, String id) {
    write(junit, client, id, "report", "application/xml");
    write(markdown, client, id, "report", "text/markdown");
    write(weights, client, id, "weights", "application/x-npz");
  }

  private static void write(@Nullable Path to, Client client, String id, String part, String type) {
    if (to == null) {
      return;
    }
    try {
      Files.write(to, client.getBytes("/jobs/" + id + "/" + part, type));
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, to + " cannot be written: " + e.getMessage());
    }
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
