package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;

class SweepsTest extends ServiceTest {

  @Autowired JdbcClient jdbc;

  private static final String SWEEPS = "/api/v1/sweeps";

  private static final String DIGITS =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"},
         {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "limit": 400, "encoding": "constant"},
       "batch_size": 32, "time_steps": 8, "epochs": 3, "optimizer": {"type": "adam", "learning_rate": 0.01},
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "mode": "limit", "target": {"baseline_multiple": 1.0}}]}\
      """;

  private static String endless() {
    return DIGITS.replace("\"epochs\": 3", "\"epochs\": 100000000");
  }

  private static String sweep(String job, String more) {
    return "{\"job\": " + job + more + "}";
  }

  private String create(String body) {
    var response = post(SWEEPS, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return response.headers().firstValue("Location").orElseThrow();
  }

  private static String jobPath(JsonNode part) {
    return "/api/v1/jobs/" + part.get("id").asString();
  }

  @Test
  void fourTargetsOnDigitsMakeAFrontOfAccuracyAgainstSynops() throws Exception {
    var path =
        create(
            sweep(
                DIGITS,
                ", \"name\": \"targets\", \"over\": {\"loss/1/target/baseline_multiple\": [2, 1,"
                    + " 0.9, 0.8]}"));
    var sweep = await(path, "succeeded", "failed");
    assertThat(sweep.get("status").asString()).as(sweep.toPrettyString()).isEqualTo("succeeded");
    assertThat(sweep.at("/progress/finished").asInt()).isEqualTo(4);
    assertThat(sweep.at("/progress/ratio").asDouble()).isEqualTo(1);
    assertThat(sweep.get("finished_at").isString()).isTrue();

    var points = new ArrayList<double[]>();
    for (var part : sweep.get("jobs")) {
      var job = body(get(jobPath(part)));
      double multiple = part.get("values").get("loss/1/target/baseline_multiple").asDouble();
      assertThat(job.get("target_synops").asDouble())
          .isEqualTo(multiple * job.at("/baseline/synops").asDouble());
      assertThat(part.get("synops")).isEqualTo(job.at("/latest/synops"));
      assertThat(part.get("test_synops")).isEqualTo(job.at("/latest/test_synops"));
      points.add(
          new double[] {
            job.at("/latest/test_synops").asDouble(), job.at("/latest/test_accuracy").asDouble()
          });
    }
    var front =
        points.stream()
            .filter(
                p ->
                    points.stream()
                        .noneMatch(
                            q -> q[0] <= p[0] && q[1] >= p[1] && (q[0] < p[0] || q[1] > p[1])))
            .sorted((p, q) -> Double.compare(p[0], q[0]))
            .toList();
    assertThat(sweep.get("pareto_front")).hasSameSizeAs(front);
    for (int i = 0; i < front.size(); i++) {
      var point = sweep.get("pareto_front").get(i);
      assertThat(point.get("synops").asDouble()).isEqualTo(front.get(i)[0]);
      assertThat(point.get("accuracy").asDouble()).isEqualTo(front.get(i)[1]);
      assertThat(point.get("samples").asString()).isEqualTo("held_out");
    }
    assertThat(points.get(3)[0]).as("synops of the lowest target").isLessThan(points.get(0)[0]);

    var plot = get(path + "/plots/pareto.svg");
    assertThat(plot.headers().firstValue("Content-Type")).hasValue("image/svg+xml");
    assertThat(plot.body()).contains("baseline_multiple 0.8");
    assertThat(
            send("GET", path + "/plots/pareto", BodyPublishers.noBody(), "Accept", "image/png")
                .body())
        .contains("PNG");
  }

  @Test
  void halvingRoundContinuesFromPreviousWeights() throws Exception {
    var job =
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [
           {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "Flatten"},
           {"type": "Linear", "out_features": 200}, {"type": "IAF"}]},
         "name": "halved", "time_steps": 5, "epochs": 4, "loss": [{"type": "synops", "target": {"baseline_multiple": 3}}]}\
        """;
    var path = create(sweep(job, ", \"halving\": {\"rounds\": 2}, \"seeds\": [1, 2]"));
    var sweep = await(path, "succeeded", "failed");
    assertThat(sweep.get("status").asString()).as(sweep.toPrettyString()).isEqualTo("succeeded");
    assertThat(sweep.get("jobs")).hasSize(4);
    for (int seed = 1; seed <= 2; seed++) {
      var first = body(get(jobPath(sweep.get("jobs").get(2 * seed - 2))));
      var second = body(get(jobPath(sweep.get("jobs").get(2 * seed - 1))));
      assertThat(second.get("name").asString()).isEqualTo("halved, seed " + seed + ", round 2");
      assertThat(second.get("target_synops").asDouble())
          .isEqualTo(first.at("/latest/synops").asDouble() / 2);
      // A fifth epoch of the first round would have begun with the weights that the second one has.
      var longer =
          post("/api/v1/jobs", job.replace("\"epochs\": 4", "\"epochs\": 5, \"seed\": " + seed));
      var fifth = await(longer.headers().firstValue("Location").orElseThrow(), "succeeded");
      assertThat(second.at("/baseline/synops").asDouble())
          .isEqualTo(fifth.at("/latest/synops").asDouble());
    }
    assertThat(sweep.get("pareto_front")).as("nothing has an accuracy").isEmpty();
    assertThat(get(path + "/plots/pareto.svg").body()).contains("no job with an accuracy");
  }

  @Test
  void invalidRoundEndsVariantWithReason() throws Exception {
    // Half of what is reached is below what the input alone causes in the only layer.
    var job =
        """
        {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 4}, {"type": "IAF"}]}, "epochs": 1}\
        """;
    var path = create(sweep(job, ", \"halving\": {\"rounds\": 3}"));
    var sweep = await(path, "failed", "succeeded");
    assertThat(sweep.get("status").asString()).as(sweep.toPrettyString()).isEqualTo("failed");
    assertThat(sweep.get("jobs")).hasSize(2);
    assertThat(sweep.at("/jobs/0/status").asString()).isEqualTo("succeeded");
    assertThat(sweep.at("/jobs/1/error").asString()).contains("target");
    assertThat(delete(path).statusCode()).isEqualTo(204);
  }

  @Test
  void cancelsThenDeletesSweepWithJobs() throws Exception {
    var path = create(sweep(endless(), ", \"seeds\": [1, 2, 3], \"halving\": {\"rounds\": 2}"));
    var running = await(path, "running");
    assertThat(running.at("/progress/jobs").asInt()).isEqualTo(6);
    var conflict = problem(delete(path), 409, "conflict");
    assertThat(conflict.at("/allowed_actions/0").asString()).isEqualTo("cancel");
    assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
    var cancelled = await(path, "cancelled");
    for (var part : cancelled.get("jobs")) {
      assertThat(part.get("status").asString()).isEqualTo("cancelled");
    }
    assertThat(post(path + "/cancel", "").statusCode()).as("again is harmless").isEqualTo(202);
    assertThat(delete(path).statusCode()).isEqualTo(204);
    problem(get(path), 404, "not_found");
    problem(get(path + "/plots/pareto"), 404, "not_found");
    problem(get(jobPath(cancelled.get("jobs").get(0))), 404, "not_found");
  }

  @Test
  void etagOfSweepChangesOnlyWithSweep() throws Exception {
    var body = sweep(endless(), ", \"name\": \"tagged\"");
    var first = post(SWEEPS, body, "Idempotency-Key", "tagged");
    assertThat(post(SWEEPS, body, "Idempotency-Key", "tagged").body()).isEqualTo(first.body());
    var path = first.headers().firstValue("Location").orElseThrow();
    await(path, "running");
    var job = jobPath(body(get(path)).get("jobs").get(0));
    post(job + "/pause", "");
    await(path, "paused");
    var tag = get(path).headers().firstValue("ETag").orElseThrow();
    assertThat(ifNoneMatch(path, tag).statusCode()).isEqualTo(304);
    post(job + "/cancel", "");
    assertThat(ifNoneMatch(path, tag).statusCode()).isEqualTo(200);

    var other = create(sweep(endless(), ""));
    post(other + "/cancel", "");
    var page = body(get(SWEEPS + "?limit=1"));
    assertThat(page.at("/data/0/links/self").asString()).isEqualTo(other);
    var next = body(get(SWEEPS + "?limit=1&cursor=" + page.get("next_cursor").asString()));
    assertThat(next.at("/data/0/links/self").asString()).isEqualTo(path);
    problem(get(SWEEPS + "?limit=0"), 400, "invalid_parameter");
  }

  private HttpResponse<String> ifNoneMatch(String path, String tag) {
    return send("GET", path, BodyPublishers.noBody(), "If-None-Match", tag);
  }

  @Test
  void refusesToCancelSucceededSweep() throws Exception {
    var path = create(sweep(DIGITS.replace("\"epochs\": 3", "\"epochs\": 1"), ""));
    await(path, "succeeded");
    problem(post(path + "/cancel", ""), 409, "conflict");
  }

  @Test
  void everyMistakeIsNamedAtItsPlaceInTheSweep() {
    refused(
        sweep(DIGITS, ", \"over\": {\"epochs\": [1, 0, \"two\"]}"),
        "/over/epochs/1",
        "/over/epochs/2");
    refused(
        sweep(DIGITS, ", \"over\": {\"loss/1/target/baseline_multiple\": [1, -1]}"),
        "/over/loss~11~1target~1baseline_multiple/1");
    refused(sweep(DIGITS, ", \"over\": {\"loss/7/weight\": [1]}"), "/over/loss~17~1weight/0");
    refused(
        sweep(DIGITS, ", \"over\": {\"loss/1/target/baseline_multiple\": [0.1, 1, 0.2]}"),
        "/over/loss~11~1target~1baseline_multiple/0",
        "/over/loss~11~1target~1baseline_multiple/2");
    refused(sweep(DIGITS, ", \"over\": {\"epoch\": [1]}"), "/over/epoch/0");
    refused(sweep(DIGITS, ", \"over\": {\"epochs\": []}"), "/over/epochs");
    refused(sweep(DIGITS, ", \"seeds\": [-1, 1]"), "/seeds/0");
    refused(sweep(DIGITS, ", \"seeds\": [1], \"over\": {\"seed\": [1]}"), "/seeds");
    refused(sweep(DIGITS, ", \"halving\": {\"rounds\": 1}"), "/halving/rounds");
    refused(
        sweep(
            DIGITS.replace("\"limit\",", "\"limit\", \"unit\": \"per_timestep\","),
            ", \"halving\": {\"rounds\": 2}"),
        "/job/loss/1");
    refused(
        sweep(
            DIGITS.replace("\"out_features\": 10", "\"in_features\": 3, \"out_features\": 10"),
            ", \"seeds\": [1, 2]"),
        "/job/model/layers/3/in_features");
    refused("{\"jobs\": 1}", "/jobs", "/job");
    assertThat(body(get(SWEEPS)).toString()).doesNotContain("\"per_timestep\"");
  }

  @Test
  void tooManyCombinationsAreRefusedByTheNameOfTheSetting() {
    var seeds = IntStream.range(0, 257).boxed().toList();
    var problem =
        problem(post(SWEEPS, sweep(DIGITS, ", \"seeds\": " + seeds)), 422, "invalid_spec");
    assertThat(problem.at("/errors/0/detail").asString())
        .contains("256")
        .contains("spikewise.limits.combinations");
  }

  /** Each variant is checked as a whole job: 8 MB of them. */
  @Test
  @Timeout(60)
  void largeSweepIsAnsweredQuickly() throws Exception {
    var path =
        create(sweep(longJob(120), ", \"seeds\": " + IntStream.range(0, 32).boxed().toList()));
    assertThat(body(get(path)).get("jobs")).hasSize(32);
    assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
    await(path, "cancelled", "succeeded");
    assertThat(delete(path).statusCode()).isEqualTo(204);
    var longer = sweep(longJob(135), ", \"seeds\": " + IntStream.range(0, 128).boxed().toList());
    var problem = problem(post(SWEEPS, longer), 422, "invalid_spec");
    assertThat(problem.at("/errors/0/pointer").asString()).isEqualTo("/job");
    assertThat(problem.at("/errors/0/detail").asString())
        .contains("128 variants of", "spikewise.limits.document-size");
  }

  /** A job of about 2 kB per term. */
  private static String longJob(int terms) {
    var term =
        "{\"type\": \"firing_rate\", \"min\": 0.0, \"layers\": ["
            + ("\"" + "n".repeat(185) + "\", ").repeat(10)
            + "\""
            + "n".repeat(185)
            + "\"]}";
    return "{\"model\": {\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\","
        + " \"out_features\": 4}, {\"type\": \"IAF\", \"name\": \""
        + "n".repeat(185)
        + "\"}]}, \"epochs\": 1, \"loss\": ["
        + String.join(",", Collections.nCopies(terms, term))
        + "]}";
  }

  @Test
  void placesAreFew() {
    var places =
        IntStream.range(0, 65)
            .mapToObj(i -> "\"labels/" + i + "\": [\"a\"]")
            .collect(Collectors.joining(","));
    refused(sweep(DIGITS, ", \"over\": {" + places + "}"), "/over");
  }

  @Test
  void variantsShareTheWeightsOfTheirModel() throws Exception {
    var layers =
        "{\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\": 4, \"bias\":"
            + " false}, {\"type\": \"IAF\"}]}";
    var model = post("/api/v1/models", layers).headers().firstValue("Location").orElseThrow();
    var weights =
        Weights.writeNpz(
            new StateDict(
                Map.of(
                    "0.weight",
                    new Tensor(
                        new int[] {4, 4},
                        new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}))));
    var put =
        send(
            "PUT",
            model + "/weights",
            BodyPublishers.ofByteArray(weights),
            "Content-Type",
            "application/x-npz");
    assertThat(put.statusCode()).as(put.body()).isEqualTo(204);
    int before = count("job_weights");
    var id = model.substring(model.lastIndexOf('/') + 1);
    var path =
        create(
            sweep(
                "{\"model\": {\"id\": \"" + id + "\"}, \"epochs\": 1}", ", \"seeds\": [1, 2, 3]"));
    assertThat(count("job_weights")).isEqualTo(before + 1);
    assertThat(
            count(
                "job_model where id in (select model_document_id from job where model_id = '"
                    + id
                    + "')"))
        .isOne();
    var sweep = await(path, "succeeded", "failed");
    for (var part : sweep.get("jobs")) {
      // Four inputs of 1 and weights of 1: every neuron fires four times per step.
      assertThat(body(get(jobPath(part))).at("/baseline/firing_rate").asDouble()).isEqualTo(4);
    }
    assertThat(delete(jobPath(sweep.at("/jobs/0"))).statusCode()).isEqualTo(204);
    assertThat(count("job_weights")).isEqualTo(before + 1);
    assertThat(delete(path).statusCode()).isEqualTo(204);
    assertThat(count("job_weights")).isEqualTo(before);
  }

  private int count(String what) {
    return jdbc.sql("select count(*) from " + what).query(Integer.class).single();
  }

  private void refused(String body, String... pointers) {
    var problem = problem(post(SWEEPS, body), 422, "invalid_spec");
    assertThat(problem.get("errors").valueStream().map(error -> error.get("pointer").asString()))
        .as(problem.toPrettyString())
        .containsExactlyInAnyOrderElementsOf(List.of(pointers));
  }
}
