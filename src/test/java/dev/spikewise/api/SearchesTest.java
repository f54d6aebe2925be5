package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.spec.EpochMetrics;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class SearchesTest extends ServiceTest {

  private static final String SEARCHES = "/api/v1/searches";

  private static final String JOB =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Flatten"}, {"type": "Linear", "out_features": 16}, {"type": "IAF"},
         {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "limit": 200, "encoding": "constant"},
       "batch_size": 32, "time_steps": 4, "epochs": 4, "checkpoint_every_epochs": 100,
       "lr_scheduler": {"type": "cosine"},
       "loss": [{"type": "cross_entropy"}]}\
      """;

  private static final String OVER =
      """
      "over": {"optimizer/learning_rate": {"type": "log", "min": 0.001, "max": 0.1},
        "model/layers/1/out_features": {"type": "integer", "min": 4, "max": 24},
        "batch_size": {"type": "choice", "values": [16, 32]}}\
      """;

  private static final String OBJECTIVES =
      """
      "objectives": [{"metric": "test_accuracy"}, {"metric": "test_synops"}]\
      """;

  private static String search(String job, String... parts) {
    return "{\"job\": " + job + ", " + String.join(", ", parts) + "}";
  }

  private static String halved(String strategy) {
    return search(
        JOB,
        OVER,
        OBJECTIVES,
        "\"strategy\": \"" + strategy + "\"",
        "\"population\": 4",
        "\"rungs\": {\"first_epochs\": 1, \"factor\": 2}",
        "\"budget\": {\"trials\": 8}");
  }

  private String create(String body) {
    var response = post(SEARCHES, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return response.headers().firstValue("Location").orElseThrow();
  }

  private static String jobPath(JsonNode trial) {
    return "/api/v1/jobs/" + trial.get("job").asString();
  }

  @Test
  void trialsTrainOnFromTheirRungAsIfTheyHadNeverPaused() throws Exception {
    var path = create(halved("nsga2"));
    var search = await(path, "succeeded", "failed");
    assertThat(search.get("status").asString()).as(search.toPrettyString()).isEqualTo("succeeded");
    assertThat(search.get("reason").asString()).isEqualTo("trials");
    assertThat(search.get("samples").asString()).isEqualTo("held_out");
    assertThat(search.get("trials")).hasSize(8);
    assertThat(search.at("/rungs/0/epochs").asInt()).isEqualTo(1);
    assertThat(search.at("/rungs/0/trials")).hasSize(4);
    assertThat(search.at("/rungs/0/promoted")).hasSize(2);
    assertThat(search.at("/rungs/1/epochs").asInt()).isEqualTo(2);

    var finished = new ArrayList<JsonNode>();
    for (var trial : search.get("trials")) {
      var job = body(get(jobPath(trial)));
      boolean stopped = trial.get("status").asString().equals("stopped");
      assertThat(job.get("status").asString()).isEqualTo(stopped ? "cancelled" : "succeeded");
      assertThat(job.get("reason").asString()).isEqualTo(stopped ? "outperformed" : "completed");
      assertThat(job.at("/progress/epoch").asInt()).isEqualTo(trial.get("epochs").asInt());
      assertThat(job.at("/spec/optimizer/learning_rate"))
          .isEqualTo(trial.at("/values/optimizer~1learning_rate"));
      // Both metrics are those of the same network on the same samples.
      assertThat(trial.at("/metrics/test_synops")).isEqualTo(job.at("/latest/test_synops"));
      assertThat(trial.at("/metrics/test_accuracy")).isEqualTo(job.at("/latest/test_accuracy"));
      if (!stopped) {
        finished.add(trial);
      }
    }
    assertThat(finished).isNotEmpty();
    var rungs = body(get(jobPath(finished.getFirst())));
    var straight =
        post("/api/v1/jobs", json.writeValueAsString(rungs.get("spec")))
            .headers()
            .firstValue("Location")
            .orElseThrow();
    await(straight, "succeeded");
    assertThat(epochs(straight)).isEqualTo(epochs(jobPath(finished.getFirst())));
    assertThat(weights(straight)).isEqualTo(weights(jobPath(finished.getFirst())));

    assertThat(search.get("pareto_front")).isNotEmpty();
    var volumes = search.get("hypervolume");
    assertThat(volumes.get(volumes.size() - 1).get("value").asDouble()).isBetween(0.1, 1.0);
    assertThat(get(path + "/plots/pareto.svg").body()).contains("held-out");
    assertThat(get(path + "/plots/hypervolume.svg").body()).contains("Hypervolume");
  }

  private String weights(String job) {
    var response =
        send(
            "GET",
            job + "/weights",
            BodyPublishers.noBody(),
            "Accept",
            "application/x-safetensors");
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return response.body();
  }

  /** Epochs without their durations. */
  private List<EpochMetrics> epochs(String job) {
    var epochs = new ArrayList<EpochMetrics>();
    for (var epoch : body(get(job + "/epochs")).get("data")) {
      var untimed = epoch.deepCopy();
      ((tools.jackson.databind.node.ObjectNode) untimed).put("duration_ms", 0);
      epochs.add(json.treeToValue(untimed, EpochMetrics.class));
    }
    assertThat(epochs).hasSize(4);
    return epochs;
  }

  @Test
  void endsAtItsEpochsOrWhenAllValuesAreTried() throws Exception {
    var epochs = search(JOB, OVER, OBJECTIVES, "\"population\": 4", "\"budget\": {\"epochs\": 21}");
    var limited = await(create(epochs), "succeeded", "failed");
    assertThat(limited.get("reason").asString()).isEqualTo("epochs");
    assertThat(limited.get("trials")).as("of 4 epochs each").hasSize(5);
    assertThat(limited.at("/progress/epochs").asInt()).isEqualTo(20);

    var few =
        search(
            JOB,
            "\"over\": {\"batch_size\": {\"type\": \"choice\", \"values\": [16, 32]}}",
            OBJECTIVES,
            "\"budget\": {\"trials\": 100}");
    var exhausted = await(create(few), "succeeded", "failed");
    assertThat(exhausted.get("reason").asString()).isEqualTo("exhausted");
    assertThat(exhausted.get("trials")).hasSize(2);
  }

  @Test
  void everyMistakeIsNamedAtItsPlaceInTheSearch() {
    var budget = "\"budget\": {\"trials\": 4}";
    refused(
        search(
            JOB,
            "\"over\": {\"optimizer/learning_rate\": {\"type\": \"log\", \"min\": 0, \"max\": 1}}",
            OBJECTIVES,
            budget),
        "/over/optimizer~1learning_rate/min");
    refused(
        search(
            JOB,
            "\"over\": {\"batch_size\": {\"type\": \"integer\", \"min\": 8, \"max\": 8}}",
            OBJECTIVES,
            budget),
        "/over/batch_size/max");
    refused(
        search(
            JOB,
            "\"over\": {\"batch_size\": {\"type\": \"integer\", \"min\": 0, \"max\": 8}}",
            OBJECTIVES,
            budget),
        "/over/batch_size/min");
    refused(
        search(
            JOB,
            "\"over\": {\"batch_size\": {\"type\": \"choice\", \"values\": [8, 8, -1]}}",
            OBJECTIVES,
            budget),
        "/over/batch_size/values/1");
    refused(
        search(
            JOB,
            "\"over\": {\"optimiser/learning_rate\": {\"type\": \"float\", \"min\": 0.1, \"max\":"
                + " 1}}",
            OBJECTIVES,
            budget),
        "/over/optimiser~1learning_rate");
    refused(search(JOB, "\"over\": {}", OBJECTIVES, budget), "/over");
    refused(search(JOB, OVER, "\"objectives\": []", budget), "/objectives");
    refused(
        search(
            JOB,
            OVER,
            "\"objectives\": [{\"metric\": \"test_accuracy\"}, {\"metric\": \"synops\"}]",
            budget),
        "/objectives/1/metric");
    refused(
        search(JOB, OVER, "\"objectives\": [{\"metric\": \"quantized_accuracy\"}]", budget),
        "/objectives/0/metric");
    refused(
        search(JOB.replace("\"limit\": 200", "\"test_fraction\": 0.0"), OVER, OBJECTIVES, budget),
        "/objectives/0/metric",
        "/objectives/1/metric");
    refused(search(JOB, OVER, OBJECTIVES), "/budget");
    refused(search(JOB, OVER, OBJECTIVES, "\"budget\": {}"), "/budget");
    refused(search(JOB, OVER, OBJECTIVES, "\"budget\": {\"trials\": 1025}"), "/budget/trials");
    refused(search(JOB, OVER, OBJECTIVES, "\"budget\": {\"epochs\": 3}"), "/budget/epochs");
    refused(
        search(JOB, OVER, OBJECTIVES, budget, "\"rungs\": {\"first_epochs\": 4}"),
        "/rungs/first_epochs");
    refused(
        search(
            JOB,
            OVER,
            OBJECTIVES,
            budget,
            "\"bounds\": [{\"metric\": \"test_accuracy\", \"min\": 1.5}]"),
        "/bounds/0/min");
    var below =
        refused(
            search(
                JOB,
                "\"over\": {\"optimizer/learning_rate\": {\"type\": \"log\", \"min\": 0.001,"
                    + " \"max\": 0.1}}",
                "\"objectives\": [{\"metric\": \"test_accuracy\"}]",
                "\"bounds\": [{\"metric\": \"test_synops\", \"max\": 10}]",
                budget),
            "/bounds/0/max");
    assertThat(below.at("/errors/0/detail").asString()).startsWith("cannot be met");
    refused("{\"jobs\": 1}", "/jobs", "/job", "/over", "/objectives", "/budget");
  }

  private JsonNode refused(String body, String... pointers) {
    var problem = problem(post(SEARCHES, body), 422, "invalid_spec");
    var found =
        problem.get("errors").valueStream().map(error -> error.get("pointer").asString()).toList();
    assertThat(found).as(problem.toPrettyString()).containsExactlyInAnyOrder(pointers);
    return problem;
  }

  @Test
  void cancelsThenDeletesSearchWithJobs() throws Exception {
    var path =
        create(
            search(
                JOB.replace("\"epochs\": 4", "\"epochs\": 100000000"),
                OVER,
                OBJECTIVES,
                "\"budget\": {\"trials\": 100}"));
    await(path, "running");
    assertThat(problem(delete(path), 409, "conflict").at("/allowed_actions/0").asString())
        .isEqualTo("cancel");
    assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
    var cancelled = await(path, "cancelled");
    assertThat(cancelled.get("reason").asString()).isEqualTo("requested");
    assertThat(post(path + "/cancel", "").statusCode()).as("again is harmless").isEqualTo(202);
    assertThat(delete(path).statusCode()).isEqualTo(204);
    problem(get(path), 404, "not_found");
    problem(get(jobPath(cancelled.get("trials").get(0))), 404, "not_found");
  }
}
