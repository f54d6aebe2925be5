package dev.spikewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.spikewise.SpikewiseApplication;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.maven.plugin.surefire.log.api.NullConsoleLogger;
import org.apache.maven.plugins.surefire.report.ReportTestSuite;
import org.apache.maven.plugins.surefire.report.TestSuiteXmlParser;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;
import org.xml.sax.SAXException;
import tools.jackson.databind.node.ObjectNode;

/** The commands against a running server, and one without. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:cli;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/cli-data"
    })
class CliTest {

  private static final String JOB =
      """
      {"name": "small | net", "epochs": 3, "batch_size": 2, "model": {"input_shape": [4], "layers": [
        {"type": "Linear", "out_features": 3, "bias": false}, {"type": "IAF"}]}}\
      """;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir Path folder;
  @LocalServerPort int port;
  private String file = "";

  @BeforeEach
  void writeJob() throws IOException {
    file = Files.writeString(folder.resolve("job.json"), JOB).toString();
  }

  @Test
  void passedGatesPrintOneDocumentAndWriteReports() throws IOException {
    int code =
        submit(
            "--wait",
            "--gate",
            "synops<=1e9",
            "--label",
            "branch=main",
            "--junit",
            path("j.xml"),
            "--markdown",
            path("r.md"),
            "--weights",
            path("w.npz"));
    assertThat(code).as(err.toString()).isZero();
    var job = Client.JSON.readTree(out.toString());
    assertThat(job.get("status").asString()).isEqualTo("succeeded");
    assertThat(err.toString()).contains("succeeded epoch 3/3");
    var suite = junit(path("j.xml"));
    assertThat(suite.getNumberOfTests()).isEqualTo(1);
    assertThat(suite.getNumberOfFailures() + suite.getNumberOfErrors()).isZero();
    assertThat(suite.getTestCases().getFirst().getName()).isEqualTo("synops at most");
    assertThat(Files.readString(Path.of(path("r.md"))))
        .startsWith("### small \\| net: all gates passed");
    assertThat(Files.size(Path.of(path("w.npz")))).isPositive();
    out.getBuffer().setLength(0);
    assertThat(run("report", job.get("id").asString(), "--server", server())).isZero();
    assertThat(out.toString()).startsWith("### small");
  }

  @Test
  void failsGateRelativeToBaseline() throws IOException {
    assertThat(submit("--wait", "--label", "branch=trunk")).isZero();
    assertThat(submit("--wait", "--baseline", "branch=trunk", "--gate", "synops<=baseline"))
        .isZero();
    assertThat(
            submit(
                "--wait",
                "--baseline",
                "branch=trunk",
                "--gate",
                "synops<=0.5*baseline",
                "--junit",
                path("j.xml")))
        .isEqualTo(1);
    assertThat(err.toString()).contains("Gate failed: synops was");
    var suite = junit(path("j.xml"));
    assertThat(suite.getNumberOfFailures()).isEqualTo(1);
    assertThat(suite.getTestCases().getFirst().getFailureMessage())
        .startsWith("synops was")
        .contains("but must be at most");
  }

  @Test
  void invalidJobExitsWithInvalidInput() throws IOException {
    Files.writeString(Path.of(file), "{\"epoch\": 3}");
    assertThat(submit()).isEqualTo(2);
    assertThat(Client.JSON.readTree(out.toString()).get("code").asString())
        .isEqualTo("invalid_spec");
    assertThat(err.toString())
        .contains(
            "/epoch is not a property of this object; did you mean epochs?", "/model is missing");
    Files.writeString(Path.of(file), "{");
    assertThat(submit()).isEqualTo(2);
    assertThat(run("submit", path("none.json"))).isEqualTo(2);
    assertThat(run("submit", file, "--gate", "synops=3")).isEqualTo(2);
    assertThat(submit("--gate", "synops<=baseline")).isEqualTo(2);
    assertThat(submit("--baseline", "branch=none", "--gate", "synops<=baseline")).isEqualTo(2);
  }

  @Test
  void sameIdempotencyKeyCreatesOneJob() throws IOException {
    assertThat(submit("--idempotency-key", "run-7")).as(err.toString()).isZero();
    var first = Client.JSON.readTree(out.toString()).get("id");
    out.getBuffer().setLength(0);
    assertThat(submit("--idempotency-key", "run-7")).as(err.toString()).isZero();
    assertThat(Client.JSON.readTree(out.toString()).get("id")).isEqualTo(first);
    Files.writeString(Path.of(file), JOB.replace("\"epochs\": 3", "\"epochs\": 4"));
    assertThat(submit("--idempotency-key", "run-7")).isEqualTo(2);
    assertThat(err.toString()).contains("Idempotency-Key");
  }

  @Test
  void waitReportsTimeout() throws IOException {
    Files.writeString(Path.of(file), JOB.replace("\"epochs\": 3", "\"epochs\": 100000000"));
    assertThat(submit("--wait", "--timeout", "1s")).isEqualTo(5);
    var id = Client.JSON.readTree(out.toString()).get("id").asString();
    new Client(URI.create(server()), null)
        .post("/jobs/" + id + "/cancel", Client.JSON.createObjectNode());
  }

  @Test
  void failedTrainingIsNotReportedAsFailedGate() throws IOException {
    Files.writeString(
        Path.of(file),
        JOB.replace("\"epochs\": 3", "\"epochs\": 100000000, \"max_runtime_seconds\": 1"));
    assertThat(submit("--wait", "--gate", "synops<=1e9", "--junit", path("j.xml"))).isEqualTo(3);
    assertThat(err.toString()).contains("max_runtime_seconds of 1 elapsed");
    assertThat(junit(path("j.xml")).getNumberOfErrors()).isEqualTo(1);
  }

  @Test
  void waitReportsJobCancelledByAnotherClient() throws Exception {
    Files.writeString(Path.of(file), JOB.replace("\"epochs\": 3", "\"epochs\": 100000000"));
    try (var waiting = Executors.newSingleThreadExecutor()) {
      var code = waiting.submit(() -> submit("--wait", "--name", "to be cancelled"));
      var client = new Client(URI.create(server()), null);
      String id = "";
      while (id.isEmpty() && !code.isDone()) {
        id = client.get("/jobs?name=to+be+cancelled").at("/data/0/id").asString("");
      }
      client.post("/jobs/" + id + "/cancel", Client.JSON.createObjectNode());
      assertThat(code.get()).isEqualTo(4);
    }
    assertThat(Client.JSON.readTree(out.toString()).get("status").asString())
        .isEqualTo("cancelled");
  }

  @Test
  void interruptingTheCommandCancelsItsJob() throws Exception {
    Files.writeString(Path.of(file), JOB.replace("\"epochs\": 3", "\"epochs\": 100000000"));
    // A build in a shell's background ignores SIGINT, and so would all that it starts.
    var command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(command("submit", file, "--wait", "--server", server()));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    var lines = process.inputReader();
    var line = lines.readLine();
    while (!line.startsWith("Job ")) {
      line = lines.readLine();
    }
    var kill = new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).isEqualTo(130);
    var job = new Client(URI.create(server()), null).get("/jobs/" + line.substring(4));
    assertThat(job.get("status").asString()).isIn("cancelling", "cancelled");
  }

  @Test
  void malformedResponseIsNotReportedAsGateFailure() throws IOException {
    var asked = new AtomicInteger();
    var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          boolean post = exchange.getRequestMethod().equals("POST");
          int number = post ? 0 : asked.incrementAndGet();
          if (number == 1) {
            exchange.close(); // in the middle of an answer
            return;
          }
          boolean restarting = number == 2;
          byte[] body =
              "{\"id\": \"7\", \"status\": \"%s\"}"
                  .formatted(post ? "running" : "succeeded")
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(restarting ? 503 : 200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    try {
      var url = "http://127.0.0.1:" + server.getAddress().getPort();
      assertThat(run("submit", file, "--server", url, "--wait")).as(err.toString()).isZero();
      assertThat(asked).hasValue(3);
    } finally {
      server.stop(0);
    }
  }

  @Test
  void validateQueuesNoJob() {
    assertThat(run("validate", file, "--server", server())).as(err.toString()).isZero();
    assertThat(Client.JSON.readTree(out.toString()).get("memory_bytes").asLong()).isPositive();
  }

  @Test
  void validatesAndAnalysesWithoutStartingTheService() throws IOException {
    assertThat(run("validate", file, "--server", server())).as(err.toString()).isZero();
    var servers = Client.JSON.readTree(out.toString());
    out.getBuffer().setLength(0);
    assertThat(run("validate", file)).as(err.toString()).isZero();
    assertThat(Client.JSON.readTree(out.toString())).as("as the server answers").isEqualTo(servers);

    var analysis =
        Files.writeString(
            folder.resolve("analysis.json"),
            JOB.replaceFirst("\\{\"name\".*\"model\"", "{\"batch_size\": 2, \"model\""));
    out.getBuffer().setLength(0);
    assertThat(run("analyze", analysis.toString(), "--server", server())).isZero();
    servers = Client.JSON.readTree(out.toString());
    out.getBuffer().setLength(0);
    assertThat(run("analyze", analysis.toString())).as(err.toString()).isZero();
    assertThat(Client.JSON.readTree(out.toString())).isEqualTo(servers);

    out.getBuffer().setLength(0);
    Files.writeString(Path.of(file), "{\"epoch\": 3}");
    assertThat(run("validate", file)).isEqualTo(2);
    assertThat(Client.JSON.readTree(out.toString()).get("code").asString())
        .isEqualTo("invalid_spec");
    assertThat(err.toString())
        .contains("/epoch is not a property of this object; did you mean epochs?");
    Files.writeString(Path.of(file), "{\"model\": {\"id\": \"x\"}}");
    assertThat(run("validate", file)).isEqualTo(2);
    assertThat(err.toString()).contains("/model/id", "--server");
  }

  @Test
  void filesAreTheDataSetWithAndWithoutAServer() throws IOException {
    Files.writeString(
        Path.of(file),
        """
        {"epochs": 1, "batch_size": 2, "time_steps": 2, "loss": [{"type": "cross_entropy"}],
         "model": {"input_shape": [1, 2, 2], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 2},
          {"type": "IAF"}]}}\
        """);
    var images =
        new byte[] {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 50, 60, 70, 80};
    var labels = new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    var options =
        List.of(
            "--dataset",
            "images=" + Files.write(folder.resolve("images"), images),
            "--dataset",
            "labels=" + Files.write(folder.resolve("labels"), labels));
    var validate = new ArrayList<>(List.of("validate", file));
    validate.addAll(options);
    assertThat(run(validate.toArray(String[]::new))).as(err.toString()).isZero();
    assertThat(Client.JSON.readTree(out.toString()).get("samples").asInt()).isEqualTo(2);
    assertThat(submit(options.toArray(String[]::new))).as(err.toString()).isZero();
    assertThat(run("validate", file, "--dataset", path("none.npz"))).isEqualTo(2);
  }

  @Test
  void findsBaselineByNameAndLabels() throws IOException {
    assertThat(submit("--wait", "--name", "first", "--label", "a:b=1", "--label", "c=x,y"))
        .isZero();
    assertThat(submit("--wait", "--name", "second", "--label", "a:b=1", "--label", "c=other"))
        .isZero();
    String[] found = {
      "--wait",
      "--gate",
      "synops<=baseline",
      "--markdown",
      path("r.md"),
      "--baseline",
      "a:b=1",
      "--baseline",
      "c=x,y",
      "--baseline",
      "name=first"
    };
    assertThat(submit(found)).as(err.toString()).isZero();
    assertThat(Files.readString(Path.of(path("r.md"))))
        .contains("| metric | baseline | this job | change |", "| synops per sample |");
    found[found.length - 1] = "name=second";
    assertThat(submit(found)).isEqualTo(2);
    assertThat(err.toString()).contains("no succeeded job matches");
    var baseline = Client.JSON.createObjectNode().put("id", "before");
    baseline.putObject("latest").put("synops", 200.0).put("loss", 0.0);
    var job = Client.JSON.createObjectNode().put("name", "a|b").put("status", "succeeded");
    job.putObject("latest").put("synops", 150.0).put("loss", 0.0);
    assertThat(MarkdownReport.of(job, baseline))
        .startsWith("### a\\|b: succeeded")
        .contains("| synops per sample | 200 | 150 | -50 (-25.0 %) |", "| loss | 0 | 0 | 0 |");
  }

  @Test
  void annotationsOfGithubAreOnOneLine() {
    assertThat(JobOutput.annotation("Gate failed: a, b", "100 %\nand more"))
        .isEqualTo("::error title=Gate failed%3A a%2C b::100 %25%0Aand more");
  }

  @Test
  void noServerIsNotTheJobsFault() {
    assertThat(run("report", "00000000-0000-0000-0000-000000000000", "--server", server()))
        .isEqualTo(2);
    assertThat(run("submit", file, "--server", "http://127.0.0.1:1")).isEqualTo(6);
  }

  @Test
  void trainsWithoutAServerAsAServerDoes() throws IOException {
    Files.writeString(
        Path.of(file),
        """
        {"name": "digits", "epochs": 3, "batch_size": 16, "time_steps": 4, "labels": {"branch": "main"}, "priority": 2,
         "input": {"type": "dataset", "id": "digits", "limit": 64}, "restore_best": {"monitor": "loss"},
         "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10},
          {"type": "IAF"}]},
         "loss": [{"type": "cross_entropy"}, {"type": "synops", "mode": "limit", "target": {"baseline_multiple": 1.5}}]}\
        """);
    String[] options = {
      "--gate", "accuracy>=0.01", "--gate", "target_ratio<=9", "--junit", path("j.xml"), "--weights"
    };
    var arguments = new ArrayList<>(List.of("train", file));
    arguments.addAll(List.of(options));
    arguments.add(path("local.npz"));
    assertThat(run(arguments.toArray(String[]::new))).as(err.toString()).isZero();
    var local = (ObjectNode) Client.JSON.readTree(out.toString());
    assertThat(junit(path("j.xml")).getNumberOfTests()).isEqualTo(2);
    out.getBuffer().setLength(0);
    arguments.set(0, "submit");
    arguments.set(arguments.size() - 1, path("server.npz"));
    arguments.addAll(List.of("--wait", "--server", server()));
    assertThat(run(arguments.toArray(String[]::new))).as(err.toString()).isZero();
    var remote = (ObjectNode) Client.JSON.readTree(out.toString());
    for (var job : List.of(local, remote)) {
      job.remove(List.of("id", "links", "created_at", "started_at", "finished_at"));
      // Classes outside of a jar have no version.
      ((ObjectNode) job.get("provenance")).remove("version");
      ((ObjectNode) job.get("latest")).remove("duration_ms");
    }
    assertThat(local).isEqualTo(remote);
    assertThat(Path.of(path("local.npz"))).hasSameBinaryContentAs(Path.of(path("server.npz")));
  }

  @Test
  void aTrainingWithoutAServerEndsAtItsLimits() throws IOException {
    var endless = JOB.replace("\"epochs\": 3", "\"epochs\": 100000000");
    Files.writeString(Path.of(file), endless);
    assertThat(run("train", file, "--timeout", "300ms")).isEqualTo(5);
    assertThat(Client.JSON.readTree(out.toString()).get("status").asString())
        .isEqualTo("cancelled");
    out.getBuffer().setLength(0);
    Files.writeString(
        Path.of(file), endless.replace("{\"name\"", "{\"max_runtime_seconds\": 1, \"name\""));
    assertThat(run("train", file, "--gate", "synops<=1", "--weights", path("w.npz"))).isEqualTo(3);
    assertThat(Client.JSON.readTree(out.toString()).at("/error/code").asString())
        .isEqualTo("max_runtime_exceeded");
    assertThat(err.toString()).contains("running epoch", "max_runtime_seconds of 1 elapsed");
    Files.writeString(
        Path.of(file), JOB.replace("}]}", "}]}, \"loss\": [{\"type\": \"cross_entropy\"}]"));
    assertThat(run("train", file)).isEqualTo(2);
    assertThat(err.toString()).contains("/loss/0 cross_entropy requires labels");
  }

  @Test
  void trainsWithoutServerAndPrintsOneDocument() throws Exception {
    var builder =
        new ProcessBuilder(command("train", file, "--gate", "synops<=1"))
            .redirectError(folder.resolve("err").toFile());
    var temporary = Files.createDirectory(folder.resolve("tmp"));
    builder.environment().put("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + temporary);
    var process = builder.start();
    var printed = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).as(Files.readString(folder.resolve("err"))).isEqualTo(1);
    var job = Client.JSON.readTree(printed);
    assertThat(job.at("/verdict/passed").asBoolean()).isFalse();
    // Started without a flag for the Vector API, the process has got it by itself.
    assertThat(job.at("/provenance/kernels").asString()).startsWith("vector-");
    assertThat(Files.readString(folder.resolve("err"))).contains("Gate failed: synops was");
    try (var left = Files.list(temporary)) {
      assertThat(left).as("left in the folder for temporary files").isEmpty();
    }
  }

  /** As a process of its own. */
  private static List<String> command(String... args) {
    var command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "-XX:TieredStopAtLevel=1", // it ends before a better compiler pays
                "-cp",
                System.getProperty("java.class.path"),
                SpikewiseApplication.class.getName()));
    command.addAll(List.of(args));
    return command;
  }

  /** As Maven's own reports read it. */
  private static ReportTestSuite junit(String file) throws IOException {
    try {
      var suites = new TestSuiteXmlParser(new NullConsoleLogger()).parse(file);
      assertThat(suites).hasSize(1);
      return suites.getFirst();
    } catch (ParserConfigurationException | SAXException e) {
      throw new AssertionError(e);
    }
  }

  private int submit(String... options) {
    var args = new ArrayList<>(List.of("submit", file, "--server", server()));
    args.addAll(List.of(options));
    return run(args.toArray(String[]::new));
  }

  private int run(String... args) {
    return Cli.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
  }

  private String server() {
    return "http://127.0.0.1:" + port;
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }
}
