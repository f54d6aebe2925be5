package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.Lifecycle;

/** One program, three roles: everything, or one half of it as a Spring profile. */
@ExtendWith(OutputCaptureExtension.class)
class RolesTest {

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void workerServesOnlyHealthAndMetrics() throws Exception {
    try (var worker = start("worker", "--management.server.port=0")) {
      var environment = worker.getEnvironment();
      assertThat(environment.getProperty("local.server.port")).isEqualTo("-1");
      var port = environment.getRequiredProperty("local.management.port", Integer.class);
      assertThat(status(port, "/actuator/health/readiness")).isEqualTo(200);
      assertThat(status(port, "/actuator/prometheus")).isEqualTo(200);
      assertThat(status(port, "/api/v1/jobs")).isEqualTo(404);
      assertThat(status(port, "/")).isEqualTo(404);
      answersInProblems(port);
    }
  }

  @Test
  void stoppedRolesStartAgain() throws Exception {
    try (var worker = start("worker", "--management.server.port=0")) {
      worker.stop();
      worker.start();
      assertThat(worker.getBeansOfType(Lifecycle.class).values()).allMatch(Lifecycle::isRunning);
      var port =
          worker.getEnvironment().getRequiredProperty("local.management.port", Integer.class);
      assertThat(status(port, "/actuator/health/readiness")).isEqualTo(200);
    }
  }

  @Test
  void apiProcessDoesNotTrain() throws Exception {
    try (var api = start("api", "--server.port=0", "--management.server.port=0")) {
      var environment = api.getEnvironment();
      var port = environment.getRequiredProperty("local.server.port", Integer.class);
      assertThat(status(port, "/api/v1/jobs")).isEqualTo(200);
      assertThat(environment.getProperty("spikewise.jobs.workers")).isEqualTo("0");
      // What is for operators can have a port of its own.
      var management = environment.getRequiredProperty("local.management.port", Integer.class);
      assertThat(status(management, "/actuator/prometheus")).isEqualTo(200);
      assertThat(status(management, "/api/v1/jobs")).isEqualTo(404);
      assertThat(status(port, "/actuator/prometheus")).isEqualTo(404);
      answersInProblems(management);
      showsItsBill(management);
    }
  }

  @Test
  void tracesGoWhereTheyAreWantedAndLogsAreStructured(CapturedOutput log) throws Exception {
    var received = new CompletableFuture<String>();
    var collector = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    collector.createContext(
        "/v1/traces",
        exchange -> {
          var spans = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
          if (spans.contains("/api/v1/models")) {
            received.complete(spans);
          }
        });
    collector.start();
    var endpoint = "http://127.0.0.1:" + collector.getAddress().getPort() + "/v1/traces";
    try (var api =
        start(
            "api",
            "--server.port=0",
            "--management.opentelemetry.tracing.export.otlp.endpoint=" + endpoint,
            "--management.tracing.sampling.probability=1",
            "--logging.structured.format.console=ecs")) {
      var port = api.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
      assertThat(status(port, "/api/v1/models")).isEqualTo(200);
      assertThat(received.get(30, TimeUnit.SECONDS)).contains("spikewise");
      showsItsBill(port);
    } finally {
      collector.stop(0);
    }
    assertThat(log.getOut().lines().filter(line -> line.startsWith("{")))
        .anySatisfy(line -> assertThat(line).contains("\"service\":{\"name\":\"spikewise\""));
  }

  private static ConfigurableApplicationContext start(String role, String... settings) {
    var all = new ArrayList<>(List.of(settings));
    all.add("--spring.profiles.active=" + role);
    all.add("--spring.datasource.url=jdbc:h2:mem:" + role + settings.length);
    all.add("--spikewise.data-dir=target/test-data");
    return new SpringApplicationBuilder(SpikewiseApplication.class).run(all.toArray(String[]::new));
  }

  private void answersInProblems(int port) throws IOException, InterruptedException {
    var nothing = get(port, "/actuator/nothing");
    var uri = URI.create("http://127.0.0.1:" + port + "/actuator/prometheus");
    var changed =
        client.send(HttpRequest.newBuilder(uri).DELETE().build(), BodyHandlers.ofString());
    assertThat(nothing.statusCode()).isEqualTo(404);
    assertThat(nothing.body()).contains("\"code\":\"not_found\"", "/actuator/nothing");
    assertThat(changed.statusCode()).isEqualTo(405);
    assertThat(changed.body()).contains("\"code\":\"method_not_allowed\"");
    for (var answer : List.of(nothing, changed)) {
      assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
    }
  }

  private void showsItsBill(int port) throws IOException, InterruptedException {
    assertThat(get(port, "/actuator/sbom/application").body())
        .startsWith("{")
        .contains("\"bomFormat\" : \"CycloneDX\"");
  }

  private int status(int port, String path) throws IOException, InterruptedException {
    return get(port, path).statusCode();
  }

  private HttpResponse<String> get(int port, String path) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    return client.send(request, BodyHandlers.ofString());
  }
}
