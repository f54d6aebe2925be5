package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import org.junit.jupiter.api.Test;

class LimitsTest extends ServiceTest {

  private static final String LAYER =
      "{\"type\": \"Linear\", \"out_features\": 4, \"bias\": false}";

  @Test
  void everyLimitThatIsExceededIsNamedAtOnce() {
    var layers = String.join(",", Collections.nCopies(257, LAYER));
    assertMistakes(
        job(layers, 2_000_000_000, 1024, 1025), "/model/layers", "/epochs", "/batch_size");
    assertMistakes(
        job(layers, 1, Integer.MAX_VALUE, Integer.MAX_VALUE), "/model/layers", "/batch_size");
  }

  @Test
  void aTrainingThatDoesNotFitIntoMemoryIsNotAccepted() {
    var wide = LAYER.replace("4", "65536");
    assertMistakes(job(wide, 1, 1024, 1024), "/batch_size");
  }

  private static String job(String layers, int epochs, int batchSize, int timeSteps) {
    return """
        {"epochs": %d, "batch_size": %d, "time_steps": %d,
         "model": {"input_shape": [4], "layers": [%s, {"type": "IAF"}]}}"""
        .formatted(epochs, batchSize, timeSteps, layers);
  }

  private void assertMistakes(String job, String... pointers) {
    var response = post("/api/v1/jobs?dry_run=true", job);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(422);
    assertThat(
            body(response)
                .get("errors")
                .valueStream()
                .map(error -> error.get("pointer").asString()))
        .containsExactlyInAnyOrder(pointers);
  }
}
