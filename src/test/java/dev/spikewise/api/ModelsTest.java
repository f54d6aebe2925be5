package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelsTest extends ServiceTest {

  private static final String MODEL =
      """
      {"name": "small", "input_shape": [1, 8, 8], "layers": [
        {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "bias": false}, {"type": "IAFSqueeze"},
        {"type": "SumPool2d", "kernel_size": 2}, {"type": "Flatten"},
        {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}\
      """;

  @Test
  void storesSummarizesListsAndDeletesModel() {
    var created = post("/api/v1/models", MODEL);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var path = created.headers().firstValue("Location").orElseThrow();
    var model = body(get(path));
    assertThat(model).isEqualTo(body(created));
    var conv = model.get("summary").get("layers").get(0);
    assertThat(conv.get("output_shape").toString()).isEqualTo("[4,6,6]");
    assertThat(conv.get("parameters").asInt()).isEqualTo(36);
    assertThat(conv.get("fan_out").asInt()).isEqualTo(36);
    assertThat(model.get("summary").get("neurons").asInt()).isEqualTo(154);
    assertThat(body(get("/api/v1/models?limit=1")).get("data").get(0)).isEqualTo(model);
    assertThat(delete(path).statusCode()).isEqualTo(204);
    assertThat(get(path).statusCode()).isEqualTo(404);
  }

  @Test
  void convertsAndMergesNetworkOfReLUs() {
    var created =
        post(
            "/api/v1/models",
            """
            {"input_shape": [1, 2, 2], "layers": [{"type": "Conv2d", "out_channels": 2, "kernel_size": 2, "bias": false},
              {"type": "BatchNorm2d", "affine": false}, {"type": "ReLU"}]}\
            """);
    var path = created.headers().firstValue("Location").orElseThrow();
    problem(post(path + "/convert", "{}"), 404, "not_found");
    var two = new Tensor(new int[] {2}, new float[] {1, 1});
    var weights =
        new StateDict(
            Map.of(
                "0.weight",
                    new Tensor(new int[] {2, 1, 2, 2}, new float[] {1, 2, 3, 4, 5, 6, 7, 8}),
                "1.running_mean", two,
                "1.running_var", two));
    var put =
        send(
            "PUT",
            path + "/weights",
            BodyPublishers.ofByteArray(Weights.writeNpz(weights)),
            "Content-Type",
            "application/x-npz");
    assertThat(put.statusCode()).as(put.body()).isEqualTo(204);

    var twin = post(path + "/convert", "{\"min_v_mem\": -2, \"name\": \"twin\"}");
    assertThat(twin.statusCode()).as(twin.body()).isEqualTo(201);
    var layers = body(twin).get("definition").get("layers");
    assertThat(layers.size()).isEqualTo(2);
    assertThat(layers.get(0).get("bias").asBoolean()).isTrue();
    assertThat(layers.get(1).get("type").asString()).isEqualTo("IAF");
    assertThat(layers.get(1).get("min_v_mem").asDouble()).isEqualTo(-2);
    assertThat(get(twin.headers().firstValue("Location").orElseThrow() + "/weights").statusCode())
        .isEqualTo(200);
    var merged = post(path + "/merge", "");
    assertThat(merged.statusCode()).as(merged.body()).isEqualTo(201);
    assertThat(body(merged).get("definition").get("layers").get(1).get("type").asString())
        .isEqualTo("ReLU");

    var wrong =
        problem(
            post(
                path + "/convert",
                "{\"spike_threshold\": 0, \"normalize\": {\"input\": {\"type\": \"constant\"},"
                    + " \"percentile\": 0}}"),
            422,
            "invalid_spec");
    assertThat(wrong.get("errors").valueStream().map(e -> e.get("pointer").asString()))
        .contains("/spike_threshold", "/normalize/input", "/normalize/percentile");
    var digits =
        problem(
            post(
                path + "/convert",
                "{\"normalize\": {\"input\": {\"type\": \"dataset\", \"id\": \"digits\"}}}"),
            422,
            "invalid_spec");
    assertThat(digits.at("/errors/0/pointer").asString()).isEqualTo("/normalize/input/id");
  }

  @Test
  void everyMistakeIsReportedAtOnceWithItsPlace() {
    var response =
        post(
            "/api/v1/models",
            """
            {"input_shap": [1], "input_shape": [1, 8, 8], "layers": [
              {"type": "Conv3d"}, {"type": "Conv2d", "out_channels": "x", "kernel_size": 0},
              {"type": "IAF", "spike_fn": "none"}]}\
            """);
    assertThat(response.statusCode()).isEqualTo(422);
    assertThat(body(response).get("errors").valueStream().map(e -> e.get("pointer").asString()))
        .containsExactlyInAnyOrder(
            "/input_shap",
            "/layers/0/type",
            "/layers/1/out_channels",
            "/layers/1/kernel_size",
            "/layers/2/spike_fn");
  }

  @Test
  void brokenJsonIsNotReadable() {
    assertThat(post("/api/v1/models", "{\"layers\": [").statusCode()).isEqualTo(400);
    assertThat(post("/api/v1/models", MODEL, "Content-Type", "text/csv").statusCode())
        .isEqualTo(415);
    assertThat(delete("/api/v1/models").headers().firstValue("Allow")).isPresent();
  }

  @Test
  void acceptsPrintedModel() {
    var printed =
        """
        Sequential(
          (0): Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), bias=False)
          (1): IAFSqueeze(spike_threshold=Parameter containing:
          tensor(1.), batch_size=1, num_timesteps=-1)
        )
        """;
    var created = post("/api/v1/models?input_shape=1,8,8", printed, "Content-Type", "text/plain");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("summary").get("neurons").asInt()).isEqualTo(144);

    var unknown =
        post(
            "/api/v1/models?input_shape=1,8,8",
            printed.replace("IAFS", "XAFS"),
            "Content-Type",
            "text/plain");
    assertThat(unknown.statusCode()).isEqualTo(422);
    assertThat(unknown.body()).contains("line 3: XAFSqueeze");
    assertThat(body(created).has("assumptions")).isFalse();

    var numbered =
        post(
            "/api/v1/models?input_shape=1,8,8",
            printed.replace("Sequential", "SNN"),
            "Content-Type",
            "text/plain");
    assertThat(body(numbered).get("assumptions").get(0).asString())
        .isEqualTo("line 1: SNN was taken as a sequence, because its children are numbered");
    assertThat(body(numbered).get("definition")).isEqualTo(body(created).get("definition"));
  }

  @Test
  void rejectsFileThatIsNotNir() {
    assertThat(post("/api/v1/models", "hello", "Content-Type", "application/x-hdf5").statusCode())
        .isEqualTo(400);
  }

  @Test
  void analysisCountsSynops() {
    var response =
        post(
            "/api/v1/analyses", "{\"model\": " + MODEL + ", \"batch_size\": 2, \"time_steps\": 5}");
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    assertThat(body(response).get("parameter").get("0").get("synops_per_timestep").asDouble())
        .isEqualTo(36 * 36);
  }

  @Test
  void digitsAreAlwaysAvailable() {
    assertThat(body(get("/api/v1/datasets/digits")).get("samples").asInt()).isEqualTo(1797);
    assertThat(get("/api/v1/datasets/none").statusCode()).isEqualTo(404);
  }
}
