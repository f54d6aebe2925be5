package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Networks that come in from other tools, and go out to them and to chips, over HTTP. */
class ExchangeTest extends ServiceTest {

  private static final String HDF5 = "application/x-hdf5";

  private static final String DIGITS =
      """
      {"input_shape": [1, 8, 8], "layers": [
        {"type": "Conv2d", "out_channels": 8, "kernel_size": 3}, {"type": "IAF"},
        {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Flatten"},
        {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}\
      """;

  private String create(String model) {
    var created = post("/api/v1/models", model);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    return created.headers().firstValue("Location").orElseThrow();
  }

  private HttpResponse<byte[]> getBytes(String path, String accept) {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .header("Accept", accept)
            .build();
    return send(request, BodyHandlers.ofByteArray());
  }

  private static byte[] golden(String name) {
    try (InputStream in =
        Objects.requireNonNull(ExchangeTest.class.getResourceAsStream("/interop/" + name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void deployabilityAcceptsTutorialNetworkAndExplainsRefusal() {
    var fits = body(post(create(tutorial()) + "/deployability?target=speck2f", ""));
    assertThat(fits.get("target").asString()).isEqualTo("speck2f");
    assertThat(fits.get("deployable").asBoolean()).as(fits.toPrettyString()).isTrue();
    assertThat(fits.at("/core_layers/2/kernel_memory").asInt()).isEqualTo(65536);
    assertThat(fits.at("/core_layers/2/possible_cores").toString()).isEqualTo("[5,6]");
    assertThat(fits.at("/layers/7/core_layer").asInt()).isEqualTo(2);

    var leaky =
        create(DIGITS.replace("{\"type\": \"IAF\"}]", "{\"type\": \"LIF\", \"tau_mem\": 9}]"));
    var refused = body(post(leaky + "/deployability", ""));
    assertThat(refused.get("deployable").asBoolean()).isFalse();
    assertThat(refused.at("/layers/5/failures/0/rule").asString()).isEqualTo("neuron");
    assertThat(refused.at("/layers/5/failures/0/detail").asString()).contains("was LIF");
    var unknown =
        problem(post(leaky + "/deployability?target=loihi", ""), 400, "invalid_parameter");
    assertThat(unknown.get("detail").asString()).contains("speck2f").contains("loihi");
    problem(
        post("/api/v1/models/00000000-0000-0000-0000-000000000000/deployability", ""),
        404,
        "not_found");
  }

  private String tutorial() {
    try (InputStream in =
        Objects.requireNonNull(getClass().getResourceAsStream("/tutorial.json"))) {
      return json.readTree(in).get("model").toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void analysisReportsEffectOfQuantization() {
    var analysis =
        post(
            "/api/v1/analyses",
            """
            {"model": %s, "input": {"type": "dataset", "id": "digits", "encoding": "constant"}, "batch_size": 64,
             "quantize": {"bits": 4}}\
            """
                .formatted(DIGITS));
    assertThat(analysis.statusCode()).as(analysis.body()).isEqualTo(200);
    var statistics = body(analysis);
    assertThat(statistics.get("accuracy").asDouble()).isBetween(0.0, 1.0);
    var quantized = statistics.get("quantized");
    assertThat(quantized.get("scales").propertyNames()).containsExactly("0", "4");
    assertThat(quantized.at("/statistics/accuracy").isNumber()).isTrue();
    assertThat(quantized.at("/statistics/synops").asDouble())
        .isNotEqualTo(statistics.get("synops").asDouble())
        .isCloseTo(statistics.get("synops").asDouble(), withPercentage(20));

    var wrong =
        problem(
            post(
                "/api/v1/analyses",
                "{\"model\": %s, \"quantize\": {\"bits\": 1}}".formatted(DIGITS)),
            422,
            "invalid_spec");
    assertThat(wrong.at("/errors/0/pointer").asString()).isEqualTo("/quantize/bits");
    var rectified =
        problem(
            post(
                "/api/v1/analyses",
                "{\"model\": %s, \"quantize\": {}}"
                    .formatted(DIGITS.replaceFirst("\"IAF\"", "\"ReLU\""))),
            422,
            "invalid_spec");
    assertThat(rectified.at("/errors/0/pointer").asString()).isEqualTo("/model/layers/0");
  }

  @Test
  void evaluatesQuantizedNetworkAfterEachEpoch() throws InterruptedException {
    var submitted =
        post(
            "/api/v1/jobs",
            """
            {"model": %s, "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 300}, "epochs": 2,
             "batch_size": 32, "loss": [{"type": "cross_entropy"}], "quantize": {"bits": 8},
             "gates": [{"metric": "quantized_accuracy", "min": 0.05}, {"metric": "quantized_synops", "max": 1}]}\
            """
                .formatted(DIGITS));
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var path = submitted.headers().firstValue("Location").orElseThrow();
    var job = await(path, "succeeded", "failed");
    assertThat(job.get("status").asString()).isEqualTo("succeeded");
    assertThat(job.at("/latest/quantized_accuracy").asDouble()).isBetween(0.05, 1.0);
    assertThat(job.at("/latest/quantized_synops").asDouble())
        .isCloseTo(job.at("/latest/test_synops").asDouble(), withPercentage(10));
    assertThat(job.at("/verdict/results/0/passed").asBoolean()).isTrue();
    assertThat(job.at("/verdict/results/1/passed").asBoolean()).isFalse();
    assertThat(get(path + "/epochs.csv").body().lines().findFirst().orElseThrow())
        .contains(",quantized_accuracy,quantized_synops,");
    assertThat(get(path + "/report.md").body()).contains("| accuracy, quantized |");
  }

  /**
   * Networks that every dialect has words for: neurons that spike once, and reset; Lava no bias.
   */
  @ParameterizedTest
  @ValueSource(strings = {"sinabs", "norse", "snntorch", "spikingjelly", "lava"})
  void nirExportCanBeImportedAgain(String dialect) {
    String neurons =
        dialect.equals("sinabs")
            ? "{\"type\": \"IAF\", \"min_v_mem\": -1}"
            : "{\"type\": \"IAF\", \"spike_fn\": \"single\", \"reset_fn\": \"reset\"}";
    String path =
        create(
            DIGITS
                .replace("{\"type\": \"IAF\"}", neurons)
                .replace(
                    "\"Conv2d\"",
                    "\"Conv2d\", \"in_channels\": 1, \"bias\": " + !dialect.equals("lava"))
                .replace("\"Linear\"", "\"Linear\", \"in_features\": 72"));
    var weights = getBytes(path + "/weights", "application/x-npz");
    assertThat(weights.statusCode()).isEqualTo(404);
    var trained = trained(path);

    var nir = getBytes(trained + "/nir?dialect=" + dialect, HDF5);
    assertThat(nir.statusCode()).as(new String(nir.body())).isEqualTo(200);
    var back =
        send(
            "POST", "/api/v1/models", BodyPublishers.ofByteArray(nir.body()), "Content-Type", HDF5);
    assertThat(back.statusCode()).as(back.body()).isEqualTo(201);
    assertThat(body(back).get("definition").get("layers"))
        .isEqualTo(body(get(path)).get("definition").get("layers"));
    var here = getBytes(trained + "/weights", "application/x-safetensors").body();
    var there =
        getBytes(
                back.headers().firstValue("Location").orElseThrow() + "/weights",
                "application/x-safetensors")
            .body();
    assertThat(there).isEqualTo(here);
  }

  /** A job with that model, after an epoch. */
  private String trained(String model) {
    var submitted =
        post(
            "/api/v1/jobs",
            "{\"model\": {\"id\": \"%s\"}, \"epochs\": 1}"
                .formatted(model.substring(model.lastIndexOf('/') + 1)));
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var path = submitted.headers().firstValue("Location").orElseThrow();
    try {
      assertThat(await(path, "succeeded", "failed").get("status").asString())
          .isEqualTo("succeeded");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return path;
  }

  @ParameterizedTest
  @CsvSource({
    "sinabs, 0.02",
    "norse, 0.02",
    "snntorch, 0.02",
    "spikingjelly, 0.02",
    "sinabs-leak, 0.02",
    "sinabs-conv1d, 0.02",
    "snntorch-recurrent, 0.005",
    "lava, 0.02",
    "lava-recurrent, 0.005"
  })
  void trainsNetworkImportedFromPeer(String network, String learningRate)
      throws InterruptedException {
    var created =
        send(
            "POST",
            "/api/v1/models?dialect=" + network.replaceFirst("-.*", ""),
            BodyPublishers.ofByteArray(golden("peer-" + network + ".nir")),
            "Content-Type",
            HDF5);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var before = body(created);
    var submitted =
        post(
            "/api/v1/jobs",
            """
            {"model": {"id": "%s"}, "epochs": 20, "optimizer": {"type": "adam", "learning_rate": %s},
             "loss": [{"type": "synops", "target": {"baseline_multiple": 1.5}}]}\
            """
                .formatted(before.get("id").asString(), learningRate));
    assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(202);
    var path = submitted.headers().firstValue("Location").orElseThrow();
    assertThat(await(path, "succeeded", "failed").get("status").asString()).isEqualTo("succeeded");
    JsonNode epochs = body(get(path + "/epochs")).get("data");
    assertThat(epochs.size()).isEqualTo(20);
    assertThat(epochs.get(19).get("loss").asDouble())
        .isLessThan(epochs.get(0).get("loss").asDouble());
    assertThat(getBytes(path + "/weights.npz", "*/*").body())
        .isNotEqualTo(
            getBytes("/api/v1/models/" + before.get("id").asString() + "/weights", "*/*").body());
  }

  @ParameterizedTest
  @ValueSource(strings = {"branches.nir", "uneven.nir"})
  void branchesAndNeuronsThatDifferAreRead(String file) {
    var created =
        send(
            "POST",
            "/api/v1/models?dialect=norse",
            BodyPublishers.ofByteArray(golden(file)),
            "Content-Type",
            HDF5);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
  }

  @ParameterizedTest
  @CsvSource({
    "loop.nir, /node/nodes/flatten",
    "delay.nir, /node/nodes/delay",
    "misfit.nir, /node/nodes/fc/in_features"
  })
  void refusalOfGraphNamesTheNode(String file, String pointer) {
    var refused =
        send(
            "POST",
            "/api/v1/models?dialect=norse",
            BodyPublishers.ofByteArray(golden(file)),
            "Content-Type",
            HDF5);
    assertThat(problem(refused, 422, "invalid_spec").at("/errors/0/pointer").asString())
        .isEqualTo(pointer);
  }
}
