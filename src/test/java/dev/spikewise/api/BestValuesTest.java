package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.ApplicationContext;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.test.util.ReflectionTestUtils;
import tools.jackson.databind.JsonNode;

/** The best values of a job over all its epochs. */
class BestValuesTest extends ServiceTest {

  private static final List<String> KEYS = List.of("loss", "synops", "accuracy", "test_accuracy");

  @Autowired JdbcTemplate jdbc;
  @Autowired ApplicationContext context;

  private String trained(double lr) throws InterruptedException {
    var job =
        post(
            "/api/v1/jobs",
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
             "input": {"type": "dataset", "id": "digits", "limit": 60, "test_fraction": 0.2}, "epochs": 6, "time_steps": 4,
             "loss": [{"type": "cross_entropy"}], "optimizer": {"type": "adam", "learning_rate": %s}, "labels": {"for": "best"}}\
            """
                .formatted(lr));
    var path = job.headers().firstValue("Location").orElseThrow();
    await(path, "succeeded");
    return path;
  }

  @Test
  void bestIsTheSmallestOrLargestOfAllEpochsAndSorts() throws InterruptedException {
    var paths = List.of(trained(0.02), trained(0.001), trained(0.005));
    int differences = 0;
    for (var path : paths) {
      assertBest(path);
      var job = body(get(path));
      for (var key : KEYS) {
        boolean last = job.at("/best/" + key).asDouble() == job.at("/latest/" + key).asDouble();
        differences += last ? 0 : 1;
      }
    }
    assertThat(differences).as("values that are not best in the last epoch").isPositive();
    for (var key : KEYS) {
      var best = new ArrayList<Double>();
      for (JsonNode job : body(get("/api/v1/jobs?label=for:best&sort=-best_" + key)).get("data")) {
        best.add(job.get("best").get(key).asDouble());
      }
      assertThat(best).hasSize(3).isSortedAccordingTo((a, b) -> Double.compare(b, a));
    }
    var first = body(get("/api/v1/jobs?label=for:best&sort=best_loss&limit=1"));
    var second =
        body(
            get(
                "/api/v1/jobs?label=for:best&sort=best_loss&limit=2&cursor="
                    + first.get("next_cursor").asString()));
    assertThat(second.get("data").size()).isEqualTo(2);
    assertThat(second.get("data").findValuesAsString("id"))
        .doesNotContain(first.get("data").get(0).get("id").asString());

    // As after the update from a version that did not store them.
    var id = UUID.fromString(paths.getFirst().replaceFirst(".*/", ""));
    jdbc.update("update job set best_loss = null, best_epochs = 0 where id = ?", id);
    assertThat(body(get(paths.getFirst())).get("best").isNull()).isTrue();
    ReflectionTestUtils.invokeMethod(context.getBean("metricBackfill"), "fill");
    assertBest(paths.getFirst());
  }

  private void assertBest(String path) {
    var best = body(get(path)).get("best");
    var epochs = body(get(path + "/epochs")).get("data");
    for (var key : KEYS) {
      var values =
          StreamSupport.stream(epochs.spliterator(), false)
              .mapToDouble(epoch -> epoch.get(key).asDouble())
              .summaryStatistics();
      assertThat(best.get(key).asDouble())
          .as(key)
          .isEqualTo(key.endsWith("accuracy") ? values.getMax() : values.getMin());
    }
    assertThat(epochs.size()).isEqualTo(6);
  }
}
