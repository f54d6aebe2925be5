package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.UUID;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;

/** What the API refuses where a lenient server would guess, and how its lists are read. */
class StrictRestTest extends ServiceTest {

  @Autowired JdbcClient jdbc;

  private static final String JOBS = "/api/v1/jobs";
  private static final String MODEL =
      """
      {"input_shape": [2], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]}\
      """;

  private JsonNode submit(String name, String labels, int epochs) {
    var job =
        post(
            JOBS,
            """
            {"name": "%s", "labels": %s, "epochs": %d, "model": %s}\
            """
                .formatted(name, labels, epochs, MODEL));
    assertThat(job.statusCode()).as(job.body()).isEqualTo(202);
    return body(job);
  }

  private static String path(JsonNode job) {
    return JOBS + "/" + job.get("id").asString();
  }

  @ParameterizedTest
  @CsvSource({
    "/api/v1/jobs?limt=3, did you mean `limit`?",
    "/api/v1/jobs?max_synop=3, did you mean `max_synops`?",
    "/api/v1/models?status=running, supported are `cursor`",
    "/api/v1/jobs/events?fields=id, this operation has no parameter `fields`",
    "/api/v1/datasets/digits?verbose=1, it has no parameters",
    "/api/v1/jobs?limit=3&limit=4, `limit` may be given once but was given 2 times",
    "/api/v1/jobs?name=a&name=b, `name` may be given once but was given 2 times"
  })
  void refusesParametersThatTheOperationDoesNotHave(String path, String detail) {
    assertThat(problem(get(path), 400, "invalid_parameter").get("detail").asString())
        .contains(detail);
  }

  @Test
  void bulkDeleteDeletesOnlyWhatMatchesAndSaysWhetherMoreMatches() throws Exception {
    var label = "{\"bulk\": \"" + UUID.randomUUID() + "\"}";
    var value = label.substring(10, label.length() - 2);
    var jobs = List.of(submit("a", label, 1), submit("b", label, 1), submit("c", label, 1));
    var other = submit("d", "{}", 1);
    for (var job : jobs) {
      await(path(job), "succeeded");
    }
    assertThat(problem(delete(JOBS), 400, "invalid_parameter").get("detail").asString())
        .contains("at least one filter must be given");
    problem(delete(JOBS + "?label=bulk:" + value + "&limit=201"), 400, "invalid_parameter");

    var first = body(delete(JOBS + "?label=bulk:" + value + "&limit=2"));
    assertThat(first.get("deleted")).hasSize(2);
    assertThat(first.get("more").asBoolean()).isTrue();
    var second = body(delete(JOBS + "?label=bulk:" + value + "&limit=2"));
    assertThat(second.get("deleted")).hasSize(1);
    assertThat(second.get("more").asBoolean()).isFalse();
    for (var job : jobs) {
      problem(get(path(job)), 404, "not_found");
    }
    assertThat(get(path(other)).statusCode()).isEqualTo(200);
  }

  @Test
  void usageAsCsvHasTheNumbersOfTheJson() throws Exception {
    await(path(submit("counted", "{}", 2)), "succeeded");
    var csv =
        send("GET", "/api/v1/usage", BodyPublishers.noBody(), "Accept", "text/csv")
            .body()
            .split("\r\n");
    var json = body(get("/api/v1/usage")).get("data").get(0);
    assertThat(csv[0])
        .isEqualTo("tenant,month,jobs,epochs,samples,synops,training_seconds,stored_bytes");
    var row = csv[1].split(",");
    assertThat(row[1]).isEqualTo(json.get("month").asString());
    assertThat(Long.parseLong(row[2])).isPositive().isLessThanOrEqualTo(json.get("jobs").asLong());
    assertThat(Long.parseLong(row[3])).isGreaterThanOrEqualTo(2);
    problem(get("/api/v1/usage?month=November"), 400, "invalid_parameter");
  }

  @Test
  void refusesADryRunThatIsNeitherTrueNorFalse() {
    var body = "{\"epochs\": 1, \"model\": %s}".formatted(MODEL);
    problem(post(JOBS + "?dry_run=1", body), 400, "invalid_parameter");
    assertThat(post(JOBS + "?dry_run=true", body).statusCode()).isEqualTo(200);
    assertThat(post(JOBS + "?dry_run=false", body).statusCode()).isEqualTo(202);
  }

  @Test
  void changesAndDeletesOnlyTheVersionThatIfMatchNames() throws InterruptedException {
    var path = path(submit("versions", "{}", 1));
    await(path, "succeeded");
    var first = get(path).headers().firstValue("ETag").orElseThrow();
    var renamed = patch(path, "{\"name\": \"renamed\"}", "If-Match", first);
    assertThat(renamed.statusCode()).as(renamed.body()).isEqualTo(200);
    var second = renamed.headers().firstValue("ETag").orElseThrow();
    assertThat(second).isNotEqualTo(first);

    problem(patch(path, "{\"name\": \"late\"}", "If-Match", first), 412, "precondition_failed");
    problem(
        patch(path, "{\"name\": \"late\"}", "If-Match", "W/" + second), 412, "precondition_failed");
    problem(patch(path, "{\"name\": \"late\"}", "If-Match", "7"), 400, "invalid_parameter");
    problem(
        send("DELETE", path, BodyPublishers.noBody(), "If-Match", first),
        412,
        "precondition_failed");
    assertThat(body(get(path)).get("name").asString()).isEqualTo("renamed");
    assertThat(patch(path, "{\"name\": \"any\"}", "If-Match", "*").statusCode()).isEqualTo(200);
    assertThat(patch(path, "{\"name\": \"free\"}").statusCode()).isEqualTo(200);
    var last = get(path).headers().firstValue("ETag").orElseThrow();
    assertThat(
            send("DELETE", path, BodyPublishers.noBody(), "If-Match", "\"0\", " + last)
                .statusCode())
        .isEqualTo(204);
  }

  @Test
  void everyKindOfResourceIsDeletedOnlyInTheVersionThatIfMatchNames() throws Exception {
    var job = "{\"job\": {\"epochs\": 1, \"model\": %s}, ".formatted(MODEL);
    var created =
        List.of(
            post("/api/v1/models", MODEL),
            post("/api/v1/webhooks", "{\"url\": \"https://93.184.215.14/versions\"}"),
            post("/api/v1/sweeps", job + "\"seeds\": [1]}"),
            post(
                "/api/v1/searches",
                job
                    + "\"over\": {\"batch_size\": {\"type\": \"integer\", \"min\": 1, \"max\": 4}},"
                    + " \"objectives\": [{\"metric\": \"synops\"}], \"budget\": {\"trials\": 1}}"));
    for (var response : created) {
      assertThat(response.statusCode()).as(response.body()).isIn(201, 202);
      var path = response.headers().firstValue("Location").orElseThrow();
      if (body(response).has("status")) {
        await(path, "succeeded");
      }
      problem(
          send("DELETE", path, BodyPublishers.noBody(), "If-Match", "\"stale\""),
          412,
          "precondition_failed");
      var tag = get(path).headers().firstValue("ETag").orElseThrow();
      assertThat(send("DELETE", path, BodyPublishers.noBody(), "If-Match", tag).statusCode())
          .as(path)
          .isEqualTo(204);
    }
  }

  @Test
  void everyChangeOfAResourceHasIfMatch() {
    int changes = 0;
    for (var path : body(get("/v3/api-docs")).get("paths").properties()) {
      for (var method : List.of("patch", "put", "delete")) {
        var operation = path.getValue().get(method);
        if (operation != null && path.getKey().contains("{id}")) {
          changes++;
          assertThat(operation.get("parameters").valueStream().map(p -> p.get("name").asString()))
              .as(method + " " + path.getKey())
              .contains("If-Match");
          assertThat(operation.get("responses").has("412")).as(path.getKey()).isTrue();
        }
      }
    }
    assertThat(changes).isGreaterThanOrEqualTo(10);
  }

  /** The jobs wait because only a worker that does not exist has enough memory for them. */
  @Test
  void queuePositionIsTheSameInPostGetAndList() {
    var wide = "{\"type\": \"Linear\", \"out_features\": %d, \"bias\": false}";
    var large =
        """
        {"epochs": 1, "batch_size": 1024, "time_steps": 1024, "labels": {"queue": "wide"},
         "model": {"input_shape": [4], "layers": [%s, %s]}}\
        """
            .formatted(wide.formatted(32768), wide.formatted(2048));
    jdbc.sql(
            "insert into worker (id, memory_bytes, seen_at) values ('queue', ?, current_timestamp)")
        .param(1L << 50)
        .update();
    var jobs = new ArrayList<JsonNode>();
    try {
      for (int i = 0; i < 3; i++) {
        var posted = post(JOBS, large);
        assertThat(posted.statusCode()).as(posted.body()).isEqualTo(202);
        jobs.add(body(posted));
        assertThat(body(posted).at("/queue/position").asInt()).as(posted.body()).isPositive();
        assertThat(body(get(path(body(posted)))).get("queue")).isEqualTo(body(posted).get("queue"));
      }
      assertThat(jobs.get(2).at("/queue/position").asInt())
          .isEqualTo(jobs.get(0).at("/queue/position").asInt() + 2);
      for (var listed : body(get(JOBS + "?label=queue:wide")).get("data")) {
        assertThat(listed.get("queue")).isEqualTo(body(get(path(listed))).get("queue"));
      }
    } finally {
      jobs.forEach(job -> post(path(job) + "/cancel", ""));
      jdbc.sql("delete from worker where id = 'queue'").update();
    }
  }

  private HttpResponse<String> patch(String path, String body, String... headers) {
    return send("PATCH", path, BodyPublishers.ofString(body), headers);
  }

  @Test
  void patchesAreMergePatches() throws InterruptedException {
    var path = path(submit("merged", "{\"keep\": \"1\", \"drop\": \"2\"}", 1));
    await(path, "succeeded");
    var patched =
        patch(
            path,
            "{\"labels\": {\"drop\": null, \"add\": \"3\"}}",
            "Content-Type",
            "application/merge-patch+json");
    assertThat(patched.statusCode()).as(patched.body()).isEqualTo(200);
    assertThat(body(patched).get("labels").toString()).isEqualTo("{\"add\":\"3\",\"keep\":\"1\"}");
    assertThat(body(patched).get("name").asString()).isEqualTo("merged");
    assertThat(body(patch(path, "{\"name\": null}")).get("name").isNull()).isTrue();
    assertThat(body(patch(path, "{\"labels\": null}")).get("labels")).isEmpty();
    for (var wrong :
        List.of(
            "{\"lables\": null}",
            "{\"labels\": {\"a\": 1}}",
            "{\"priority\": 5000}",
            "{\"a\":1}")) {
      assertThat(problem(patch(path, wrong), 422, "invalid_spec").get("errors")).isNotEmpty();
    }
    problem(patch(path, "[]"), 422, "invalid_spec");
    problem(patch(path, "{}", "Content-Type", "text/plain"), 415, "unsupported_media_type");
  }

  @Test
  void refusesBodiesThatItWouldNotCheckAsJson() {
    for (var type : List.of("application/yaml", "application/x-yaml", "text/yaml")) {
      problem(
          post(JOBS, "epochs: 1\nmodle: {}\n", "Content-Type", type),
          415,
          "unsupported_media_type");
    }
    problem(
        send("GET", JOBS, BodyPublishers.noBody(), "Accept", "application/yaml"),
        406,
        "not_acceptable");
  }

  @Test
  void refusesEncodedBodies() {
    var refused = post(JOBS, "{}", "Content-Encoding", "gzip");
    assertThat(problem(refused, 415, "unsupported_media_type").get("detail").asString())
        .contains("gzip");
    assertThat(refused.headers().firstValue("Accept-Encoding")).contains("identity");
    problem(post(JOBS, "{}", "Content-Encoding", "identity"), 422, "invalid_spec");
  }

  @Test
  void sortsAndFiltersJobs() throws InterruptedException {
    var tag = UUID.randomUUID().toString();
    var labels = "{\"tag\": \"%s\"}".formatted(tag);
    var names = List.of("b 100%", "a", "c_x");
    for (int i = 0; i < names.size(); i++) {
      var body =
          """
          {"name": "%s", "labels": %s, "epochs": 1, "batch_size": 2, "time_steps": %d,
           "input": {"type": "constant", "value": %d}, "model":
           {"input_shape": [2], "layers": [{"type": "IAF"}, {"type": "Linear", "out_features": 2}]}}\
          """
              .formatted(names.get(i), labels, 10 + i, 1 + i);
      await(path(body(post(JOBS, body))), "succeeded");
    }
    var all = JOBS + "?label=tag:" + tag;
    assertThat(names(all)).containsExactly("c_x", "a", "b 100%");
    assertThat(names(all + "&sort=created_at")).containsExactly("b 100%", "a", "c_x");
    assertThat(names(all + "&sort=name")).containsExactly("a", "b 100%", "c_x");
    assertThat(names(all + "&sort=-name")).containsExactly("c_x", "b 100%", "a");
    assertThat(names(all + "&sort=-synops")).containsExactly("c_x", "a", "b 100%");
    assertThat(names(all + "&sort=-test_accuracy"))
        .as("newest first where none has a value")
        .containsExactly("c_x", "a", "b 100%");
    for (var sort :
        List.of(
            "name",
            "-synops",
            "synops",
            "test_accuracy",
            "-finished_at",
            "status",
            "created_at",
            "-priority")) {
      assertThat(pages(all + "&sort=" + sort)).as(sort).isEqualTo(names(all + "&sort=" + sort));
    }
    assertThat(names(all + "&search=A")).containsExactly("a");
    assertThat(names(all + "&search=0%25")).containsExactly("b 100%");
    assertThat(names(all + "&search=_")).containsExactly("c_x");

    var middle = body(get(all + "&name=a")).at("/data/0/latest/synops").asDouble();
    assertThat(names(all + "&sort=name&min_synops=" + middle)).containsExactly("a", "c_x");
    assertThat(names(all + "&sort=name&max_synops=" + middle)).containsExactly("a", "b 100%");
    assertThat(names(all + "&min_accuracy=0")).isEmpty();
    var time = body(get(all + "&name=a")).at("/data/0/created_at").asString();
    assertThat(names(all + "&sort=name&created_after=" + time)).containsExactly("a", "c_x");
    assertThat(names(all + "&sort=name&created_before=" + time)).containsExactly("a", "b 100%");
    assertThat(names(all + "&dataset=digits")).isEmpty();
    assertThat(names(all + "&status=succeeded,failed")).hasSize(3);

    problem(get(all + "&sort=synop"), 400, "invalid_parameter");
    problem(get(all + "&min_synops=many"), 400, "invalid_parameter");
    problem(get(all + "&created_after=yesterday"), 400, "invalid_parameter");
    var cursor = body(get(all + "&sort=name&limit=1")).get("next_cursor").asString();
    problem(get(all + "&sort=-name&cursor=" + cursor), 400, "invalid_parameter");
    problem(get(all + "&sort=name&cursor=12"), 400, "invalid_parameter");
  }

  private List<String> names(String path) {
    var page = get(path);
    assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
    return StreamSupport.stream(body(page).get("data").spliterator(), false)
        .map(job -> job.get("name").asString())
        .toList();
  }

  private List<String> pages(String path) {
    var names = new ArrayList<String>();
    var next = "";
    while (next != null) {
      var page = body(get(path + "&limit=1" + next));
      page.get("data").forEach(job -> names.add(job.get("name").asString()));
      assertThat(names).hasSizeLessThan(10);
      var cursor = page.get("next_cursor");
      next = cursor.isNull() ? null : "&cursor=" + cursor.asString();
    }
    return names;
  }

  @Test
  void findsLabelsOfAnyCharacters() throws InterruptedException {
    var tag = UUID.randomUUID().toString();
    var key = "a:b,\\c " + tag;
    var value = "x,y:z\\ é&=%";
    var labels = json.createObjectNode().put(key, value).toString();
    var path = path(submit("odd labels", labels, 1));
    await(path, "succeeded");
    var query = encode("a\\:b,\\\\c " + tag + ":" + value);
    assertThat(names(JOBS + "?label=" + query)).containsExactly("odd labels");
    assertThat(names(JOBS + "?label=" + encode("a\\:b,\\\\c " + tag + ":x"))).isEmpty();
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  @Test
  void answersOnlyTheFieldsThatAreNamed() throws InterruptedException {
    var job = submit("narrow", "{\"k\": \"v\"}", 2);
    await(path(job), "succeeded");
    assertThat(
            body(get(path(job) + "?fields=name,latest.epoch,labels,links.self,spec.seed"))
                .toString())
        .isEqualTo(
            "{\"name\":\"narrow\",\"spec\":{\"seed\":1},\"latest\":{\"epoch\":1},\"labels\":{\"k\":\"v\"},\"links\":{\"self\":\"%s\"}}"
                .formatted(path(job)));
    var list = body(get(JOBS + "?limit=1&fields=id"));
    assertThat(list.at("/data/0").propertyNames()).containsExactly("id");
    assertThat(list.has("next_cursor")).isTrue();
    assertThat(body(get(path(job) + "/epochs?fields=loss")).at("/data/1").propertyNames())
        .containsExactly("loss");
    for (var wrong : List.of("/api/v1/jobs?fields=nam", path(job) + "?fields=latest.synop")) {
      assertThat(problem(get(wrong), 400, "invalid_parameter").get("detail").asString())
          .contains("did you mean");
    }
    problem(get(JOBS + "?fields=spec"), 400, "invalid_parameter");
    problem(get(JOBS + "?fields="), 400, "invalid_parameter");
    problem(get(JOBS + "?fields=id.x"), 400, "invalid_parameter");
  }

  /** Whatever has a next_cursor gives the next page for it as {@code cursor}, up to an end. */
  @Test
  void everyListIsPagedInOneWay() throws InterruptedException {
    var labelled =
        """
        {"epochs": 3, "batch_size": 10, "time_steps": 2, "loss": [{"type": "cross_entropy"}],
         "input": {"type": "dataset", "id": "digits", "limit": 40, "test_fraction": 0.2},
         "model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10},
          {"type": "IAF"}]}}\
        """;
    var job = body(post(JOBS, labelled));
    await(path(job), "succeeded");
    var second = submit("paged", "{}", 1);
    await(path(second), "succeeded");
    for (int i = 0; i < 2; i++) {
      assertThat(post("/api/v1/models", MODEL).statusCode()).isEqualTo(201);
      assertThat(
              post("/api/v1/webhooks", "{\"url\": \"https://93.184.215.14/%d\"}".formatted(i))
                  .statusCode())
          .isEqualTo(201);
      var sweep =
          post(
              "/api/v1/sweeps",
              "{\"job\": {\"epochs\": 1, \"model\": %s}, \"seeds\": [1, 2]}".formatted(MODEL));
      assertThat(sweep.statusCode()).as(sweep.body()).isEqualTo(202);
      var search =
          post(
              "/api/v1/searches",
              """
              {"job": {"epochs": 1, "model": %s}, "objectives": [{"metric": "synops"}],
               "over": {"batch_size": {"type": "integer", "min": 1, "max": 4}},
               "population": 2, "budget": {"trials": 2}}\
              """
                  .formatted(MODEL));
      assertThat(search.statusCode()).as(search.body()).isEqualTo(202);
    }
    var webhook = body(get("/api/v1/webhooks?limit=1")).at("/data/0/id").asString();
    int lists = 0;
    var document = body(get("/v3/api-docs"));
    for (var path : document.get("paths").properties()) {
      var schema = path.getValue().at("/get/responses/200/content/application~1json/schema/$ref");
      if (schema.isMissingNode()
          || !document.at(schema.asString().substring(1)).at("/properties").has("next_cursor")) {
        continue;
      }
      lists++;
      var real =
          path.getKey()
              .replace("webhooks/{id}", "webhooks/" + webhook)
              .replace("{id}", job.get("id").asString());
      var whole = body(get(real + "?limit=200")).get("data");
      var seen = new HashSet<String>();
      var next = "";
      int pages = 0;
      while (next != null && pages++ <= 200) {
        var page = get(real + "?limit=1" + next);
        assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
        for (var entry : body(page).get("data")) {
          assertThat(seen.add(entry.toString())).as("%s repeats %s", real, entry).isTrue();
        }
        var cursor = body(page).get("next_cursor");
        next = cursor.isNull() ? null : "&cursor=" + encode(cursor.asString());
      }
      assertThat(next).as("%s ends", real).isNull();
      assertThat(seen).as(real).hasSizeGreaterThanOrEqualTo(Math.min(200, whole.size()));
    }
    assertThat(lists).isGreaterThanOrEqualTo(7);
  }

  @Test
  void compressesLongResponses() throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v3/api-docs"))
            .header("Accept-Encoding", "gzip")
            .build();
    var packed = send(request, BodyHandlers.ofByteArray());
    assertThat(packed.headers().firstValue("Content-Encoding")).contains("gzip");
    assertThat(packed.headers().firstValue("Vary").orElseThrow())
        .containsIgnoringCase("accept-encoding");
    try (var unpacked = new GZIPInputStream(new java.io.ByteArrayInputStream(packed.body()))) {
      assertThat(json.readTree(unpacked.readAllBytes()).has("paths")).isTrue();
    }
    assertThat(get("/v3/api-docs").headers().firstValue("Content-Encoding")).isEmpty();
  }

  @Test
  void compressedResponseKeepsUsableETag() throws Exception {
    var name = "n".repeat(190);
    var path =
        path(
            submit(
                name,
                "{\"a\": \"%s\", \"b\": \"%s\"}".formatted("a".repeat(900), "b".repeat(900)),
                1));
    await(path, "succeeded");
    var uri = URI.create("http://127.0.0.1:" + port + path);
    var packed =
        send(
            HttpRequest.newBuilder(uri).header("Accept-Encoding", "gzip").build(),
            BodyHandlers.ofByteArray());
    var etag = packed.headers().firstValue("ETag").orElseThrow();
    var again =
        send(
            HttpRequest.newBuilder(uri)
                .header("Accept-Encoding", "gzip")
                .header("If-None-Match", etag)
                .build(),
            BodyHandlers.ofByteArray());
    assertThat(again.statusCode()).isEqualTo(304);
    assertThat(patch(path, "{\"name\": null}", "If-Match", etag).statusCode()).isEqualTo(200);
  }
}
