package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.micrometer.metrics.test.autoconfigure.AutoConfigureMetrics;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Talks to the whole service over HTTP. One context and one database in memory for all tests. */
@AutoConfigureMetrics
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:service;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.metrics.scrape-interval=1s",
      "spikewise.http.max-body-size=1MB",
      // A body that stalls is soon given up; a connection between two requests is not.
      "server.tomcat.connection-timeout=3s",
      "server.tomcat.keep-alive-timeout=60s",
      "spikewise.datasets.max-unpacked=16MB",
      "spikewise.compute.threads=2",
      "spikewise.searches.poll=50ms",
      "logging.level.dev.spikewise.web.ProblemAdvice=debug"
    })
abstract class ServiceTest {

  private final HttpClient client = HttpClient.newHttpClient();

  @Autowired JsonMapper json;
  @LocalServerPort int port;

  HttpResponse<String> get(String path) {
    return send("GET", path, BodyPublishers.noBody());
  }

  HttpResponse<String> delete(String path) {
    return send("DELETE", path, BodyPublishers.noBody());
  }

  HttpResponse<String> post(String path, String body, String... headers) {
    return send("POST", path, BodyPublishers.ofString(body), headers);
  }

  /** A body is JSON unless the headers say otherwise. */
  HttpResponse<String> send(String method, String path, BodyPublisher body, String... headers) {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).method(method, body);
    if (body.contentLength() != 0) {
      request.setHeader("Content-Type", "application/json");
    }
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return send(request.build(), BodyHandlers.ofString());
  }

  <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
    try {
      return client.send(request, handler);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  JsonNode body(HttpResponse<String> response) {
    return json.readTree(response.body());
  }

  /** The problem that {@code response} must be. */
  JsonNode problem(HttpResponse<String> response, int status, String code) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type")).contains("application/problem+json");
    var problem = body(response);
    assertThat(problem.get("status").asInt()).isEqualTo(status);
    assertThat(problem.get("code").asString()).isEqualTo(code);
    assertThat(problem.get("detail").asString()).isNotEmpty();
    return problem;
  }

  /** The job at {@code path} as soon as it is in one of the states. */
  JsonNode await(String path, String... states) throws InterruptedException {
    var deadline = Instant.now().plus(Duration.ofSeconds(60));
    var job = body(get(path));
    while (!List.of(states).contains(job.get("status").asString())) {
      assertThat(Instant.now()).as(job.toPrettyString()).isBefore(deadline);
      Thread.sleep(50);
      job = body(get(path));
    }
    return job;
  }
}
