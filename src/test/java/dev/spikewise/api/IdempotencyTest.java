package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class IdempotencyTest extends ServiceTest {

  @Test
  void repeatedRequestGetsFirstResponse() {
    var first = create("same", "first");
    var again = create("same", "first");
    assertThat(again.statusCode()).isEqualTo(201);
    assertThat(again.body()).isEqualTo(first.body());
    assertThat(again.headers().firstValue("Location"))
        .isEqualTo(first.headers().firstValue("Location"));
    assertThat(again.headers().firstValue("Content-Type"))
        .isEqualTo(first.headers().firstValue("Content-Type"));
    assertThat(again.headers().firstValue("Idempotency-Replayed")).contains("true");
  }

  @Test
  void rejectsKeyReusedForAnotherRequest() {
    create("owned", "first");
    problem(create("owned", "second"), 422, "idempotency_key_reused");
    problem(create("", "third"), 400, "invalid_parameter");
  }

  @Test
  void keyCanBeReusedAfterRefusal() {
    assertThat(create("corrected", "x".repeat(201)).statusCode()).isEqualTo(422);
    assertThat(create("corrected", "x").statusCode()).isEqualTo(201);
  }

  @Test
  void requestsAtTheSameTimeAreExecutedOnce() throws Exception {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers =
          IntStream.range(0, 6)
              .mapToObj(i -> threads.submit(() -> create("parallel", "one")))
              .toList();
      var locations = new java.util.HashSet<String>();
      for (var answer : answers) {
        assertThat(answer.get().statusCode()).as(answer.get().body()).isEqualTo(201);
        locations.add(answer.get().headers().firstValue("Location").orElseThrow());
      }
      assertThat(locations).hasSize(1);
    }
  }

  private HttpResponse<String> create(String key, String name) {
    var model =
        "{\"name\": \"" + name + "\", \"input_shape\": [2], \"layers\": [{\"type\": \"IAF\"}]}";
    return post("/api/v1/models", model, "Idempotency-Key", key);
  }
}
