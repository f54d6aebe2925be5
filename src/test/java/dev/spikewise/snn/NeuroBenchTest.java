package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EnergyPreset;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Operations, sparsity, footprint and energy, on networks that can be counted by hand. */
class NeuroBenchTest {

  private static Statistics analyze(
      String layers, String shape, Map<String, Tensor> weights, double input, int steps) {
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": " + shape + ", \"layers\": [" + layers + "]}", ModelSpec.class);
    try (var engine = Engine.scalar(1)) {
      return Analyzer.analyze(
              model,
              new StateDict(weights),
              new Analyzer.Batch(new InputSpec.Constant(input), null, 2, steps, null, 1),
              engine)
          .statistics();
    }
  }

  private static Tensor tensor(float value, int... shape) {
    var data = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    Arrays.fill(data, value);
    return new Tensor(shape, data);
  }

  @Test
  void onesAreAccumulatedAndOtherValuesMultiplied() {
    String linear =
        "{\"type\": \"Linear\", \"out_features\": 3, \"bias\": false}, {\"type\": \"IAF\"}";
    var weights = Map.of("0.weight", tensor(0.25f, 3, 4));
    weights.get("0.weight").data()[5] = 0;
    var ones = analyze(linear, "[4]", weights, 1, 5).cost();
    assertThat(ones.effectiveAcs()).isEqualTo(5 * 11);
    assertThat(ones.effectiveMacs()).isZero();
    assertThat(ones.connectionSparsity()).isCloseTo(1 / 12.0, within(1e-12));
    assertThat(ones.footprintBytes()).isEqualTo(48);
    var halves = analyze(linear, "[4]", weights, 0.5, 5).cost();
    assertThat(halves.effectiveAcs()).isZero();
    assertThat(halves.effectiveMacs()).isEqualTo(5 * 11);
    assertThat(halves.energy().get(EnergyPreset.CMOS_45NM).joules())
        .isCloseTo(55 * 4.6e-12, within(1e-20));
    assertThat(halves.energy().get(EnergyPreset.LOIHI).source()).contains("doi:");
  }

  /** Constants per channel and norms have arrays of several dimensions, too. */
  @Test
  void onlyWeightsOfSynapsesAreConnections() {
    var weights =
        Map.of(
            "0.weight", tensor(0, 2, 1, 1, 1),
            "1.weight", tensor(1, 2, 3, 3),
            "1.bias", tensor(0, 2, 3, 3),
            "2.tau_mem", new Tensor(new int[] {2, 1, 1}, new float[] {3, 4}),
            "4.weight", tensor(0.5f, 2, 18),
            "5.rec_connect.weight", tensor(0, 2, 2));
    var cost =
        analyze(
                """
                {"type": "Conv2d", "out_channels": 2, "kernel_size": 1, "bias": false}, {"type": "LayerNorm", "normalized_shape": [2, 3, 3]},
                {"type": "LIF", "tau_mem": [3, 4]}, {"type": "Flatten"},
                {"type": "Linear", "out_features": 2, "bias": false}, {"type": "IAFRecurrent"}
                """,
                "[1, 3, 3]",
                weights,
                1,
                2)
            .cost();
    assertThat(cost.connectionSparsity()).isCloseTo((2 + 4) / (2 + 36 + 4.0), within(1e-12));
  }

  @Test
  void outputsOfNeuronsAreSparseWhereTheyDoNotFire() {
    // A quarter a step: each neuron fires at the fourth step, of five.
    var statistics =
        analyze(
            "{\"type\": \"Linear\", \"out_features\": 3, \"bias\": false}, {\"type\": \"IAF\","
                + " \"spike_fn\": \"single\"}",
            "[1]",
            Map.of("0.weight", tensor(0.25f, 3, 1)),
            1,
            5);
    assertThat(statistics.cost().activationSparsity()).isCloseTo(0.8, within(1e-12));
    assertThat(statistics.spiking().get("1").silentRatio()).isZero();
    assertThat(statistics.spiking().get("1").saturatedRatio()).isZero();
  }

  @Test
  void neuronsThatFireAtEveryStepAreSaturated() {
    var weight = new Tensor(new int[] {2, 1}, new float[] {1, 0.5f});
    var statistics =
        analyze(
            "{\"type\": \"Linear\", \"out_features\": 2, \"bias\": false}, {\"type\": \"IAF\"}",
            "[1]",
            Map.of("0.weight", weight),
            1,
            4);
    assertThat(statistics.spiking().get("1").saturatedRatio()).isEqualTo(0.5);
  }

  @Test
  void effectiveOperationsEqualSynopsForUnitInputs() {
    var statistics =
        analyze(
            """
            {"type": "Conv2d", "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2,
             "groups": 2, "bias": false}\
            """,
            "[4, 9, 7]",
            Map.of("0.weight", tensor(0.1f, 6, 2, 3, 3)),
            1,
            3);
    assertThat(statistics.cost().effectiveAcs()).isEqualTo(statistics.synops()).isPositive();
  }

  @Test
  void spikesOnTheWayBackAreOperationsToo() {
    var statistics =
        analyze(
            "{\"type\": \"IAFRecurrent\", \"spike_fn\": \"single\"}",
            "[3]",
            Map.of("0.rec_connect.weight", tensor(0.01f, 3, 3)),
            1,
            4);
    assertThat(statistics.cost().effectiveAcs())
        .isEqualTo(statistics.synops())
        .isEqualTo(3 * 3 * 3);
  }
}
