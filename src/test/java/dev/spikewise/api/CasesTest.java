package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.data.Npz;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
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
         "input": {"type": "dataset", "id": "%s", "encoding": "spikes", "test_fraction": 0}, "time_steps": %d}""";
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
             "input": {"type": "constant", "value": -1}}""");
    assertThat(body(analysis).at("/warnings/0").asString())
        .contains("100.0 %", "negative", "counted signed");
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
