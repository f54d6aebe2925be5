package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
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
    problem(
        send("GET", "/nothing", BodyPublishers.noBody(), "Accept", "image/png"), 404, "not_found");
  }
}
