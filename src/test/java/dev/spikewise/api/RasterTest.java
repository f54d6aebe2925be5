package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The spikes of single samples, of a job's network and of a stored model. */
class RasterTest extends ServiceTest {

  /** Neuron 0 gets the sample's first pixel, neuron 1 twice the second; both have threshold 1. */
  private String model() {
    var created =
        post(
            "/api/v1/models",
            "{\"input_shape\": [1, 1, 2], \"layers\": [{\"type\": \"Flatten\"}, {\"type\":"
                + " \"Linear\", \"out_features\": 2, \"bias\": false}, {\"type\": \"IAF\"}]}");
    var weights =
        new StateDict(Map.of("1.weight", new Tensor(new int[] {2, 2}, new float[] {1, 0, 0, 2})));
    var model = created.headers().firstValue("Location").orElseThrow();
    send(
        "PUT",
        model + "/weights",
        BodyPublishers.ofByteArray(Weights.writeNpz(weights)),
        "Content-Type",
        "application/x-npz");
    return model;
  }

  /** One sample of class 1 with the pixels 0.4 and 1. */
  private String dataset() {
    var images = new byte[] {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 102, (byte) 255};
    var labels = new byte[] {0, 0, 8, 1, 0, 0, 0, 1, 1};
    return body(Multipart.upload(this, Map.of("name", "pair", "images", images, "labels", labels)))
        .get("id")
        .asString();
  }

  @Test
  void modelSpikesWhenThePotentialReachesTheThreshold() {
    var path = model() + "/raster";
    var query = "?encoding=constant&time_steps=5&dataset=" + dataset();
    var raster = body(get(path + query));
    assertThat(raster.get("layer").asString()).isEqualTo("2");
    assertThat(raster.get("layers").toString()).isEqualTo("[\"2\"]");
    assertThat(raster.get("shape").toString()).isEqualTo("[2]");
    assertThat(raster.get("label").asInt()).isEqualTo(1);
    assertThat(raster.get("predicted").asInt()).isEqualTo(1);
    // 0.4 a step reaches 1 at the third step and, from 0.2, again at the fifth; 2 a step gives two
    // spikes.
    assertThat(raster.get("step").toString()).isEqualTo("[0,1,2,2,3,4,4]");
    assertThat(raster.get("neuron").toString()).isEqualTo("[1,1,0,1,1,0,1]");
    assertThat(raster.get("count").toString()).isEqualTo("[2,2,1,2,2,1,2]");
    assertThat(raster.get("spikes").asInt()).isEqualTo(12);

    problem(get(path + query + "&layer=1"), 404, "not_found");
    problem(get(path + query + "&sample=1"), 404, "not_found");
    assertThat(detail(get(path + "?dataset=digits&encoding=loud")))
        .contains("rate, constant, latency, delta, spikes");
    assertThat(detail(get(path))).contains("dataset");
    assertThat(detail(get(path + query + "&layr=2"))).contains("layer");
  }

  @Test
  void longRasterIsRefusedAsJsonAndDrawnSmall() {
    var path = model() + "/raster";
    var query = "?encoding=constant&time_steps=100000&dataset=" + dataset();
    assertThat(detail(get(path + query))).contains("at most 100,000", "application/x-npz");
    assertThat(get(path + ".svg" + query).body())
        .contains("Spikes of sample 0 in layer 2 (class 1, predicted 1)", "<path")
        .hasSizeLessThan(100_000);
    problem(get(path + query.replace("=100000", "=100000000")), 400, "invalid_parameter");
  }

  @Test
  void rasterOfAJobAgreesWithItsPredictions() throws Exception {
    var submitted =
        post(
            "/api/v1/jobs",
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Conv2d", "out_channels": 3, "kernel_size": 3},
               {"type": "IAF", "name": "spikes"}, {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
             "input": {"type": "dataset", "id": "digits", "limit": 100, "test_fraction": 0.2}, "epochs": 1, "time_steps": 8,
             "loss": [{"type": "cross_entropy"}]}\
            """);
    var path = submitted.headers().firstValue("Location").orElseThrow();
    await(path, "succeeded");
    var predicted = new HashMap<Integer, Integer>();
    for (JsonNode one : body(get(path + "/predictions")).get("data")) {
      predicted.put(one.get("sample").asInt(), one.get("predicted").asInt());
    }
    for (int sample : predicted.keySet().stream().sorted().limit(5).toList()) {
      var raster = body(get(path + "/raster?layer=4&sample=" + sample));
      assertThat(raster.get("predicted").asInt()).isEqualTo(predicted.get(sample));
      var counts = new long[10];
      for (int i = 0; i < raster.get("neuron").size(); i++) {
        counts[raster.get("neuron").get(i).asInt()] += raster.get("count").get(i).asInt();
      }
      int most = IntStream.range(0, 10).reduce(0, (a, b) -> counts[b] > counts[a] ? b : a);
      assertThat(most).isEqualTo(predicted.get(sample));
    }
    var raster = body(get(path + "/raster?sample=" + predicted.keySet().iterator().next()));
    assertThat(raster.get("layers").toString()).isEqualTo("[\"spikes\",\"4\"]");
    assertThat(raster.get("shape").toString()).isEqualTo("[3,6,6]");

    var npz = Weights.readNpz(bytes(path + "/raster.npz?sample=" + raster.get("sample").asInt()));
    var spikes = npz.tensors().get("spikes");
    assertThat(spikes.shape()).containsExactly(8, 3, 6, 6);
    var values = new float[8 * 3 * 6 * 6];
    for (int i = 0; i < raster.get("step").size(); i++) {
      int at = raster.get("step").get(i).asInt() * 108 + raster.get("neuron").get(i).asInt();
      values[at] = raster.get("count").get(i).asInt();
    }
    assertThat(spikes.data()).isEqualTo(values);
    assertThat(npz.tensors()).containsOnlyKeys("spikes", "4");

    assertThat(get(path + "/plots/raster.svg?layer=spikes").body()).contains("time step");
    assertThat(bytes(path + "/plots/raster.png?layer=spikes")).startsWith(0x89, 0x50, 0x4e, 0x47);
    problem(get(path + "/raster?layer=none"), 404, "not_found");
    problem(get(path + "/raster?sample=1796"), 404, "not_found");
  }

  private String detail(HttpResponse<String> response) {
    return problem(response, 400, "invalid_parameter").get("detail").asString();
  }

  private byte[] bytes(String path) {
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    return send(request, BodyHandlers.ofByteArray()).body();
  }
}
