package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.node.ObjectNode;

class LimitsTest extends ServiceTest {

  @Autowired JdbcClient jdbc;

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
  void rejectsTrainingThatExceedsMemory() {
    var wide = LAYER.replace("4", "65536");
    assertMistakes(job(wide, 1, 1024, 1024), "/batch_size");
  }

  @Test
  void refusalSuggestsActivationCheckpointing() {
    var large = job(LAYER.replace("4", "4096") + ", {\"type\": \"IAF\"}, " + LAYER, 1, 1024, 256);
    var refused = post("/api/v1/jobs", large);
    problem(refused, 422, "invalid_spec");
    assertThat(refused.body()).contains("with \\\"activation_checkpointing\\\": true it needs");
    var accepted =
        post("/api/v1/jobs", large.replaceFirst("\\{", "{\"activation_checkpointing\": true, "));
    assertThat(accepted.statusCode()).as(accepted.body()).isEqualTo(202);
    var path = accepted.headers().firstValue("Location").orElseThrow();
    assertThat(body(accepted).at("/spec/activation_checkpointing").asBoolean()).isTrue();
    assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
  }

  @Test
  void memoryLimitIsThatOfTheLargestWorker() throws Exception {
    var wide = LAYER.replace("4", "32768") + "," + LAYER.replace("4", "2048");
    var large = job(wide, 1, 1024, 1024);
    var refused = post("/api/v1/jobs", large);
    problem(refused, 422, "invalid_spec");
    assertThat(refused.body()).contains("spikewise.jobs.memory-per-job");
    jdbc.sql(
            "insert into worker (id, memory_bytes, seen_at) values ('large', ?, current_timestamp)")
        .param(1L << 50)
        .update();
    try {
      var accepted = post("/api/v1/jobs", large);
      assertThat(accepted.statusCode()).as(accepted.body()).isEqualTo(202);
      var path = accepted.headers().firstValue("Location").orElseThrow();
      // A small job that comes later is trained; the large one waits for the large worker.
      var small = post("/api/v1/jobs", job(LAYER, 1, 1, 1));
      await(small.headers().firstValue("Location").orElseThrow(), "succeeded", "failed");
      assertThat(body(get(path)).get("status").asString()).isEqualTo("queued");
      assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
      assertThat(delete(path).statusCode()).isEqualTo(204);
    } finally {
      jdbc.sql("delete from worker where id = 'large'").update();
    }
  }

  @Test
  void everyLimitOnNamesListsAndDepthIsNamed() {
    var name = "\"name\": \"" + "x".repeat(201) + "\", ";
    named(job(LAYER, 1, 1, 1).replaceFirst("\\{", "{" + name), "spikewise.limits.name-length");
    var label = "\"labels\": {\"a\": \"" + "x".repeat(1001) + "\"}, ";
    named(job(LAYER, 1, 1, 1).replaceFirst("\\{", "{" + label), "spikewise.limits.label-length");
    var labels =
        IntStream.range(0, 65)
            .mapToObj(i -> "\"" + i + "\": \"\"")
            .collect(Collectors.joining(","));
    named(
        job(LAYER, 1, 1, 1).replaceFirst("\\{", "{\"labels\": {" + labels + "}, "),
        "spikewise.limits.labels");
    var loss = String.join(",", Collections.nCopies(4097, "{\"type\": \"l1\"}"));
    named(
        job(LAYER, 1, 1, 1).replaceFirst("\\{", "{\"loss\": [" + loss + "], "),
        "spikewise.limits.list-entries");
    named(job(LAYER.replace("4", "67108865"), 1, 1, 1), "spikewise.limits.tensor-values");
    var deep = post("/api/v1/jobs", "[".repeat(501));
    problem(deep, 413, "content_too_large");
    assertThat(deep.body()).contains("spring.jackson.factory.constraints.read.max-nesting-depth");
  }

  @Test
  void listsAreBoundedTogetherAndDocumentsAsTheyAreStored() {
    var names = "[" + "\"1\",".repeat(504) + "\"1\"]";
    var term = "{\"type\": \"firing_rate\", \"min\": 0, \"layers\": " + names + "}";
    var many =
        job(LAYER, 1, 1, 1)
            .replaceFirst("\\{", "{\"loss\": [" + term + ("," + term).repeat(39) + "], ");
    var refused = post("/api/v1/jobs", many);
    problem(refused, 422, "invalid_spec");
    assertThat(refused.body())
        .contains("spikewise.limits.entries", "/loss/32/layers")
        .contains("16384");
    var terms = String.join(",", Collections.nCopies(257, "{\"type\": \"l1\"}"));
    named(
        job(LAYER, 1, 1, 1).replaceFirst("\\{", "{\"loss\": [" + terms + "], "),
        "spikewise.limits.terms");
    var name = "\"" + "n".repeat(200) + "\"";
    var list = String.join(",", Collections.nCopies(380, name));
    var lists = "{\"type\": \"firing_rate\", \"min\": 0, \"layers\": [" + list + "]},";
    var most = lists.repeat(13) + String.join(",", Collections.nCopies(240, "{\"type\":\"l1\"}"));
    var body = job(LAYER, 1, 1, 1).replaceFirst("\\{", "{\"loss\": [" + most + "], ");
    // Close to the limit as it is sent, and over it with what was left out.
    int rest = (1_047_000 - body.length()) / 64 - 12;
    var labels =
        IntStream.range(10, 74)
            .mapToObj(i -> "\"" + i + "\": \"" + "x".repeat(rest) + "\"")
            .collect(Collectors.joining(","));
    var stored = post("/api/v1/jobs", body.replaceFirst("\\{", "{\"labels\": {" + labels + "}, "));
    problem(stored, 422, "invalid_spec");
    assertThat(stored.body()).contains("spikewise.limits.document-size");
  }

  @Test
  void reportsAtMostAHundredMistakes() {
    var wrong = String.join(",", Collections.nCopies(4000, "{\"type\": \"none\"}"));
    var problem =
        problem(
            post("/api/v1/jobs", "{\"loss\": [" + wrong + "], \"model\": {\"layers\": [{}]}}"),
            422,
            "invalid_spec");
    assertThat(problem.get("errors")).hasSize(100);
  }

  /** The definition of a model may be longer than a request, and may be damaged. */
  @Test
  void storedModelsAreListedAndDeletedWhateverTheirDefinitionsAre() {
    var definition = "{\"input_shape\": [4], \"layers\": [" + LAYER + "]" + " ".repeat(9 << 20);
    var longer = insertModel(definition + "}");
    var damaged = insertModel(definition);
    assertThat(body(get(longer)).at("/summary/parameters").asInt()).isEqualTo(16);
    assertThat(body(get(damaged)).has("definition")).isFalse();
    assertThat(post(longer + "/deployability", "").statusCode()).isEqualTo(200);
    var page = body(get("/api/v1/models?limit=2"));
    assertThat(page.get("data")).as("ends where its models are long").hasSize(1);
    var next = body(get("/api/v1/models?limit=2&cursor=" + page.get("next_cursor").asString()));
    assertThat(page.at("/data/0/id").asString() + next.at("/data/0/id").asString())
        .isEqualTo(damaged.substring(15) + longer.substring(15));
    // It has no definition today's rules allow, and is shown nevertheless.
    var outdated = insertModel("{\"input_shape\": [4], \"layers\": [{\"type\": \"Concat\"}]}");
    assertThat(body(get("/api/v1/models?limit=1")).at("/data/0").has("summary")).isFalse();
    assertThat(delete(outdated).statusCode()).isEqualTo(204);
    assertThat(delete(damaged).statusCode()).isEqualTo(204);
    assertThat(delete(longer).statusCode()).isEqualTo(204);
  }

  @Test
  void limitsApplyToDerivedModels() {
    // Forty joins that name each of 200 layers.
    var name = "n".repeat(195);
    var layers = new ArrayList<String>();
    var names = new ArrayList<String>();
    for (int i = 0; i < 200; i++) {
      names.add("\"" + name + i + "\"");
      layers.add(LAYER.replace("}", ", \"inputs\": [\"input\"], \"name\": " + names.get(i) + "}"));
    }
    var joins = new ArrayList<String>();
    for (int i = 0; i < 40; i++) {
      joins.add("\"join" + i + "\"");
      layers.add(
          "{\"type\": \"Concat\", \"name\": " + joins.get(i) + ", \"inputs\": " + names + "}");
    }
    layers.add("{\"type\": \"Concat\", \"inputs\": " + joins + "}");
    var path = insertModel("{\"input_shape\": [4], \"layers\": " + layers + "}");
    assertThat(body(get(path)).has("summary")).isTrue();
    var weights = new HashMap<String, Tensor>();
    for (int i = 0; i < 200; i++) {
      weights.put(name + i + ".weight", new Tensor(new int[] {4, 4}, new float[16]));
    }
    var put =
        send(
            "PUT",
            path + "/weights",
            BodyPublishers.ofByteArray(Weights.writeNpz(new StateDict(weights))),
            "Content-Type",
            "application/x-npz");
    assertThat(put.statusCode()).as(put.body()).isEqualTo(204);
    var merged = post(path + "/merge", "");
    problem(merged, 422, "invalid_spec");
    assertThat(merged.body()).contains("spikewise.limits.document-size");
    assertThat(delete(path).statusCode()).isEqualTo(204);
  }

  private String insertModel(String definition) {
    var id = UUID.randomUUID();
    jdbc.sql(
            "insert into model (id, tenant, definition, created_at) values (?, 'default', ?,"
                + " current_timestamp)")
        .params(id, definition)
        .update();
    return "/api/v1/models/" + id;
  }

  /** Of a network with many layers: both as a page and as a table of more than one page. */
  @Test
  void epochsArePagedByTheirLength() throws Exception {
    var submitted = post("/api/v1/jobs", job(LAYER, 1, 1, 1));
    var path = submitted.headers().firstValue("Location").orElseThrow();
    await(path, "succeeded", "failed");
    var epoch = (ObjectNode) body(get(path + "/epochs")).at("/data/0");
    var layers = epoch.putObject("spiking");
    for (int layer = 0; layer < 200; layer++) {
      layers.putObject("layer" + layer).put("firing_rate", 1 / 3.0).put("silent_ratio", 1 / 7.0);
    }
    var id = UUID.fromString(path.substring(path.lastIndexOf('/') + 1));
    jdbc.sql("delete from epoch where job_id = ?").param(id).update();
    for (int number = 0; number < 450; number++) {
      jdbc.sql("insert into epoch (job_id, epoch, metrics) values (?, ?, ?)")
          .params(id, number, epoch.put("epoch", number).toString())
          .update();
    }
    int epochs = 0;
    var after = "-1";
    while (!after.isEmpty()) {
      var page = get(path + "/epochs?limit=10000&after=" + after);
      assertThat(page.body().length()).isLessThan(6 << 20);
      epochs += body(page).get("data").size();
      after = next(page);
    }
    assertThat(epochs).isEqualTo(450);
    var table = get(path + "/epochs.csv").body().lines().toList();
    assertThat(table).hasSize(451);
    assertThat(table.getLast()).startsWith("449,");
    assertThat(get(path + "/epochs.csv?limit=300").body().lines()).hasSize(301);
    int events = 0;
    var cursor = "0-0-0";
    while (!cursor.isEmpty()) {
      var page = get(path + "/events?limit=1000&cursor=" + cursor);
      assertThat(page.body().length()).isLessThan(6 << 20);
      events += body(page).get("data").size();
      cursor = next(page);
    }
    assertThat(events).as("epochs and three states").isEqualTo(453);
    var stream =
        send("GET", path + "/events", BodyPublishers.noBody(), "Accept", "text/event-stream");
    assertThat(stream.body().lines().filter("event: epoch"::equals)).hasSize(450);
  }

  private String next(HttpResponse<String> page) {
    var cursor = body(page).get("next_cursor");
    return cursor.isNull() ? "" : cursor.asString();
  }

  @Test
  void webhooksAndChangesOfJobsAreBoundedAsJobsAre() {
    var events = String.join(",", Collections.nCopies(5000, "\"job.failed\""));
    named(
        post("/api/v1/webhooks", "{\"url\": \"http://1.1.1.1\", \"events\": [" + events + "]}"),
        "spikewise.limits.list-entries");
    var created = post("/api/v1/jobs", job(LAYER, 1, 1, 1));
    var path = created.headers().firstValue("Location").orElseThrow();
    var labels =
        IntStream.range(0, 65)
            .mapToObj(i -> "\"" + i + "\": \"\"")
            .collect(Collectors.joining(",", "{\"labels\": {", "}}"));
    named(patch(path, labels), "spikewise.limits.labels");
    named(patch(path, "{\"name\": \"" + "x".repeat(201) + "\"}"), "spikewise.limits.name-length");
    problem(patch(path, "{\"name\": \"" + "x".repeat(9 << 20) + "\"}"), 413, "content_too_large");
  }

  @Test
  void rejectsOnlyTheDatasetTooLargeForThisProcess() {
    long quarter = Runtime.getRuntime().maxMemory() / 4;
    int samples = Math.toIntExact(quarter / (4 * 1024 * 1024) + 1);
    jdbc.sql(
            "insert into dataset (id, tenant, name, samples, test_samples, shape, time_steps,"
                + " classes, created_at) values ('vast', '', 'vast', ?, 0, '1,1024,1024', 0, 2,"
                + " current_timestamp)")
        .param(samples)
        .update();
    try {
      var model =
          "{\"input_shape\": [1, 1024, 1024], \"layers\": [{\"type\": \"Flatten\"},"
              + " {\"type\": \"Linear\", \"out_features\": 2}, {\"type\": \"IAF\"}]}";
      var refused =
          post(
              "/api/v1/analyses",
              "{\"model\": "
                  + model
                  + ", \"input\": {\"type\": \"dataset\", \"id\": \"vast\"}, \"time_steps\": 1,"
                  + " \"batch_size\": 1}");
      var mistake = problem(refused, 422, "invalid_spec").at("/errors/0");
      assertThat(mistake.at("/pointer").asString()).isEqualTo("/input/id");
      assertThat(mistake.at("/detail").asString())
          .contains("more than a quarter", "give the process a larger heap");
    } finally {
      jdbc.sql("delete from dataset where id = 'vast'").update();
    }
  }

  /** Thousands of epochs a second are stored in transactions that let changes through. */
  @Test
  void jobsOfVeryFastEpochsAreChangedAndCancelledMeanwhile() throws Exception {
    var tiny =
        """
        {"epochs": 1000000, "batch_size": 1, "time_steps": 2, "optimizer": {"type": "adam", "learning_rate": 1e-12},
         "model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 50}, {"type": "IAF"}]}}\
        """;
    var created = post("/api/v1/jobs", tiny);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(202);
    var path = created.headers().firstValue("Location").orElseThrow();
    await(path, "running");
    for (int i = 0; i < 10; i++) {
      var changed = patch(path, "{\"name\": \"" + i + "\"}");
      assertThat(changed.statusCode()).as(changed.body()).isEqualTo(200);
      Thread.sleep(100);
    }
    var cancelled = post(path + "/cancel", "");
    assertThat(cancelled.statusCode()).as(cancelled.body()).isEqualTo(202);
    var end = await(path, "cancelled");
    int stored = end.at("/progress/epoch").asInt();
    assertThat(stored).isGreaterThan(1000);
    assertThat(
            body(get(path + "/epochs?limit=1&after=" + (stored - 2))).at("/data/0/epoch").asInt())
        .isEqualTo(stored - 1);
  }

  private HttpResponse<String> patch(String path, String body) {
    return send("PATCH", path, BodyPublishers.ofString(body));
  }

  private void named(String job, String setting) {
    named(post("/api/v1/jobs", job), setting);
  }

  private void named(HttpResponse<String> response, String setting) {
    problem(response, 422, "invalid_spec");
    assertThat(response.body()).contains(setting);
  }

  private static String job(String layers, int epochs, int batchSize, int timeSteps) {
    return """
    {"epochs": %d, "batch_size": %d, "time_steps": %d,
     "model": {"input_shape": [4], "layers": [%s, {"type": "IAF"}]}}\
    """
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
