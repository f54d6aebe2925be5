package dev.spikewise.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/**
 * The commands. Each prints one document on standard output and everything else on standard error.
 */
@Command(
    name = "spikewise",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description =
        "Trains spiking neural networks to a synaptic-operation budget.%nWithout a command, starts"
            + " the server.",
    footerHeading = "%nExit codes: ",
    footer =
        "0 passed, 1 a gate failed, 2 invalid input, 3 training failed, 4 cancelled, 5 timed out, "
            + "6 server not reachable or not authorized, 130 interrupted.")
public final class Cli {

  private static final Set<String> WORDS =
      Set.of(
          "train",
          "submit",
          "validate",
          "analyze",
          "report",
          "help",
          "--help",
          "-h",
          "--version",
          "-V");

  @Spec private @Nullable CommandSpec command;

  private Cli() {}

  /** Whether these arguments run a command rather than the server. */
  public static boolean isCommand(String... args) {
    return args.length > 0 && WORDS.contains(args[0]);
  }

  /**
   * Whether these arguments start the engine in this process: a server, or a command without one.
   */
  public static boolean trains(String... args) {
    return !isCommand(args) || Set.of("train", "validate", "analyze").contains(args[0]);
  }

  /** Whether several MPI processes can share the work: a server or a training. */
  public static boolean isShared(String... args) {
    return !isCommand(args) || args[0].equals("train");
  }

  /**
   * Runs one command.
   *
   * @return the exit code
   */
  public static int run(String... args) {
    PrintStream out = System.out;
    // Logs are written to standard error, so that standard output is one document.
    System.setOut(System.err);
    try {
      return run(
          new PrintWriter(out, true, StandardCharsets.UTF_8),
          new PrintWriter(System.err, true, StandardCharsets.UTF_8),
          args);
    } finally {
      System.setOut(out);
    }
  }

  static int run(PrintWriter out, PrintWriter err, String... args) {
    return new CommandLine(new Cli())
        .addSubcommand(new CommandLine.HelpCommand())
        .setOut(out)
        .setErr(err)
        .setExecutionExceptionHandler(
            (e, line, _) -> {
              if (!(e instanceof CommandException known)) {
                throw e;
              }
              if (known.problem() != null) {
                print(out, known.problem());
              }
              err.println(known.getMessage());
              return known.exitCode().value();
            })
        .execute(args);
  }

  @Command(
      description = "Trains a job in this process, without a server.",
      mixinStandardHelpOptions = true)
  int train(@Mixin TrainingOptions training) {
    var spec = training.spec(null);
    var job = new LocalJob(new LocalService().training(spec, training.dataset()), err());
    return finish(training, job.run(training.timeout()), job);
  }

  @Command(description = "Queues a job on a server.", mixinStandardHelpOptions = true)
  int submit(
      @Mixin TrainingOptions training,
      @Mixin ServerOptions server,
      @Option(names = "--wait", description = "Wait for the end of the job and check its gates.")
          boolean wait,
      @Option(
              names = "--idempotency-key",
              paramLabel = "KEY",
              description =
                  "Repeating a key with the same job returns the first job instead of queueing"
                      + " another.")
          @Nullable String key) {
    var client = server.client();
    var idempotencyKey = key == null ? UUID.randomUUID().toString() : key;
    if (wait) {
      return train(client, training, idempotencyKey);
    }
    print(out(), create(client, training, idempotencyKey));
    return ExitCode.PASSED.value();
  }

  private int train(Client client, TrainingOptions training, String idempotencyKey) {
    var job = new RunningJob(client, create(client, training, idempotencyKey), err());
    err().println("Job " + job.id());
    var end = job.await(training.timeout());
    return finish(
        training, end, (part, type) -> client.getBytes("/jobs/" + job.id() + "/" + part, type));
  }

  private int finish(TrainingOptions training, JsonNode end, JobFiles files) {
    JobOutput.explain(end, err());
    training.writeFiles(files, end, err());
    print(out(), end);
    return JobOutput.exitCode(end).value();
  }

  private static JsonNode create(Client client, TrainingOptions training, String idempotencyKey) {
    return client.post("/jobs", training.spec(client), "Idempotency-Key", idempotencyKey);
  }

  @Command(
      description = "Checks a job and prints every mistake, or an estimate of its cost.",
      mixinStandardHelpOptions = true)
  int validate(@Mixin TrainingOptions training, @Mixin ServerOptions server) {
    if (server.given()) {
      var client = server.client();
      print(out(), client.post("/jobs?dry_run=true", training.spec(client)));
    } else {
      print(out(), new LocalService().validate(training.spec(null), training.dataset()));
    }
    return ExitCode.PASSED.value();
  }

  @Command(
      description = "Counts the synops and spikes of one forward pass.",
      mixinStandardHelpOptions = true)
  int analyze(
      @Parameters(
              paramLabel = "FILE",
              description =
                  "JSON file with the analysis, in the format of POST /api/v1/analyses; - reads"
                      + " standard input.")
          Path file,
      @Mixin DatasetOption dataset,
      @Mixin ServerOptions server) {
    var body = TrainingOptions.readObject(file);
    if (server.given()) {
      var client = server.client();
      dataset.upload(body, client);
      print(out(), client.post("/analyses", body));
    } else {
      dataset.setAsInput(body);
      print(out(), new LocalService().analyze(body, dataset.files()));
    }
    return ExitCode.PASSED.value();
  }

  private enum Format {
    json("application/json"),
    markdown("text/markdown"),
    junit("application/xml");

    private final String type;

    Format(String type) {
      this.type = type;
    }
  }

  @Command(description = "Prints the report of a job on a server.", mixinStandardHelpOptions = true)
  int report(
      @Parameters(paramLabel = "JOB", description = "Id of the job.") UUID job,
      @Option(
              names = "--format",
              defaultValue = "markdown",
              description = "${COMPLETION-CANDIDATES}")
          Format format,
      @Mixin ServerOptions server) {
    var report = server.client().getBytes("/jobs/" + job + "/report", format.type);
    out().println(new String(report, StandardCharsets.UTF_8).stripTrailing());
    return ExitCode.PASSED.value();
  }

  private PrintWriter out() {
    return line().getOut();
  }

  private PrintWriter err() {
    return line().getErr();
  }

  private CommandLine line() {
    return java.util.Objects.requireNonNull(command).commandLine();
  }

  private static void print(PrintWriter out, JsonNode document) {
    out.println(Client.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(document));
  }
}
