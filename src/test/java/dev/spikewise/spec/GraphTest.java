package dev.spikewise.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.snn.Tutorial;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GraphTest {

  private static final String LINEAR = "{\"type\": \"Linear\", \"out_features\": 4, ";
  private static final String RESIDUAL =
      """
      {"type": "Conv2d", "name": "stem.0", "out_channels": 2, "kernel_size": 1},
      {"type": "IAF", "name": "spikes"},
      {"type": "Conv2d", "name": "body.conv", "out_channels": 2, "kernel_size": 3, "padding": 1},
      {"type": "Merge", "name": "add", "inputs": ["body.conv", "spikes"]},
      {"type": "Concat", "inputs": ["add", "input"]},
      {"type": "Flatten"}
      """;

  private static ModelSpec model(String layers, String rest) {
    return Tutorial.JSON.readValue(
        "{\"input_shape\": [1, 4, 4], \"layers\": [%s]%s}".formatted(layers, rest),
        ModelSpec.class);
  }

  private static List<Mistake> mistakes(String layers, String rest) {
    var mistakes = new Mistakes();
    model(layers, rest).check(mistakes);
    return mistakes.list();
  }

  @Test
  void infersShapesThroughBranches() {
    var graph = model(RESIDUAL, "").graph();

    assertThat(graph.layers().stream().map(Graph.Vertex::name))
        .containsExactly("stem.0", "spikes", "body.conv", "add", "4", "5");
    assertThat(graph.layer(3).inputs()).containsExactly(2, 1);
    assertThat(graph.layer(4).shape()).isEqualTo(Shape.of(3, 4, 4));
    assertThat(graph.output().name()).isEqualTo("5");
    assertThat(graph.output().shape()).isEqualTo(Shape.of(48));
    assertThat(graph.consumers(1).stream().map(Graph.Vertex::name))
        .containsExactly("body.conv", "add");
    assertThat(graph.isSequence()).isFalse();
  }

  @Test
  void ordersLayersByTheirInputs() {
    var graph =
        model(
                """
                {"type": "IAF", "name": "last", "inputs": ["weights"]},
                {"type": "Linear", "name": "weights", "inputs": ["flat"], "out_features": 3},
                {"type": "Flatten", "name": "flat", "inputs": ["input"]}
                """,
                "")
            .graph();

    assertThat(graph.order().stream().map(Graph.Vertex::name))
        .containsExactly("flat", "weights", "last");
    assertThat(graph.output().name()).isEqualTo("last");
  }

  @Test
  void writesNamesOnlyWhereTheyWereGiven() {
    assertThat(Tutorial.JSON.writeValueAsString(Tutorial.model()))
        .contains("{\"type\":\"FlattenTime\"}")
        .doesNotContain("inputs", "output\"");
    var graph = model(RESIDUAL, ", \"output\": \"5\"");
    String json = Tutorial.JSON.writeValueAsString(graph);
    assertThat(json)
        .contains("\"type\":\"Add\",\"name\":\"add\",\"inputs\":[\"body.conv\",\"spikes\"]}")
        .contains("\"output\":\"5\"");
    assertThat(Tutorial.JSON.readValue(json, ModelSpec.class)).isEqualTo(graph);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      textBlock =
          """
          "inputs": ["nowhere"]}                   | /layers/1/inputs/0 | there is no `nowhere`
          "inputs": []}                            | /layers/1/inputs   | exactly one layer
          "inputs": [null]}                        | /layers/1/inputs/0 | was null
          "inputs": ["0", "input"]}                | /layers/1/inputs   | only Add and Concat join several
          "inputs": ["1"]}                         | /layers/1/inputs   | `1` reads `1`
          "name": "0"}                             | /layers/1/name     | layer 0 is named `0` too: a layer without a name
          "name": "input"}                         | /layers/1/name     | which is the model's input
          "name": ""}                              | /layers/1/name     | must not be empty
          "name": "a/b"}                           | /layers/1/name     | must not contain `/` or `~`
          "name": "a~b"}                           | /layers/1/name     | must not contain `/` or `~`
          "name": "a\\u0000b"}                     | /layers/1/name     | control, direction or invisible
          "name": ".a"}                            | /layers/1/name     | before and after each dot
          "name": "a..b"}                          | /layers/1/name     | before and after each dot
          """)
  void rejectsMistakesOfOneLayer(String options, String pointer, String detail) {
    assertThat(mistakes("{\"type\": \"Flatten\"}, " + LINEAR + options, ""))
        .singleElement()
        .satisfies(
            mistake -> {
              assertThat(mistake.pointer()).isEqualTo(pointer);
              assertThat(mistake.detail()).contains(detail);
            });
  }

  @Test
  void rejectsLongNames() {
    assertThat(mistakes("{\"type\": \"Flatten\", \"name\": \"%s\"}".formatted("n".repeat(300)), ""))
        .containsExactly(
            new Mistake("/layers/0/name", "must have at most 200 characters but has 300"));
  }

  @Test
  void rejectsCyclesAndNamesTheirLayers() {
    assertThat(
            mistakes(
                """
                {"type": "Flatten", "name": "flat"},
                {"type": "Add", "name": "a", "inputs": ["flat", "c"]},
                {"type": "IAF", "name": "b"}, {"type": "IAF", "name": "c"}
                """,
                ""))
        .containsExactly(
            new Mistake(
                "/layers/1/inputs",
                "must not depend on the layer's own output, but `a` reads `c` reads `b` reads"
                    + " `a`"));
  }

  @Test
  void rejectsInputsThatDoNotFitAJoin() {
    String two = "{\"type\": \"Conv2d\", \"out_channels\": 2, \"kernel_size\": 1}, ";
    String three = "{\"type\": \"Conv2d\", \"out_channels\": 2, \"kernel_size\": 2}, ";
    assertThat(mistakes(two + "{\"type\": \"Add\", \"inputs\": [\"0\", \"input\"]}", ""))
        .containsExactly(
            new Mistake(
                "/layers/1/inputs",
                "must have the same shape to be added, but were `0` [2, 4, 4], `input` [1, 4,"
                    + " 4]"));
    assertThat(mistakes(three + "{\"type\": \"Concat\", \"inputs\": [\"0\", \"input\"]}", ""))
        .containsExactly(
            new Mistake(
                "/layers/1/inputs",
                "must have the same shape apart from their channels, but were `0` [2, 3, 3],"
                    + " `input` [1, 4, 4]"));
    assertThat(mistakes(two + "{\"type\": \"Concat\", \"inputs\": [\"0\"]}", ""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/1/inputs");
    assertThat(mistakes(two + "{\"type\": \"Add\"}", ""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/1/inputs");
    assertThat(mistakes(two + "{\"type\": \"Add\", \"inputs\": [\"0\", \"0\"]}", ""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/1/inputs/1");
    assertThat(
            mistakes(
                two + "{\"type\": \"Concat\", \"dim\": 2, \"inputs\": [\"0\", \"input\"]}", ""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/1/dim");
  }

  @Test
  void rejectsOutputsThatNobodyReads() {
    String fork =
        """
        {"type": "Flatten", "name": "flat"},
        {"type": "Linear", "name": "a", "out_features": 2},
        {"type": "Linear", "name": "b", "inputs": ["flat"], "out_features": 2}
        """;
    assertThat(mistakes(fork, ""))
        .singleElement()
        .satisfies(
            mistake -> {
              assertThat(mistake.pointer()).isEqualTo("/output");
              assertThat(mistake.detail()).contains("`a`, `b`");
            });
    assertThat(mistakes(fork, ", \"output\": \"a\""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/2");
    assertThat(mistakes(fork, ", \"output\": \"c\""))
        .extracting(Mistake::pointer)
        .containsExactly("/output");
  }

  @Test
  void rejectsNamesThatARecurrentConnectionHas() {
    assertThat(
            mistakes(
                """
                {"type": "Flatten"}, {"type": "IAFRecurrent", "name": "r"},
                {"type": "Linear", "name": "r.rec_connect", "out_features": 2}
                """,
                ""))
        .extracting(Mistake::pointer)
        .containsExactly("/layers/2/name");
  }
}
