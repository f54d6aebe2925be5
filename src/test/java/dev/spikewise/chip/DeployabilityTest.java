package dev.spikewise.chip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.spikewise.chip.Deployability.CoreLayer;
import dev.spikewise.chip.Deployability.Destination;
import dev.spikewise.chip.Deployability.Failure;
import dev.spikewise.chip.Deployability.Layer;
import dev.spikewise.chip.Deployability.Role;
import dev.spikewise.chip.Deployability.Rule;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.spec.ModelSpec;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Hand-counted cases, and random networks that sinabs' own rules were asked about. */
class DeployabilityTest {

  private static Deployability of(String inputShape, String layers) {
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": %s, \"layers\": [%s]}".formatted(inputShape, layers),
            ModelSpec.class);
    var mistakes = new Mistakes();
    model.check(mistakes);
    mistakes.throwIfAny();
    return Deployability.of(model, Chip.SPECK2F);
  }

  @Test
  void tutorialNetworkFitsChip() {
    var answer = Deployability.of(Tutorial.model(), Chip.SPECK2F);

    assertThat(answer.deployable()).isTrue();
    assertThat(answer.coreLayers())
        .containsExactly(
            // 25 taps take 32 places: 1 * 32 * 16; 24 x 24 neurons take 32 x 32.
            core("1", "2", List.of("3"), "1 28 28", 5, "16 24 24", 1, 2, 512, 16 * 1024, 0),
            // 16 * 32 * 32; 8 x 8 neurons.
            core("4", "5", List.of("6"), "16 12 12", 5, "32 8 8", 2, 2, 16 * 1024, 32 * 64, 1),
            // 120 channels take 128 places, so that only the largest kernel memory is enough.
            core("7", "8", List.of(), "32 4 4", 4, "120 1 1", 3, 1, 64 * 1024, 120, 5),
            core("10", "11", List.of(), "120 1 1", 1, "10 1 1", null, 1, 120 * 16, 10, 2));
    assertThat(answer.layers().stream().map(Layer::role))
        .containsExactly(
            Role.NONE,
            Role.WEIGHTS,
            Role.NEURONS,
            Role.POOLING,
            Role.WEIGHTS,
            Role.NEURONS,
            Role.POOLING,
            Role.WEIGHTS,
            Role.NEURONS,
            Role.NONE,
            Role.WEIGHTS,
            Role.NEURONS,
            Role.NONE);
  }

  private static CoreLayer core(
      String weights,
      String neurons,
      List<String> pools,
      String input,
      int kernel,
      String map,
      @Nullable Integer next,
      int pooling,
      long kernelMemory,
      long neuronMemory,
      int core) {
    return new CoreLayer(
        weights,
        neurons,
        pools,
        dims(input),
        List.of(kernel, kernel),
        dims(map),
        pooling,
        next == null ? List.of() : List.of(new Destination(next, pooling)),
        kernelMemory,
        neuronMemory,
        0,
        kernelMemory > 32 * 1024 ? List.of(5, 6) : List.of(0, 1, 2, 3, 4, 5, 6, 7, 8),
        core);
  }

  private static List<Integer> dims(String text) {
    return List.of(text.split(" ")).stream().map(Integer::valueOf).toList();
  }

  private static final String IAF = ", {\"type\": \"IAF\"}";

  private static String conv(String options) {
    return "{\"type\": \"Conv2d\", \"out_channels\": 4, \"kernel_size\": 3" + options + "}";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [1, 129, 8]   | {"type": "Conv2d", "out_channels": 1, "kernel_size": 8, "stride": 8}, {"type": "IAF"} | 0 | input_size    | was 129 x 8
          [1, 100, 100] | {"type": "Conv2d", "out_channels": 1, "kernel_size": 3}, {"type": "IAF"} | 0 | map_size      | was 98 x 98
          [1, 8, 8]     | {"type": "Conv2d", "out_channels": 1025, "kernel_size": 8}, {"type": "IAF"} | 0 | channels      | 1025 out
          [1, 8, 8]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": [3, 2]}, {"type": "IAF"} | 0 | kernel_size   | was 3 x 2
          [1, 32, 32]   | {"type": "Conv2d", "out_channels": 4, "kernel_size": 17}, {"type": "IAF"} | 0 | kernel_size   | was 17 x 17
          [2, 6, 8]     | {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"} | 1 | kernel_size   | was 6 x 8
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "stride": 3}, {"type": "IAF"} | 0 | stride        | was 3
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": [1, 8]}, {"type": "IAF"} | 0 | padding       | was [1, 8]
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "dilation": 2}, {"type": "IAF"} | 0 | dilation      | was 2
          [2, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "groups": 2}, {"type": "IAF"} | 0 | groups        | was 2
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "LIF", "tau_mem": 5} | 1 | neuron        | was LIF
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "ReLU"} | 1 | neuron        | spiking twin
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF", "tau_syn": 5} | 1 | neuron        | was 5.0
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF", "reset_fn": {"subtract": 0.5}} | 1 | reset         | subtract 0.5
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 3} | 2 | pooling       | was 3
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 2}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 4}, {"type": "SumPool2d", "kernel_size": 2} | 3 | pooling       | together with the pools before but was 8
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 2, "stride": 1} | 2 | pooling       | stride 1
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "SpikingMaxPooling2dLayer", "kernel_size": 2} | 2 | pooling       | SumPool2d
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "SumPool2d", "kernel_size": 1}, {"type": "IAF"} | 2 | order         | precede the pools
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"} | 0 | order         | next weights
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3} | 0 | order         | outputs spikes
          [1, 9, 9]     | {"type": "IAF"}, {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"} | 0 | order         | must follow
          [3, 8, 8]     | {"type": "SumPool2d", "kernel_size": 2}, {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"} | 0 | order         | camera
          [1, 9, 9]     | {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "BatchNorm2d"} | 2 | order         | right before it
          [4, 9]        | {"type": "Conv1d", "out_channels": 4, "kernel_size": 3}, {"type": "Flatten"}, {"type": "Linear", "out_features": 4}, {"type": "IAF"} | 0 | layer_type    | Conv1d
          """)
  void reportsBrokenRuleAtItsLayer(
      String inputShape, String layers, int layer, String rule, String detail) {
    var answer = of(inputShape, layers);

    assertThat(answer.deployable()).isFalse();
    assertThat(answer.layers().get(layer).failures())
        .as(answer.toString())
        .anySatisfy(
            failure -> {
              assertThat(failure.rule().word()).isEqualTo(rule);
              assertThat(failure.detail()).contains(detail);
            });
  }

  private static final String RESIDUAL =
      """
      {"name": "a", "type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"name": "a.spike", "type": "IAF"},
      {"name": "b", "type": "Conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"name": "b.spike", "type": "IAF"},
      """;

  @Test
  void coresThatShareADestinationAddTheirSpikes() {
    var answer =
        of(
            "[1, 8, 8]",
            RESIDUAL
                + """
                {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike"]}, {"type": "Flatten"},
                {"type": "Linear", "name": "out", "out_features": 4}, {"type": "BatchNorm1d"}, {"type": "IAF"}
                """);

    assertThat(answer.deployable()).as(answer.toString()).isTrue();
    assertThat(answer.layers().get(4))
        .returns(Role.SUM, Layer::role)
        .returns(null, Layer::coreLayer);
    assertThat(answer.coreLayers())
        .extracting(CoreLayer::weights, CoreLayer::destinations)
        .containsExactly(
            tuple("a", List.of(new Destination(1, 1), new Destination(2, 1))),
            tuple("b", List.of(new Destination(2, 1))),
            tuple("out", List.of()));
    assertThat(answer.coreLayers().getLast().biasMemory()).isEqualTo(4);
  }

  /** Each destination has a pooling of its own. */
  @Test
  void poolingMayDifferPerDestination() {
    var answer =
        of(
            "[1, 8, 8]",
            RESIDUAL
                + """
                {"type": "SumPool2d", "kernel_size": 2, "name": "p", "inputs": ["a.spike"]},
                {"type": "Conv2d", "out_channels": 4, "kernel_size": 2, "stride": 2, "inputs": ["b.spike"]}, {"type": "IAF", "name": "c"},
                {"type": "Add", "inputs": ["p", "c"]},
                {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
                """);

    assertThat(answer.deployable()).as(answer.toString()).isTrue();
    assertThat(answer.coreLayers().getFirst())
        .returns(List.of(new Destination(1, 1), new Destination(3, 2)), CoreLayer::destinations)
        .returns(List.of("p"), CoreLayer::pools)
        .returns(2, CoreLayer::pooling);
    assertThat(answer.layers().get(1).notes())
        .singleElement()
        .asString()
        .contains("sinabs 3.1.3 cannot configure");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          sum     | adds the currents of `b`     | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.bare"]}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          sum     | followed by a Conv2d         | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike"]}
          pool    | put the pool before the Add  | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike"]}, {"name": "pool", "type": "SumPool2d", "kernel_size": 2}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          sum     | is a sum, which one core may read, but is read by 2 | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike"]}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"name": "l", "type": "IAF"}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2, "inputs": ["sum"]}, {"name": "r", "type": "IAF"}, {"type": "Add", "inputs": ["l", "r"]}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          out     | receives the spikes of `a` twice | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike"]}, {"type": "Add", "inputs": ["sum", "a.spike"]}, {"type": "Conv2d", "name": "out", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          joined  | only Add joins layers        | {"type": "Concat", "name": "joined", "inputs": ["a.spike", "b.spike"]}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          sum     | adds the input, which only the camera's 2 channels allow, but it has 4 | {"type": "Add", "name": "sum", "inputs": ["a.spike", "b.spike", "input"]}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          a.spike | sends its spikes to 3 cores (b, c, d); at most 2 are possible | {"type": "Conv2d", "name": "c", "out_channels": 4, "kernel_size": 3, "padding": 1, "inputs": ["a.spike"]}, {"name": "c.spike", "type": "IAF"}, {"type": "Add", "inputs": ["b.spike", "c.spike", "a.spike"]}, {"type": "Conv2d", "name": "d", "out_channels": 2, "kernel_size": 2}, {"type": "IAF"}
          """)
  void branchesThatTheChipLacksAreNamed(String layer, String detail, String branches) {
    String all = RESIDUAL + branches;
    var answer =
        of(
            "[4, 8, 8]",
            branches.contains("b.bare")
                ? all.replace(", {\"name\": \"b.spike\", \"type\": \"IAF\"}", "")
                    .replace("b.bare", "b")
                : all);

    assertThat(answer.deployable()).isFalse();
    assertThat(answer.layers())
        .filteredOn(Layer::name, layer)
        .flatExtracting(Layer::failures)
        .as(answer.toString())
        .anySatisfy(
            failure -> {
              assertThat(failure.rule()).isEqualTo(Rule.BRANCHES);
              assertThat(failure.detail()).contains(detail);
            });
  }

  @Test
  void reportsEachRuleOnceWhereAPoolReadsSeveralCores() {
    var answer =
        of(
            "[1, 8, 8]",
            RESIDUAL
                + """
                {"type": "Add", "inputs": ["a.spike", "b.spike"]}, {"type": "SumPool2d", "kernel_size": 8}, {"type": "Flatten"},
                {"type": "Linear", "out_features": 4}, {"type": "IAF"}
                """);

    assertThat(answer.layers().get(5).failures())
        .extracting(Failure::rule)
        .containsExactly(Rule.BRANCHES, Rule.POOLING);
  }

  @Test
  void cameraHasTwoDestinationsAndOnePooling() {
    String three =
        """
        {"name": "%1$s", "type": "Conv2d", "out_channels": 2, "kernel_size": 3, "inputs": ["input"]}, {"name": "%1$s.spike", "type": "IAF"}\
        """;
    String sum =
        ", {\"type\": \"Add\", \"inputs\": [%s]}, {\"type\": \"Conv2d\", \"out_channels\": 2,"
            + " \"kernel_size\": 3}, {\"type\": \"IAF\"}";
    var answer =
        of(
            "[2, 8, 8]",
            three.formatted("a")
                + ", "
                + three.formatted("b")
                + ", "
                + three.formatted("c")
                + sum.formatted("\"a.spike\", \"b.spike\", \"c.spike\""));
    assertThat(answer.failures())
        .containsExactly(
            new Failure(
                Rule.BRANCHES, "the input is sent to 3 cores (a, b, c); at most 2 are possible"));

    var pooled =
        of(
            "[2, 8, 8]",
            "{\"type\": \"SumPool2d\", \"kernel_size\": 2},"
                + " {\"type\": \"Conv2d\", \"out_channels\": 2, \"kernel_size\": 1},"
                + " {\"name\": \"p\", \"type\": \"IAF\"},"
                + " {\"type\": \"Conv2d\", \"out_channels\": 2, \"kernel_size\": 2, \"stride\": 2,"
                + " \"inputs\": [\"input\"]}, {\"name\": \"q\", \"type\": \"IAF\"}"
                + sum.formatted("\"p\", \"q\""));
    assertThat(pooled.failures())
        .singleElement()
        .satisfies(failure -> assertThat(failure.detail()).contains("pooled by 2 and 1"));
  }

  @Test
  void reportsLayerTooLargeForAnyCore() {
    // 64 * 16 * 128 words of kernels.
    var kernels =
        of("[64, 8, 8]", "{\"type\": \"Conv2d\", \"out_channels\": 100, \"kernel_size\": 3}" + IAF);
    assertThat(kernels.layers().getFirst().failures())
        .singleElement()
        .returns(Rule.MEMORY, Failure::rule)
        .satisfies(f -> assertThat(f.detail()).contains("holds 131072 words of kernels"));
    // 32 Ki of kernels and 64 Ki of neurons: each fits, but not on one core.
    var both =
        of(
            "[8, 64, 64]",
            "{\"type\": \"Conv2d\", \"out_channels\": 16, \"kernel_size\": 16, \"padding\": 7}"
                + IAF);
    assertThat(both.coreLayers().getFirst())
        .returns(8L * 256 * 16, CoreLayer::kernelMemory)
        .returns(16L * 64 * 64, CoreLayer::neuronMemory)
        .returns(List.of(), CoreLayer::possibleCores)
        .returns(null, CoreLayer::core);
    assertThat(both.layers().getFirst().failures())
        .singleElement()
        .returns(Rule.MEMORY, Failure::rule);
  }

  @Test
  void layersThatNeedTheSameCoresAreNamed() {
    // 256 * 256 words of kernels each: cores 5 and 6 alone.
    String large = "{\"type\": \"Conv2d\", \"out_channels\": 256, \"kernel_size\": 1}" + IAF;
    var three = of("[256, 1, 1]", String.join(", ", large, large, large));
    assertThat(three.layers()).allSatisfy(layer -> assertThat(layer.failures()).isEmpty());
    assertThat(three.failures())
        .containsExactly(
            new Failure(Rule.CORES, "layers 0, 2, 4 fit only cores 5, 6, which are too few"));
    assertThat(three.deployable()).isFalse();
  }

  @Test
  void thereAreNineCores() {
    String ten = String.join(", ", Collections.nCopies(10, conv(", \"padding\": 1") + IAF));
    assertThat(of("[1, 8, 8]", ten).failures())
        .containsExactly(new Failure(Rule.CORES, "there are 10 layers of weights, but 9 cores"));
    assertThat(of("[1, 8, 8]", "{\"type\": \"Flatten\"}").failures())
        .extracting(Failure::rule)
        .containsExactly(Rule.CORES);
  }

  @Test
  void batchNormsDropoutAndAveragesAreWhatTheyBecomeOnTheChip() {
    var answer =
        of(
            "[2, 16, 16]",
            """
            {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "bias": false},
            {"type": "BatchNorm2d"}, {"type": "IAF", "spike_fn": "single"}, {"type": "Dropout"},
            {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}\
            """);

    assertThat(answer.deployable()).as(answer.toString()).isTrue();
    assertThat(answer.coreLayers())
        .extracting(CoreLayer::biasMemory, CoreLayer::pooling, CoreLayer::inputShape)
        .containsExactly(tuple(4L, 2, List.of(2, 8, 8)), tuple(10L, 1, List.of(4, 3, 3)));
    assertThat(answer.layers().get(0).notes()).hasSize(2);
    assertThat(answer.layers().get(2).role()).isEqualTo(Role.MERGED);
    assertThat(answer.layers().get(3).notes()).singleElement().asString().contains("spike_fn");
    assertThat(answer.layers().get(5).notes()).singleElement().asString().contains("divided by 4");
  }

  /** src/test/python/speck.py made the file. */
  @Test
  void sinabsCountsTheSameMemoryAndFindsACoreForTheSameNetworks() throws IOException {
    JsonNode networks = golden().get("networks");
    int fit = 0;
    for (JsonNode network : networks) {
      var model = Tutorial.JSON.treeToValue(network.get("model"), ModelSpec.class);
      var answer = Deployability.of(model, Chip.SPECK2F);
      var memory =
          answer.coreLayers().stream()
              .map(
                  c ->
                      "{\"kernel\":%d,\"neuron\":%d,\"bias\":%d}"
                          .formatted(c.kernelMemory(), c.neuronMemory(), c.biasMemory()))
              .toList();
      assertThat(memory.toString().replace(" ", ""))
          .as(model.toString())
          .isEqualTo(network.get("memory").toString());
      boolean placed = answer.coreLayers().stream().allMatch(c -> c.core() != null);
      assertThat(placed).as(model.toString()).isEqualTo(network.get("fits").asBoolean());
      fit += placed ? 1 : 0;
    }
    assertThat(fit).isBetween(10, networks.size() - 10);
  }

  /**
   * Same as in the preceding cases; an IndexError of sinabs means that it cannot configure the
   * network.
   */
  @Test
  void sinabsPlacesTheSameNetworksWithBranches() throws IOException {
    int fit = 0;
    for (JsonNode network : golden().get("branched")) {
      var answer =
          Deployability.of(
              Tutorial.JSON.treeToValue(network.get("model"), ModelSpec.class), Chip.SPECK2F);
      String reason = network.get("reason").asString("");
      boolean noted =
          answer.layers().stream()
              .flatMap(layer -> layer.notes().stream())
              .anyMatch(note -> note.contains("sinabs 3.1.3 cannot configure"));
      if (reason.equals("IndexError")) {
        assertThat(noted || !answer.deployable()).as(network.toString()).isTrue();
      } else {
        assertThat(answer.deployable())
            .as("%s %s", network, answer)
            .isEqualTo(network.get("fits").asBoolean());
      }
      fit += answer.deployable() && !noted ? 1 : 0;
    }
    assertThat(fit).isBetween(10, 50);
  }

  private JsonNode golden() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(getClass().getResourceAsStream("/chip/speck.json"))) {
      return Tutorial.JSON.readTree(in);
    }
  }
}
