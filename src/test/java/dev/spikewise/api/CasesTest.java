package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.statistics.StepCounter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Files that people have, each read right or refused with the reason. */
class CasesTest extends ServiceTest {

  private record Array(int[] shape, float[] data) implements Npz.FloatArray {}

  @Test
  void analysisRefusesDataThatDoesNotFitTheModel() {
    var refused = post("/api/v1/analyses", text("analysis_digits_28x28.json"));
    assertThat(problem(refused, 422, "invalid_spec").get("errors").get(0).get("pointer").asString())
        .isEqualTo("/input/id");
    assertThat(refused.body()).contains("[1, 8, 8]", "[1, 28, 28]");
  }

  @Test
  void analysisRefusesAnEncodingThatNeedsATimeAxis() {
    var body = text("analysis_digits_as_spikes.json");
    for (var encoding : new String[] {"spikes", "delta"}) {
      var refused = post("/api/v1/analyses", body.replace("spikes", encoding));
      assertThat(
              problem(refused, 422, "invalid_spec").get("errors").get(0).get("pointer").asString())
          .isEqualTo("/input/encoding");
    }
  }

  @Test
  void analysisJobDryRunAndSweepRefuseMoreTimeStepsThanTheDataHas() throws IOException {
    var npz = new ByteArrayOutputStream();
    Npz.write(
        npz,
        Map.of(
            "spikes",
                new Array(
                    new int[] {2, 4, 2},
                    new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9}),
            "y", new Array(new int[] {2}, new float[2])));
    var dataset = created(Map.of("name", "steps", "file", npz.toByteArray()));
    var spec =
        """
        {"model": {"input_shape": [2], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1}]},
         "input": {"type": "dataset", "id": "%s", "encoding": "spikes", "test_fraction": 0}, "time_steps": %d}\
        """;
    var id = dataset.get("id").asString();
    var fits = post("/api/v1/analyses", spec.formatted(id, 4));
    assertThat(body(fits).get("synops").asDouble()).as(fits.body()).isIn(36.0, 72.0);
    var tooMany = spec.formatted(id, 5);
    for (var path :
        new String[] {"/api/v1/analyses", "/api/v1/jobs", "/api/v1/jobs?dry_run=true"}) {
      assertThat(
              problem(post(path, tooMany), 422, "invalid_spec").at("/errors/0/pointer").asString())
          .as(path)
          .isEqualTo("/time_steps");
    }
    var sweep =
        post("/api/v1/sweeps", "{\"job\": " + tooMany + ", \"over\": {\"batch_size\": [1, 2]}}");
    assertThat(problem(sweep, 422, "invalid_spec").at("/errors/0/pointer").asString())
        .endsWith("/time_steps");
  }

  @Test
  void negativeInputAndClippedRatesAreWarnedOf() {
    var analysis =
        post(
            "/api/v1/analyses",
            """
            {"model": {"input_shape": [1, 2, 2], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1}]},
             "input": {"type": "constant", "value": -1}}\
            """);
    assertThat(body(analysis).at("/warnings/0").asString())
        .contains("100.0 %", "negative", "counted signed");
  }

  @Test
  void refusesImagesWithChannelsLastForAModelWithChannelsFirst() {
    var id = created(Map.of("name", "red", "file", bytes("nhwc_red.npz"))).get("id").asString();
    var spec =
        """
        {"model": {"input_shape": [3, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1, "bias": false}]},
         "input": {"type": "dataset", "id": "%s", "encoding": "constant", "test_fraction": 0}, "time_steps": 1}\
        """;
    for (var path :
        new String[] {"/api/v1/analyses", "/api/v1/jobs", "/api/v1/jobs?dry_run=true"}) {
      var refused = problem(post(path, spec.formatted(id)), 422, "invalid_spec");
      assertThat(refused.at("/errors/0/pointer").asString()).as(path).isEqualTo("/input/id");
      assertThat(refused.at("/errors/0/detail").asString())
          .contains("[8, 8, 3]", "[3, 8, 8]", "layout=channels_last");
    }
    var again =
        created(Map.of("name", "red", "file", bytes("nhwc_red.npz"), "layout", "channels_last"));
    assertThat(again.get("shape").toString()).isEqualTo("[3,8,8]");
    // 64 pixels of channel 0 are 1, the others 0: each of them reaches the one output.
    var analysis = post("/api/v1/analyses", spec.formatted(again.get("id").asString()));
    assertThat(body(analysis).get("synops").asDouble()).as(analysis.body()).isEqualTo(64);
  }

  @Test
  void warnsOfClippedAndNegativeInputInAnalysisJobAndPage() throws Exception {
    var npz = new ByteArrayOutputStream();
    Npz.write(
        npz,
        Map.of(
            "x", new Array(new int[] {2, 1, 2, 2}, new float[] {-1, 0, 0.5f, 1, 2, 3, 0, 1}),
            "y", new Array(new int[] {2}, new float[2])));
    var id = created(Map.of("name", "beyond", "file", npz.toByteArray())).get("id").asString();
    var spec =
        """
        {"model": {"input_shape": [1, 2, 2], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1}]},
         "input": {"type": "dataset", "id": "%s", "encoding": "%s", "test_fraction": 0}, "time_steps": 2,
         "epochs": 1, "loss": [{"type": "cross_entropy"}]}\
        """;
    var expected =
        Map.of(
            "rate",
                List.of(
                    "clips 25.0 % of the values: they are above 1 (highest 3.0)",
                    "clips 12.5 % of the values: they are below 0 (lowest -1.0)"),
            "latency",
                List.of("clips 37.5 % of the values: they lie outside 0..1 (from -1.0 to 3.0)"),
            "constant", List.of("12.5 % of the input values are negative (lowest -1.0)"));
    for (var encoding : expected.entrySet()) {
      var training = spec.formatted(id, encoding.getKey());
      var analysis =
          post("/api/v1/analyses", training.substring(0, training.indexOf(",\n \"epochs\"")) + "}");
      assertThat(body(analysis).get("warnings").valueStream().map(JsonNode::asString))
          .as(analysis.body())
          .zipSatisfy(encoding.getValue(), (warning, part) -> assertThat(warning).contains(part));
      var job = post("/api/v1/jobs", training).headers().firstValue("Location").orElseThrow();
      var warnings = await(job, "succeeded", "failed").at("/baseline/warnings");
      assertThat(warnings).isEqualTo(body(analysis).get("warnings"));
      var page = get(job.replace("/api/v1", "")).body();
      encoding.getValue().forEach(part -> assertThat(page).contains(part));
    }
  }

  @Test
  void namesOfClassesAreShownInTheResultsOfAJob() throws Exception {
    var dataset =
        created(
            Map.of(
                "name",
                "planes",
                "events",
                bytes("ev_classnames.zip"),
                "time_steps",
                "4",
                "height",
                "34",
                "width",
                "34"));
    assertThat(dataset.at("/reading/class_names").toString()).isEqualTo("[\"airplane\"]");
    var job =
        post(
                "/api/v1/jobs",
                """
                {"model": {"input_shape": [2, 34, 34], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1}]},
                 "input": {"type": "dataset", "id": "%s", "encoding": "spikes", "test_fraction": 0}, "time_steps": 4,
                 "epochs": 1, "loss": [{"type": "cross_entropy"}]}\
                """
                    .formatted(dataset.get("id").asString()))
            .headers()
            .firstValue("Location")
            .orElseThrow();
    assertThat(await(job, "succeeded", "failed").at("/provenance/class_names").toString())
        .isEqualTo("[\"airplane\"]");
    assertThat(get(job.replace("/api/v1", "")).body()).contains("0: airplane");
  }

  @Test
  void accuracyPerClassShowsTheNamesOfClasses() throws Exception {
    var recording = bytes("h5_bool_polarity.h5");
    var zip = new ByteArrayOutputStream();
    try (var out = new ZipOutputStream(zip)) {
      for (var path :
          List.of("train/cat/a.h5", "train/owl/b.h5", "test/cat/c.h5", "test/owl/d.h5")) {
        out.putNextEntry(new ZipEntry(path));
        out.write(recording);
      }
    }
    var dataset =
        created(
            Map.of(
                "name",
                "animals",
                "events",
                zip.toByteArray(),
                "time_steps",
                "2",
                "height",
                "34",
                "width",
                "34"));
    var job =
        location(
            post(
                "/api/v1/jobs",
                """
                {"model": {"input_shape": [2, 34, 34], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 2}]},
                 "input": {"type": "dataset", "id": "%s", "encoding": "spikes"}, "time_steps": 2,
                 "epochs": 1, "loss": [{"type": "cross_entropy"}]}\
                """
                    .formatted(dataset.get("id").asString())));
    await(job, "succeeded", "failed");
    assertThat(get(job.replace("/api/v1", "")).body())
        .contains("<th scope=\"row\">0: cat</th>", "<th scope=\"row\">1: owl</th>");
  }

  /**
   * The recipe keeps the events of the upper half of the first 0.5 s. The network has one output
   * that each event reaches, so that its synops per sample are the events kept.
   */
  @Test
  void recipeAndCheckOfDataAreTheSameInEveryUse() throws Exception {
    var dataset =
        created(
            Map.of(
                "name",
                "prepared",
                "events",
                bytes("ev_macos.zip"),
                "time_steps",
                "4",
                "height",
                "34",
                "width",
                "34",
                "time_unit",
                "us",
                "preparation",
                """
                {"time_window": [0, 0.5], "crop": {"top": 0, "left": 0, "height": 17, "width": 34},
                 "merge_polarities": true}\
                """));
    long events = dataset.at("/reading/events").asLong();
    assertThat(events).isBetween(150L, 350L);
    assertThat(dataset.get("shape").toString()).isEqualTo("[1,17,34]");
    var model =
        """
        "model": {"input_shape": [1, 17, 34], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1, "bias": false}]}\
        """;
    var input =
        """
        "input": {"type": "dataset", "id": "%s", "encoding": "spikes", "test_fraction": 0}\
        """
            .formatted(dataset.get("id").asString());
    var job =
        "{"
            + model
            + ", "
            + input
            + ", \"time_steps\": 4, \"epochs\": 1, \"loss\": [{\"type\": \"cross_entropy\"}]}";
    var sweep = "{\"job\": " + job + ", \"over\": {\"batch_size\": [1, 2]}}";
    var search =
        "{\"job\": "
            + job
            + ", \"over\": {\"batch_size\": {\"type\": \"choice\", \"values\": [1, 2]}},"
            + " \"objectives\": [{\"metric\": \"synops\"}], \"budget\": {\"trials\": 1}}";
    var analysis = "{" + model + ", " + input + ", \"time_steps\": 4}";

    assertThat(body(post("/api/v1/analyses", analysis)).get("synops").asDouble()).isEqualTo(events);
    assertThat(baseline(location(post("/api/v1/jobs", job)))).isEqualTo(events);
    var swept = await(location(post("/api/v1/sweeps", sweep)), "succeeded", "failed");
    assertThat(baseline("/api/v1/jobs/" + swept.at("/jobs/0/id").asString())).isEqualTo(events);
    var searched = await(location(post("/api/v1/searches", search)), "succeeded", "failed");
    assertThat(baseline("/api/v1/jobs/" + searched.at("/trials/0/job").asString()))
        .isEqualTo(events);

    for (var request :
        Map.of(
                "analyses",
                analysis,
                "jobs",
                job,
                "jobs?dry_run=true",
                job,
                "sweeps",
                sweep,
                "searches",
                search)
            .entrySet()) {
      var steps = request.getValue().replace("\"time_steps\": 4", "\"time_steps\": 5");
      assertThat(pointer(request.getKey(), steps)).endsWith("/time_steps");
      var shape = request.getValue().replace("[1, 17, 34]", "[1, 34, 34]");
      assertThat(pointer(request.getKey(), shape)).endsWith("/input/id");
      var encoding = request.getValue().replace("\"spikes\"", "\"rate\"");
      assertThat(pointer(request.getKey(), encoding)).endsWith("/input/encoding");
    }
    var stored =
        location(
            post(
                "/api/v1/models",
                "{\"input_shape\": [1, 34, 34], \"layers\": [{\"type\": \"Flatten\"}, {\"type\":"
                    + " \"Linear\", \"out_features\": 1}, {\"type\": \"ReLU\"}]}"));
    var weights =
        new StateDict(
            Map.of(
                "1.weight",
                new Tensor(new int[] {1, 1156}, new float[1156]),
                "1.bias",
                new Tensor(new int[] {1}, new float[1])));
    send(
        "PUT",
        stored + "/weights",
        BodyPublishers.ofByteArray(Weights.writeNpz(weights)),
        "Content-Type",
        "application/x-npz");
    assertThat(
            pointer(
                stored.substring("/api/v1/".length()) + "/convert",
                "{\"normalize\": {" + input + "}}"))
        .isEqualTo("/normalize/input");
  }

  private double baseline(String job) throws InterruptedException {
    return await(job, "succeeded", "failed").at("/baseline/synops").asDouble();
  }

  private static String location(HttpResponse<String> response) {
    return response
        .headers()
        .firstValue("Location")
        .orElseThrow(() -> new AssertionError(response.body()));
  }

  private String pointer(String path, String request) {
    return problem(post("/api/v1/" + path, request), 422, "invalid_spec")
        .at("/errors/0/pointer")
        .asString();
  }

  @Test
  void uploadListsSkippedFilesOfTheArchive() {
    var dataset =
        created(
            Map.of(
                "name",
                "macos",
                "events",
                bytes("ev_macos.zip"),
                "time_steps",
                "4",
                "height",
                "34",
                "width",
                "34"));
    assertThat(dataset.at("/reading/left_out").toString()).isEqualTo("[\"__MACOSX/0/._a.npy\"]");
  }

  @Test
  void memoryEstimateIncludesDataset() {
    var dataset = created(Map.of("name", "shd", "file", bytes("shd_like.h5"), "time_steps", "100"));
    var spec =
        """
        {"model": {"input_shape": [%d], "layers": [{"type": "Linear", "out_features": 3}, {"type": "IAF"}]},
         "input": %s, "time_steps": 100, "batch_size": 1, "epochs": 1, "loss": [{"type": "cross_entropy"}]}\
        """;
    var input =
        "{\"type\": \"dataset\", \"id\": \"%s\", \"encoding\": \"spikes\", \"test_fraction\": 0}"
            .formatted(dataset.get("id").asString());
    var poisson = "{\"type\": \"poisson\", \"rate\": 0.1}";
    long alone =
        body(post(
                "/api/v1/jobs?dry_run=true",
                spec.formatted(700, poisson)
                    .replace("cross_entropy\"", "firing_rate\", \"min\": 0.1")))
            .get("memory_bytes")
            .asLong();
    long with =
        body(post("/api/v1/jobs?dry_run=true", spec.formatted(700, input)))
            .get("memory_bytes")
            .asLong();
    // As events, not the 840,000 bytes of its dense form.
    long samples = dataset.at("/reading/memory_bytes").asLong();
    assertThat(samples).isBetween(1L, 999L);
    // Random input has no labels, so nothing is counted over time.
    assertThat(with - alone).isEqualTo(samples + StepCounter.memory(1, 100, 3));
  }

  /** The data set that an upload of {@code parts} makes. */
  private JsonNode created(Map<String, Object> parts) {
    var response = upload(parts);
    assertThat(response.statusCode()).as(response.body()).isIn(200, 201);
    return body(response);
  }

  private HttpResponse<String> upload(Map<String, Object> parts) {
    return Multipart.upload(this, new LinkedHashMap<>(parts));
  }

  private static byte[] bytes(String file) {
    try (var in = CasesTest.class.getResourceAsStream("/cases/" + file)) {
      return Objects.requireNonNull(in, file).readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String text(String file) {
    return new String(bytes(file), StandardCharsets.UTF_8);
  }
}
