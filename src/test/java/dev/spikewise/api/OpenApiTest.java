package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.WrittenPage;
import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.node.ObjectNode;

/** The OpenAPI document says all, says it rightly, and clients can be generated from it. */
class OpenApiTest extends ServiceTest {

  private static final String DIGITS =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 100, "test_fraction": 0.2}, "epochs": 2, "batch_size": 20,
       "loss": [{"type": "cross_entropy"}], "gates": [{"metric": "synops", "max": 1e9}], "quantize": {"bits": 8}}\
      """;

  private static final String SHAPE_OF_PRINTED = "?input_shape=2,8,4";

  @TempDir static Path folder;
  private JsonNode document;

  @BeforeEach
  void readTheDocument() {
    document = body(get("/v3/api-docs"));
  }

  private record Call(String path, String method, JsonNode operation) {}

  private record Example(String name, String contentType, String body) {}

  private static List<Example> examples(Call call) {
    var examples = new ArrayList<Example>();
    for (var content : call.operation().at("/requestBody/content").properties()) {
      for (var example : content.getValue().path("examples").properties()) {
        var value = example.getValue().get("value");
        var body = value.isString() ? value.asString() : value.toPrettyString();
        examples.add(new Example(example.getKey(), content.getKey(), body));
      }
    }
    return examples;
  }

  private List<Call> calls() {
    var calls = new ArrayList<Call>();
    document
        .get("paths")
        .properties()
        .forEach(
            path ->
                path.getValue()
                    .properties()
                    .forEach(
                        method ->
                            calls.add(
                                new Call(path.getKey(), method.getKey(), method.getValue()))));
    return calls;
  }

  @Test
  void everyDescriptionOfAFieldStandsAlone() {
    var poor = new ArrayList<String>();
    document
        .at("/components/schemas")
        .properties()
        .forEach(
            schema ->
                schema
                    .getValue()
                    .path("properties")
                    .properties()
                    .forEach(
                        property -> {
                          String text = property.getValue().path("description").asString("");
                          if (text.split("\\s+").length < 4
                              || text.matches("(?s).*(&[a-z]+;|`#|\\{@).*")) {
                            poor.add(schema.getKey() + "." + property.getKey() + ": " + text);
                          }
                        }));
    assertThat(poor).isEmpty();
    assertThat(calls().stream().map(call -> call.operation().get("operationId").asString()))
        .noneMatch(id -> id.contains("_"));
    assertThat(calls().stream().map(call -> call.operation().path("summary").asString("")))
        .noneMatch(String::isEmpty);
  }

  @Test
  void fieldsOfTheUploadFormAreThoseOfItsRecord() {
    var form =
        document
            .at("/paths/~1api~1v1~1datasets/post/requestBody/content")
            .get("multipart/form-data")
            .get("schema");
    var fields = form.get("properties");
    assertThat(fields.propertyNames())
        .contains("name", "file", "test_images", "events", "time_steps", "time_unit", "preparation")
        .hasSize(15);
    assertThat(form.get("required").toString()).isEqualTo("[\"name\"]");
    assertThat(fields.at("/test_images/format").asString()).isEqualTo("binary");
    assertThat(fields.at("/time_steps/type").asString()).isEqualTo("integer");
    assertThat(fields.at("/scale/type").asString()).isEqualTo("number");
    fields.forEach(field -> assertThat(field.get("description").asString()).endsWith("."));
    assertThat(document.at("/paths/~1api~1v1~1datasets/post/parameters").toString())
        .doesNotContain("\"query\"");
  }

  @Test
  void everyFieldAndCallIsDescribedUnderTheNameItTravelsWith() {
    var missing = new ArrayList<String>();
    document
        .at("/components/schemas")
        .properties()
        .forEach(
            schema -> {
              if (!schema.getValue().hasNonNull("description")) {
                missing.add(schema.getKey());
              }
              schema
                  .getValue()
                  .path("properties")
                  .properties()
                  .forEach(
                      property -> {
                        assertThat(property.getKey()).matches("[a-z][a-z0-9_]*");
                        if (!property.getValue().hasNonNull("description")) {
                          missing.add(schema.getKey() + "." + property.getKey());
                        }
                      });
            });
    var operationIds = new TreeSet<String>();
    for (var call : calls()) {
      var id = call.operation().get("operationId").asString();
      assertThat(operationIds.add(id)).as(id).isTrue();
      if (call.operation().path("summary").asString("").isEmpty()) {
        missing.add(id);
      }
      for (var parameter : call.operation().path("parameters")) {
        if (!parameter.hasNonNull("description")) {
          missing.add(id + " " + parameter.get("name"));
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(operationIds).contains("createJob", "getJobEpochsCsv", "changeJob", "listDatasets");
    assertThat(document.at("/info/title").asString()).isEqualTo("Spikewise");
    assertThat(document.at("/components/schemas/ConversionSpec/properties/min_v_mem").isObject())
        .isTrue();
  }

  @Test
  void everyCallListsTheProblemsItCanAnswerWith() {
    for (var call : calls()) {
      var responses = call.operation().get("responses");
      var statuses = responses.propertyNames();
      assertThat(statuses).as(call.path()).contains("401", "403", "500", "503");
      if (call.path().contains("{id}")) {
        assertThat(statuses).contains("404");
      }
      if (call.operation().has("requestBody")) {
        assertThat(statuses).contains("400", "413", "415", "422");
      }
      responses
          .properties()
          .forEach(
              response -> {
                if (response.getKey().charAt(0) >= '4') {
                  assertThat(
                          response
                              .getValue()
                              .at("/content/application~1problem+json/schema/$ref")
                              .asString())
                      .isEqualTo("#/components/schemas/Problem");
                }
              });
    }
  }

  @Test
  void variantsAreToldApartByTheirType() {
    var layers = document.at("/components/schemas/LayerSpec");
    assertThat(layers.at("/discriminator/propertyName").asString()).isEqualTo("type");
    assertThat(layers.at("/discriminator/mapping/IAFSqueeze").asString())
        .isEqualTo("#/components/schemas/IAFLayer");
    var iaf = document.at("/components/schemas/IAFLayer");
    assertThat(iaf.at("/properties/type/enum").toString()).isEqualTo("[\"IAF\",\"IAFSqueeze\"]");
    assertThat(iaf.get("required").toString()).isEqualTo("[\"type\"]");
    assertThat(document.at("/components/schemas/ALIFLayer/properties").has("min_v_mem")).isTrue();
  }

  @Test
  void everyExampleIsAccepted() throws InterruptedException {
    var used = new ArrayList<String>();
    for (var call : calls()) {
      for (var example : examples(call)) {
        var response =
            send(
                call.method().toUpperCase(),
                path(call, example.contentType()),
                BodyPublishers.ofString(example.body()),
                "Content-Type",
                example.contentType());
        assertThat(response.statusCode())
            .as(example.name() + ": " + response.body())
            .isBetween(200, 299);
        used.add(call.operation().get("operationId").asString());
        if (call.path().endsWith("/jobs")) {
          finish(response.headers().firstValue("Location").orElseThrow());
        }
        if (call.path().endsWith("/searches")) {
          post(response.headers().firstValue("Location").orElseThrow() + "/cancel", "");
        }
        if (call.path().endsWith("/webhooks") || call.path().endsWith("/keys")) {
          delete(response.headers().firstValue("Location").orElseThrow());
        }
      }
    }
    // Every call with a JSON body has one.
    for (var call : calls()) {
      if (call.operation().at("/requestBody/content/application~1json").isObject()) {
        assertThat(used).contains(call.operation().get("operationId").asString());
      }
    }
  }

  private JsonNode finish(String job) {
    try {
      var finished = await(job, "succeeded", "failed");
      assertThat(finished.get("status").asString()).as(finished.toString()).isEqualTo("succeeded");
      return finished;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** The document that the Java client is generated from, with the version of the API. */
  @Test
  void storedDocumentIsUpToDate() throws IOException {
    ((ObjectNode) document.get("info")).put("version", "1");
    var sorted = json.rebuild().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS).build();
    var text =
        sorted
            .writerWithDefaultPrettyPrinter()
            .writeValueAsString(sorted.treeToValue(document, Object.class));
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/openapi.json"), text + "\n");
  }

  /** What editors send at a click; a call whose body is a file is left out. */
  @Test
  void requestsHttpMatchesExamples() throws IOException {
    var requests =
        new StringBuilder(
            """
            # Requests for an editor that sends them (IntelliJ, VS Code's REST Client), from the OpenAPI document.
            # OpenApiTest writes this file, sends its bodies, and fails where it is out of date.

            @server = http://localhost:8080
            @key = only asked for where keys are configured
            @dataset = digits
            @job = id of a job
            @model = id of a model
            @search = id of a search
            @sweep = id of a sweep
            @webhook = id of a webhook
            @key_id = id of an API key
            """);
    var calls = calls();
    calls.sort(Comparator.comparing(Call::path).thenComparing(Call::method));
    for (var call : calls) {
      if (!call.operation().has("requestBody")) {
        requests.append(request(call, call.operation().get("summary").asString(), "", ""));
      }
      for (var example : examples(call)) {
        requests.append(request(call, example.name(), example.contentType(), example.body()));
      }
    }
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/requests.http"), requests.toString());
  }

  private String request(Call call, String title, String contentType, String body) {
    var things = call.path().replaceFirst("/api/v1/", "").replaceFirst("(es|s)/.*", "");
    // The variable key holds a secret.
    var variable = things.equals("key") ? "key_id" : things;
    var path = call.path().replace("{id}", "{{" + variable + "}}");
    if (call.operation().get("operationId").asString().equals("createModel")
        && contentType.startsWith("text")) {
      path += SHAPE_OF_PRINTED;
    }
    var head =
        "%n### %s%n%s {{server}}%s%nX-API-Key: {{key}}%n"
            .formatted(title, call.method().toUpperCase(), path);
    return body.isEmpty()
        ? head
        : head + "Content-Type: %s%n%n%s%n".formatted(contentType, body.strip());
  }

  /** With the id of something that the example is about, and what has to be said in the query. */
  private String path(Call call, String contentType) {
    return switch (call.operation().get("operationId").asString()) {
      case "createModel" -> call.path() + (contentType.startsWith("text") ? SHAPE_OF_PRINTED : "");
      case "changeModel" -> call.path().replace("{id}", rectified());
      case "changeDataset" -> call.path().replace("{id}", uploaded());
      case "createJobModel" -> call.path().replace("{id}", trained().get("id").asString());
      case "rotateKey" -> call.path().replace("{id}", key().get("id").asString());
      case "convertModel" -> call.path().replace("{id}", rectified());
      case "changeJob" -> call.path().replace("{id}", trained().get("id").asString());
      default -> call.path();
    };
  }

  private JsonNode key() {
    return body(post("/api/v1/keys", "{\"name\": \"key-" + System.nanoTime() + "\"}"));
  }

  private JsonNode trained() {
    var submitted = post("/api/v1/jobs", DIGITS);
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    return finish(submitted.headers().firstValue("Location").orElseThrow());
  }

  /** A data set of two images of 1 x 1. */
  private String uploaded() {
    var images = new byte[] {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9};
    var labels = new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    var stored = Multipart.upload(this, Map.of("name", "two", "images", images, "labels", labels));
    return body(stored).get("id").asString();
  }

  private String rectified() {
    var created =
        post(
            "/api/v1/models",
            "{\"input_shape\": [2], \"layers\": [{\"type\": \"Linear\", \"out_features\": 1,"
                + " \"bias\": false}, {\"type\": \"ReLU\"}]}");
    var weights =
        new StateDict(Map.of("0.weight", new Tensor(new int[] {1, 2}, new float[] {1, 2})));
    send(
        "PUT",
        created.headers().firstValue("Location").orElseThrow() + "/weights",
        BodyPublishers.ofByteArray(Weights.writeNpz(weights)),
        "Content-Type",
        "application/x-npz");
    return body(created).get("id").asString();
  }

  /** Real answers against the schemas of their calls: no field more, none less, none else. */
  @Test
  void answersAreWhatTheDocumentSays() {
    var job = trained();
    var id = job.get("id").asString();
    var sweep =
        body(
            post("/api/v1/sweeps", "{\"job\": %s, \"over\": {\"epochs\": [1]}}".formatted(DIGITS)));
    var search =
        post(
            "/api/v1/searches",
            """
            {"job": %s, "objectives": [{"metric": "test_accuracy"}, {"metric": "test_synops"}],
             "over": {"batch_size": {"type": "integer", "min": 8, "max": 16}},
             "population": 2, "budget": {"trials": 2}}\
            """
                .formatted(DIGITS));
    assertThat(search.statusCode()).as(search.body()).isEqualTo(202);
    finish(search.headers().firstValue("Location").orElseThrow());
    var webhook = post("/api/v1/webhooks", "{\"url\": \"https://example.org/\"}");
    var model = rectified();
    for (var got :
        List.of(
            List.of("/api/v1/jobs/{id}", id),
            List.of("/api/v1/jobs/{id}/epochs", id),
            List.of("/api/v1/jobs/{id}/events", id),
            List.of("/api/v1/jobs/{id}/statistics", id),
            List.of("/api/v1/jobs/{id}/evaluation", id),
            List.of("/api/v1/jobs/{id}/predictions", id),
            List.of("/api/v1/jobs/{id}/report", id),
            List.of("/api/v1/jobs", ""),
            List.of("/api/v1/models/{id}", model),
            List.of("/api/v1/models", ""),
            List.of("/api/v1/sweeps/{id}", sweep.get("id").asString()),
            List.of("/api/v1/sweeps", ""),
            List.of("/api/v1/searches/{id}", body(search).get("id").asString()),
            List.of("/api/v1/searches", ""),
            List.of("/api/v1/webhooks", ""),
            List.of("/api/v1/keys", ""),
            List.of("/api/v1/keys/{id}", key().get("id").asString()),
            List.of("/api/v1/retention", ""),
            List.of("/api/v1/usage", ""),
            List.of("/api/v1/datasets/{id}", "digits"))) {
      check(got.getFirst(), "get", "200", body(get(got.getFirst().replace("{id}", got.getLast()))));
    }
    check(
        "/api/v1/models/{id}/deployability",
        "post",
        "200",
        body(post("/api/v1/models/" + model + "/deployability", "")));
    check("/api/v1/webhooks", "post", "201", body(webhook));
    check("/api/v1/jobs", "post", "2XX", body(post("/api/v1/jobs?dry_run=true", DIGITS)));
    check(
        "/api/v1/analyses",
        "post",
        "200",
        body(
            post(
                "/api/v1/analyses",
                "{\"model\": {\"id\": \"%s\"}, \"dt\": 0.1}".formatted(model))));
    var problem = body(get("/api/v1/jobs/none"));
    conforms(problem, schema("Problem"), "problem");
    delete("/api/v1/webhooks/" + body(webhook).get("id").asString());
  }

  private void check(String path, String method, String status, JsonNode answer) {
    var schema =
        document
            .get("paths")
            .get(path)
            .get(method)
            .at("/responses/" + status + "/content/application~1json/schema");
    assertThat(schema.isObject()).as(path).isTrue();
    conforms(answer, schema, path);
  }

  private JsonNode schema(String name) {
    return document.at("/components/schemas/" + name);
  }

  private void conforms(JsonNode value, JsonNode schema, String at) {
    if (value.isNull()) {
      assertThat(schema.path("nullable").asBoolean(false)).as(at + " is null").isTrue();
      return;
    }
    if (schema.has("$ref")) {
      var ref = schema.get("$ref").asString();
      conforms(value, schema(ref.substring(ref.lastIndexOf('/') + 1)), at);
    } else if (schema.has("allOf")) {
      conforms(value, schema.get("allOf").get(0), at);
    } else if (schema.has("discriminator")) {
      var ref = schema.at("/discriminator/mapping").get(value.get("type").asString()).asString();
      conforms(value, schema(ref.substring(ref.lastIndexOf('/') + 1)), at);
    } else if (schema.has("oneOf")) {
      assertThat(Stream.of(schema.get("oneOf").get(0), schema.get("oneOf").get(1)))
          .as(at)
          .anyMatch(one -> isOf(value, one.get("type").asString()));
    } else if (schema.has("type")) {
      assertThat(isOf(value, schema.get("type").asString())).as(at + " " + value).isTrue();
      if (schema.has("enum") && value.isString()) {
        assertThat(schema.get("enum").valueStream().map(JsonNode::asString))
            .as(at)
            .contains(value.asString());
      }
      if (value.isArray()) {
        value.forEach(item -> conforms(item, schema.get("items"), at + "[]"));
      }
      if (value.isObject()) {
        object(value, schema, at);
      }
    }
  }

  private void object(JsonNode value, JsonNode schema, String at) {
    var properties = schema.path("properties");
    var rest = schema.get("additionalProperties");
    value
        .properties()
        .forEach(
            property -> {
              var its =
                  properties.has(property.getKey()) ? properties.get(property.getKey()) : rest;
              assertThat(its).as(at + "." + property.getKey() + " is not documented").isNotNull();
              conforms(property.getValue(), its, at + "." + property.getKey());
            });
    schema
        .path("required")
        .forEach(
            name ->
                assertThat(value.has(name.asString()))
                    .as(at + "." + name + " is missing")
                    .isTrue());
  }

  private static boolean isOf(JsonNode value, String type) {
    return switch (type) {
      case "string" -> value.isString();
      case "integer" -> value.isIntegralNumber();
      case "number" -> value.isNumber();
      case "boolean" -> value.isBoolean();
      case "array" -> value.isArray();
      default -> value.isObject();
    };
  }

  @Test
  @Needs(Part.SHELL_TOOLS)
  void generatesPythonClient() throws Exception {
    Files.writeString(folder.resolve("spikewise.json"), document.toString());
    run(
        folder,
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-jar",
        Path.of("target", "openapi", "generator.jar").toAbsolutePath().toString(),
        "generate",
        "--generator-name=python",
        "--input-spec=spikewise.json",
        "--output=python",
        "--additional-properties=packageName=spikewise_client",
        "--global-property=apiDocs=false,modelDocs=false,apiTests=false,modelTests=false");
    var python = folder.resolve("python");
    run(python, "python3", "-m", "compileall", "-q", "spikewise_client");
    assertThat(python.resolve("spikewise_client/api/jobs_api.py")).exists();
  }

  private static void run(Path folder, String... command) throws IOException, InterruptedException {
    var log = Files.createTempFile("client", ".log");
    var process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = process.waitFor(3, TimeUnit.MINUTES);
    if (!ended) {
      process.destroyForcibly();
    }
    String said = Files.readString(log);
    Files.delete(log);
    assertThat(ended && process.exitValue() == 0).as(Set.of(command) + "\n" + said).isTrue();
  }
}
