package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.data.Npz;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** From a job's result to the next work, and back to where it came from. */
class LineageTest extends ServiceTest {

  private static final String DIGITS =
      """
      {"name": "digits", "epochs": 3, "batch_size": 16, "time_steps": 4, "optimizer": {"type": "adam", "learning_rate": 0.01},
       "input": {"type": "dataset", "id": "digits", "limit": 120, "test_fraction": 0.25},
       "loss": [{"type": "cross_entropy"}],
       "model": %s}\
      """;
  private static final String MODEL =
      """
      {"name": "flat", "input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10},
       {"type": "IAF"}]}\
      """;

  private JsonNode trained(String model) throws InterruptedException {
    var submitted = post("/api/v1/jobs", DIGITS.formatted(model));
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var job =
        await(submitted.headers().firstValue("Location").orElseThrow(), "succeeded", "failed");
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    return job;
  }

  private byte[] bytes(String path) {
    var response =
        send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
            BodyHandlers.ofByteArray());
    assertThat(response.statusCode()).isEqualTo(200);
    return response.body();
  }

  private Map<String, Npz.Array> npz(String path) throws IOException {
    return Npz.read(new ByteArrayInputStream(bytes(path)), Integer.MAX_VALUE);
  }

  @Test
  void jobTeachesASmallerNetwork() throws Exception {
    var teacher = trained(MODEL).get("id").asString();
    var taught =
        DIGITS
            .formatted(MODEL)
            .replace(
                "[{\"type\": \"cross_entropy\"}]",
                "[{\"type\": \"cross_entropy\", \"weight\": 0.5}, {\"type\": \"distillation\","
                    + " \"teacher\": %s, \"weight\": 0.5}]");
    var submitted = post("/api/v1/jobs", taught.formatted("{\"job\": \"" + teacher + "\"}"));
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var job =
        await(submitted.headers().firstValue("Location").orElseThrow(), "succeeded", "failed");
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    assertThat(job.at("/latest/loss_terms/1").asDouble()).as(job.toPrettyString()).isPositive();

    var unknown = UUID.randomUUID().toString();
    assertThat(pointer(taught.formatted("{\"id\": \"" + unknown + "\"}")))
        .isEqualTo("/loss/1/teacher/id");
    assertThat(pointer(taught.formatted("{\"job\": \"" + unknown + "\"}")))
        .isEqualTo("/loss/1/teacher/job");
    var untrained = body(post("/api/v1/models", MODEL)).get("id").asString();
    assertThat(pointer(taught.formatted("{\"id\": \"" + untrained + "\"}")))
        .isEqualTo("/loss/1/teacher");
  }

  /** Pointer of the first mistake of a job that is refused. */
  private String pointer(String job) {
    var refused = post("/api/v1/jobs", job);
    assertThat(refused.statusCode()).as(refused.body()).isEqualTo(422);
    return body(refused).at("/errors/0/pointer").asString();
  }

  @Test
  void jobThatRemovesChannelsResultsInTheSmallerModel() throws Exception {
    var body =
        DIGITS
            .formatted(MODEL)
            .replace(
                "{\"type\": \"Flatten\"},",
                "{\"type\": \"Flatten\"}, {\"type\": \"Linear\", \"out_features\": 12}, {\"type\":"
                    + " \"IAF\"},")
            .replace("\"epochs\": 3", "\"epochs\": 3, \"prune_channels\": {\"fraction\": 0.5}");
    var submitted = post("/api/v1/jobs", body);
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var job =
        await(submitted.headers().firstValue("Location").orElseThrow(), "succeeded", "failed");
    var id = job.get("id").asString();
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    var created = post("/api/v1/jobs/" + id + "/model", "{}");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var model = created.headers().firstValue("Location").orElseThrow();
    assertThat(body(get(model)).at("/definition/layers/1/out_features").asInt()).isEqualTo(6);
    assertThat(npz("/api/v1/jobs/" + id + "/weights").get("3.weight").shape())
        .containsExactly(10, 6);
    assertThat(bytes("/api/v1/jobs/" + id + "/nir")).isNotEmpty();
    assertThat(bytes("/api/v1/jobs/" + id + "/plots/raster.svg")).isNotEmpty();
    var analysis =
        post(
            "/api/v1/analyses",
            "{\"model\": {\"job\": \"%s\"}, \"input\": {\"type\": \"dataset\", \"id\": \"digits\"}}"
                .formatted(id));
    assertThat(analysis.statusCode()).as(analysis.body()).isEqualTo(200);
    assertThat(
            send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/jobs/" + id))
                        .build(),
                    BodyHandlers.ofByteArray())
                .statusCode())
        .isEqualTo(200);
  }

  @Test
  void trainedWeightsBecomeAModelAndStartTheNextJob() throws Exception {
    var job = trained(MODEL);
    var id = job.get("id").asString();
    var created = post("/api/v1/jobs/" + id + "/model", "{\"labels\": {\"stage\": \"first\"}}");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var model = created.headers().firstValue("Location").orElseThrow();
    assertThat(body(created).get("name").asString()).isEqualTo("flat");
    assertThat(body(created).get("has_weights").asBoolean()).isTrue();
    assertThat(body(created).get("source").toString())
        .isEqualTo("{\"kind\":\"trained\",\"id\":\"%s\"}".formatted(id));
    assertThat(Weights.readNpz(bytes(model + "/weights"), _ -> {}).tensors().get("1.weight").data())
        .isEqualTo(
            Weights.readNpz(bytes("/api/v1/jobs/" + id + "/weights"), _ -> {})
                .tensors()
                .get("1.weight")
                .data());
    assertThat(ids("/api/v1/models?source=" + id))
        .containsExactly(body(created).get("id").asString());
    // A name without a body, too.
    assertThat(send("POST", "/api/v1/jobs/" + id + "/model", BodyPublishers.noBody()).statusCode())
        .isEqualTo(201);

    var next = trained("{\"job\": \"%s\"}".formatted(id));
    var byModel = trained("{\"id\": \"%s\"}".formatted(body(created).get("id").asString()));
    var fresh = trained(MODEL);
    assertThat(next.at("/latest/loss").asDouble())
        .as("the same weights by either name")
        .isEqualTo(byModel.at("/latest/loss").asDouble());
    assertThat(next.at("/baseline/firing_rate").asDouble())
        .isNotEqualTo(fresh.at("/baseline/firing_rate").asDouble());
    assertThat(ids("/api/v1/jobs?source_job=" + id)).containsExactly(next.get("id").asString());
    assertThat(ids("/api/v1/jobs?model=" + body(created).get("id").asString()))
        .containsExactly(byModel.get("id").asString());

    var analysis =
        "{\"model\": %s, \"time_steps\": 4, \"input\": {\"type\": \"dataset\", \"id\":"
            + " \"digits\"}}";
    var reached = post("/api/v1/analyses", analysis.formatted("{\"job\": \"" + id + "\"}"));
    assertThat(reached.statusCode()).as(reached.body()).isEqualTo(200);
    assertThat(body(reached).get("firing_rate").asDouble())
        .isNotEqualTo(
            body(post("/api/v1/analyses", analysis.formatted(MODEL)))
                .get("firing_rate")
                .asDouble());
  }

  private List<String> ids(String path) {
    return StreamSupport.stream(body(get(path)).get("data").spliterator(), false)
        .map(entry -> entry.get("id").asString())
        .toList();
  }

  @Test
  void refusesAModelThatIsNoTrainedJob() {
    for (var job : List.of(UUID.randomUUID().toString(), "nothing")) {
      var refused =
          problem(
              post("/api/v1/jobs", "{\"model\": {\"job\": \"%s\"}}".formatted(job)),
              422,
              "invalid_spec");
      assertThat(refused.at("/errors/0/pointer").asString()).isEqualTo("/model/job");
    }
    problem(
        post("/api/v1/jobs", "{\"model\": {\"job\": \"a\", \"id\": \"b\"}}"), 422, "invalid_spec");
    problem(post("/api/v1/jobs/" + UUID.randomUUID() + "/model", "{}"), 404, "not_found");
  }

  @Test
  void predictionsOfTheTestSamplesAddUp() throws Exception {
    var job = trained(MODEL);
    var path = "/api/v1/jobs/" + job.get("id").asString();
    var evaluation = body(get(path + "/evaluation"));
    int samples = evaluation.get("samples").asInt();
    assertThat(samples).isBetween(25, 35);
    assertThat(evaluation.get("accuracy").asDouble())
        .isCloseTo(job.at("/latest/test_accuracy").asDouble(), within(1e-12));
    var confusion = new int[10][10];
    var predictions = body(get(path + "/predictions")).get("data");
    assertThat(predictions).hasSize(samples);
    for (var prediction : predictions) {
      confusion[prediction.get("label").asInt()][prediction.get("predicted").asInt()]++;
    }
    assertThat(json.treeToValue(evaluation.get("confusion_matrix"), int[][].class))
        .isDeepEqualTo(confusion);
    for (int k = 0; k < 10; k++) {
      var one = evaluation.at("/classes/" + k);
      int ofClass = java.util.stream.IntStream.of(confusion[k]).sum();
      assertThat(one.get("samples").asInt()).isEqualTo(ofClass);
      assertThat(one.get("correct").asInt()).isEqualTo(confusion[k][k]);
      if (ofClass > 0) {
        assertThat(one.get("accuracy").asDouble()).isEqualTo((double) confusion[k][k] / ofClass);
      } else {
        assertThat(one.get("accuracy").isNull()).isTrue();
      }
    }
    var file = npz(path + "/predictions.npz");
    assertThat(file.get("predicted").floats())
        .hasSize(samples)
        .startsWith((float) predictions.at("/0/predicted").asInt());
    assertThat(file.get("confusion_matrix").shape()).containsExactly(10, 10);
    assertThat(body(get(path + "/predictions?limit=7&cursor=" + (samples - 2))).get("data"))
        .hasSize(2);

    var unlabelled =
        post(
            "/api/v1/jobs",
            "{\"epochs\": 1, \"model\": {\"input_shape\": [2], \"layers\": [{\"type\": \"Linear\","
                + " \"out_features\": 2}, {\"type\": \"IAF\"}]}}");
    var other = unlabelled.headers().firstValue("Location").orElseThrow();
    await(other, "succeeded", "failed");
    assertThat(problem(get(other + "/evaluation"), 404, "not_found").get("detail").asString())
        .contains("test_fraction");
  }

  @Test
  void modelsHaveLabelsThatCanBeChangedAndSearched() {
    var tag = UUID.randomUUID().toString();
    var created = post("/api/v1/models", MODEL);
    var path = created.headers().firstValue("Location").orElseThrow();
    assertThat(body(created).at("/source/kind").asString()).isEqualTo("definition");
    var etag = get(path).headers().firstValue("ETag").orElseThrow();
    var changed =
        patch(
            path, "{\"name\": \"M %s\", \"labels\": {\"tag\": \"%s\"}}".formatted(tag, tag), etag);
    assertThat(changed.statusCode()).as(changed.body()).isEqualTo(200);
    assertThat(ids("/api/v1/models?label=tag:" + tag)).hasSize(1);
    assertThat(ids("/api/v1/models?search=m%20" + tag)).hasSize(1);
    assertThat(ids("/api/v1/models?label=tag:other")).isEmpty();
    problem(patch(path, "{\"name\": \"late\"}", etag), 412, "precondition_failed");
    assertThat(body(patch(path, "{\"labels\": {\"tag\": null}}", "*")).get("labels")).isEmpty();
    problem(patch(path, "{\"definition\": {}}", "*"), 422, "invalid_spec");
    problem(
        send("DELETE", path, BodyPublishers.noBody(), "If-Match", etag),
        412,
        "precondition_failed");
    problem(
        send(
            "PUT",
            path + "/weights",
            BodyPublishers.ofByteArray(new byte[0]),
            "If-Match",
            "\"x\"",
            "Content-Type",
            "application/x-npz"),
        400,
        "malformed_body");
    assertThat(delete(path).statusCode()).isEqualTo(204);
  }

  private HttpResponse<String> patch(String path, String body, String ifMatch) {
    return send("PATCH", path, BodyPublishers.ofString(body), "If-Match", ifMatch);
  }

  @Test
  void dataSetsHaveLabelsThatCanBeChangedAndSearched() {
    var tag = UUID.randomUUID().toString();
    var images = new byte[] {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 42};
    var labels = new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    var stored =
        Multipart.upload(this, Map.of("name", "two " + tag, "images", images, "labels", labels));
    assertThat(stored.statusCode()).as(stored.body()).isEqualTo(201);
    var path = stored.headers().firstValue("Location").orElseThrow();
    var etag = get(path).headers().firstValue("ETag").orElseThrow();
    var changed = patch(path, "{\"labels\": {\"tag\": \"%s\"}}".formatted(tag), etag);
    assertThat(changed.statusCode()).as(changed.body()).isEqualTo(200);
    assertThat(body(get(path)).at("/labels/tag").asString()).isEqualTo(tag);
    assertThat(body(get("/api/v1/datasets?label=tag:" + tag)).at("/data/0/labels/tag").asString())
        .isEqualTo(tag);
    assertThat(ids("/api/v1/datasets?search=TWO%20" + tag)).hasSize(1);
    assertThat(ids("/api/v1/datasets?search=digit")).contains("digits");
    problem(patch(path, "{\"name\": \"late\"}", etag), 412, "precondition_failed");
    problem(patch(path, "{\"name\": null}", "*"), 422, "invalid_spec");
    problem(patch("/api/v1/datasets/digits", "{\"name\": \"mine\"}", "*"), 409, "conflict");
    problem(
        send("DELETE", path, BodyPublishers.noBody(), "If-Match", etag),
        412,
        "precondition_failed");
    assertThat(delete(path).statusCode()).isEqualTo(204);
  }
}
