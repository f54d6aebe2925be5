package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** One program, three roles: everything, or one half of it as a Spring profile. */
class RolesTest {

  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void aWorkerShowsHealthAndMetricsAndNothingElse() throws Exception {
    try (var worker = start("worker", "--management.server.port=0")) {
      var environment = worker.getEnvironment();
      assertThat(environment.getProperty("local.server.port")).isEqualTo("-1");
      var port = environment.getRequiredProperty("local.management.port", Integer.class);
      assertThat(status(port, "/actuator/health/readiness")).isEqualTo(200);
      assertThat(status(port, "/actuator/prometheus")).isEqualTo(200);
      assertThat(status(port, "/api/v1/jobs")).isEqualTo(404);
      assertThat(status(port, "/")).isEqualTo(404);
    }
  }

  @Test
  void anApiLeavesTheTrainingToOthers() throws Exception {
    try (var api = start("api", "--server.port=0")) {
      var environment = api.getEnvironment();
      var port = environment.getRequiredProperty("local.server.port", Integer.class);
      assertThat(status(port, "/api/v1/jobs")).isEqualTo(200);
      assertThat(environment.getProperty("spikewise.jobs.workers")).isEqualTo("0");
    }
  }

  private static ConfigurableApplicationContext start(String role, String port) {
    return new SpringApplicationBuilder(SpikewiseApplication.class)
        .run(
            "--spring.profiles.active=" + role,
            port,
            "--spring.datasource.url=jdbc:h2:mem:" + role,
            "--spikewise.data-dir=target/test-data");
  }

  private int status(int port, String path) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    return client.send(request, BodyHandlers.ofString()).statusCode();
  }
}
