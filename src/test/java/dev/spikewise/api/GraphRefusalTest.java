package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A definition whose layers form no graph is refused wherever one is sent, with the place. */
class GraphRefusalTest extends ServiceTest {

  private static final String FORK =
      "{\"type\": \"Conv2d\", \"name\": \"a\", \"out_channels\": 2, \"kernel_size\": 2},"
          + "{\"type\": \"IAF\", \"name\": \"b\"},";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      textBlock =
          """
          "Add", "inputs": ["b", "input"]                | /layers/2/inputs   | 422
          "Concat", "inputs": ["b", "input"]             | /layers/2/inputs   | 422
          "Add", "inputs": ["b", "c"], "name": "c"       | /layers/2/inputs   | 422
          "IAF", "inputs": ["nowhere"]                   | /layers/2/inputs/0 | 422
          "IAF", "name": "a"                             | /layers/2/name     | 422
          "IAF", "name": "input"                         | /layers/2/name     | 422
          "IAF", "name": "x/y"                           | /layers/2/name     | 422
          "IAF", "name": "x~y"                           | /layers/2/name     | 422
          "IAF", "name": "x\\u0007y"                     | /layers/2/name     | 422
          "IAF", "name": "x..y"                          | /layers/2/name     | 422
          "IAF", "name": 7                               | /layers/2/name     | 422
          "IAF", "inputs": "b"                           | /layers/2/inputs   | 422
          "IAF", "inputs": [["b"]]                       | /layers/2/inputs/0 | 422
          "IAF", "inputs": ["a"]                         | /output            | 422
          """)
  void namesThePlaceOfAMistake(String last, String pointer, int status) {
    refused("[1, 3, 3]", FORK + "{\"type\": " + last + "}", pointer, status);
  }

  @Test
  void refusesANameOf300Characters() {
    refused(
        "[3]",
        "{\"type\": \"IAF\", \"name\": \"%s\"}".formatted("n".repeat(300)),
        "/layers/0/name",
        422);
  }

  /**
   * In order, in reverse order, and in one cycle: nothing may recurse as deep as a model is long.
   */
  @Test
  void refusesTenThousandLayersQuickly() {
    refused("[3]", layers(i -> "{\"type\": \"IAF\"}"), "/layers", 422);
    refused(
        "[3]",
        layers(
            i ->
                "{\"type\": \"IAF\", \"name\": \"n%d\", \"inputs\": [\"%s\"]}"
                    .formatted(i, i == 9_999 ? "input" : "n" + (i + 1))),
        "/layers",
        422);
    refused(
        "[3]",
        layers(
            i ->
                "{\"type\": \"IAF\", \"name\": \"n%d\", \"inputs\": [\"n%d\"]}"
                    .formatted(i, (i + 1) % 10_000)),
        "/layers",
        422);
  }

  private static String layers(java.util.function.IntFunction<String> layer) {
    return IntStream.range(0, 10_000).mapToObj(layer).collect(Collectors.joining(","));
  }

  private void refused(String shape, String layers, String pointer, int status) {
    var model = "{\"input_shape\": %s, \"layers\": [%s]}".formatted(shape, layers);
    refused(post("/api/v1/models", model), pointer, status);
    refused(
        post("/api/v1/jobs", "{\"model\": %s, \"epochs\": 1}".formatted(model)),
        "/model" + pointer,
        status);
    refused(
        post("/api/v1/analyses", "{\"model\": %s}".formatted(model)), "/model" + pointer, status);
  }

  private void refused(HttpResponse<String> response, String pointer, int status) {
    var problem = problem(response, status, "invalid_spec");
    assertThat(problem.get("errors").valueStream().map(e -> e.get("pointer").asString()))
        .as(response.body().substring(0, Math.min(500, response.body().length())))
        .anyMatch(place -> place.equals(pointer) || place.startsWith(pointer + "/"));
  }
}
