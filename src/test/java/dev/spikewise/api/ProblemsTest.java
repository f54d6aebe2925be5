package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

class ProblemsTest extends ServiceTest {

  @Test
  void anUnknownPathIsAProblem() {
    var problem = problem(get("/api/v1/nothing"), 404, "not_found");
    assertThat(problem.get("title").asString()).isEqualTo("Not found");
    assertThat(problem.get("instance").asString()).isEqualTo("/api/v1/nothing");
    assertThat(problem.get("type").asString()).isEqualTo("urn:spikewise:problem:not_found");
    assertThat(problem.get("errors").size()).isZero();
  }

  @Test
  void aClientThatAcceptsOnlyImagesIsStillToldWhatIsWrong() {
    problem(send("GET", "/nothing", BodyPublishers.noBody(), "Accept", "image/png"), 404, "not_found");
  }

  private tools.jackson.databind.JsonNode problem(HttpResponse<String> response, int status, String code) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type")).contains("application/problem+json");
    var problem = body(response);
    assertThat(problem.get("status").asInt()).isEqualTo(status);
    assertThat(problem.get("code").asString()).isEqualTo(code);
    assertThat(problem.get("detail").asString()).isNotEmpty();
    return problem;
  }
}
