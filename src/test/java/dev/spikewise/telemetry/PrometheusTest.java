package dev.spikewise.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.job.Job;
import dev.spikewise.job.JobAction;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.micrometer.metrics.test.autoconfigure.AutoConfigureMetrics;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Boards and rules against a real Prometheus that scrapes the real service. */
@AutoConfigureMetrics
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:prometheus;DB_CLOSE_DELAY=-1",
      "management.tracing.sampling.probability=1",
      "spikewise.data-dir=target/test-data"
    })
@Needs(Part.PROMETHEUS)
class PrometheusTest {

  private static final Path CONFIG = Path.of("src/main/docker/prometheus/prometheus.yml");
  private static final Path RULES = Path.of("src/main/docker/prometheus/rules.yml");
  private static final Path BOARDS = Path.of("src/main/docker/grafana/dashboards");
  private static final String DIGITS =
      """
      {"name": "digits", "model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Flatten"}, {"type": "Linear", "out_features": 16}, {"type": "IAF"},
         {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "limit": 50},
       "batch_size": 10, "time_steps": 4, "epochs": %d, "seed": 1,
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 1.5}}]}\
      """;

  private final HttpClient client = HttpClient.newHttpClient();
  @Autowired Jobs jobs;
  @Autowired JsonMapper json;
  @LocalServerPort int port;

  @Test
  void promtoolAcceptsConfigurationAndRules() throws Exception {
    var promtool = new PrometheusTool("promtool");
    for (var arguments :
        List.of(
            new String[] {"check", "config", CONFIG.toString()},
            new String[] {"test", "rules", "src/test/prometheus/rules-test.yml"})) {
      var result = promtool.run("", arguments);

      assertThat(result.exitCode()).as(result.output()).isZero();
    }
  }

  @Test
  void everyPanelAndRuleHasDataOfARealRun() throws Exception {
    var prometheus = URI.create("http://127.0.0.1:" + freePort());
    var process = start(prometheus);
    try {
      until(
          "Prometheus scrapes", 60, () -> hasData(prometheus, "spikewise_queue_wait_seconds_sum"));
      train(3, now -> now.status() == JobState.SUCCEEDED);
      var job = train(1_000_000, now -> now.progress().epoch() > 0);
      var missing = new ArrayList<>(expressions(job.id().toString()));
      assertThat(missing).hasSizeGreaterThan(40);
      until(
          "every expression has data, none of these",
          60,
          () ->
              missing.removeIf(expression -> hasData(prometheus, expression)) && missing.isEmpty(),
          missing);
      jobs.request(job.id(), JobAction.CANCEL);
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  private Process start(URI at) throws IOException {
    var directory = Files.createDirectories(Path.of("target/prometheus")).toAbsolutePath();
    var config = directory.resolve("prometheus.yml");
    Files.writeString(
        config,
        """
        global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
        rule_files: ["%s"]
        scrape_configs:
          - job_name: spikewise
            metrics_path: /actuator/prometheus
            static_configs: [{targets: ["127.0.0.1:%d"]}]
        """
            .formatted(RULES.toAbsolutePath(), port));
    return new PrometheusTool("prometheus")
        .command(
            "--config.file=" + config,
            "--storage.tsdb.path=" + Files.createTempDirectory(directory, "data"),
            "--web.listen-address=" + at.getAuthority())
        .redirectOutput(directory.resolve("log").toFile())
        .start();
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private Job train(int epochs, Predicate<Job> until) throws Exception {
    var id = jobs.submit(json.readValue(DIGITS.formatted(epochs), TrainingSpec.class)).id();
    until("the job trains", 60, () -> until.test(jobs.get(id)));
    return jobs.get(id);
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(String what, int seconds, Condition condition, Object... more)
      throws Exception {
    var deadline = Instant.now().plus(Duration.ofSeconds(seconds));
    while (!condition.holds()) {
      assertThat(Instant.now()).as("%s %s", what, List.of(more)).isBefore(deadline);
      Thread.sleep(250);
    }
  }

  /** What boards, their variables and rules ask; of an alert, the figure that it compares. */
  private List<String> expressions(String jobId) throws IOException {
    var all = new ArrayList<String>();
    try (var boards = Files.newDirectoryStream(BOARDS, "*.json")) {
      for (var board : boards) {
        var content = json.readTree(Files.readString(board));
        for (var expression : content.findValues("expr")) {
          all.add(
              expression
                  .asString()
                  .replace("$__rate_interval", "5s")
                  .replace("$job", jobId)
                  .replaceAll("\\$(namespace|release)", ".*"));
        }
        for (var variable : content.at("/templating/list")) {
          var query =
              Pattern.compile("query_result\\((.+)\\)")
                  .matcher(variable.at("/query/query").asString(""));
          if (query.matches()) {
            all.add(query.group(1));
          }
        }
      }
    }
    Map<String, List<Map<String, List<Map<String, Object>>>>> rules =
        new Yaml().load(Files.readString(RULES));
    for (var group : rules.get("groups")) {
      for (var rule : group.get("rules")) {
        var expression = rule.get("expr").toString();
        // Without data as long as there is something to scrape.
        if (!expression.startsWith("absent(")) {
          all.add(expression.replaceFirst(" (>|<|==) [0-9.]+$", ""));
        }
      }
    }
    return all.stream().distinct().toList();
  }

  private boolean hasData(URI prometheus, String expression) {
    try {
      var query = "/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8);
      var request = HttpRequest.newBuilder(prometheus.resolve(query)).build();
      var response = client.send(request, BodyHandlers.ofString());
      if (response.statusCode() == HttpURLConnection.HTTP_UNAVAILABLE) {
        // It listens before it is ready.
        return false;
      }
      var answer = json.readTree(response.body());
      assertThat(answer.get("status").asString())
          .as("%s: %s", expression, answer)
          .isEqualTo("success");
      return StreamSupport.stream(answer.at("/data/result").spliterator(), false)
          .anyMatch(PrometheusTest::isFinite);
    } catch (IOException notUpYet) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isFinite(JsonNode sample) {
    // Prometheus writes +Inf where Java reads Infinity.
    return sample.at("/value/1").asString().matches("-?[0-9].*");
  }
}
