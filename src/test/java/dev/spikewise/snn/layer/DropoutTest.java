package dev.spikewise.snn.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.spec.ModelSpec;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Layers that draw while training: from the sample's seed alone, and not at all in use. */
class DropoutTest {

  private static final int CHANNELS = 10;
  private static final int PIXELS = 100;
  private static final int STEPS = 3;

  private final ScalarKernels kernels = new ScalarKernels(1);

  private CpuExecutor network(String layer, int batch) {
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": [10, 10, 10], \"layers\": [" + layer + "]}", ModelSpec.class);
    var network = new CpuExecutor(model, batch, STEPS, false, kernels);
    for (int i = 0; i < network.input().length; i++) {
      network.input()[i] = 1.25f;
    }
    return network;
  }

  private static float[] forward(CpuExecutor network, boolean training, long... seeds) {
    System.arraycopy(seeds, 0, network.sampleSeeds(), 0, seeds.length);
    network.train(training);
    network.forward(seeds.length);
    var sums = new float[seeds.length * network.outputs()];
    network.sumOutput(seeds.length, sums);
    return sums;
  }

  @Test
  void dropoutMaskIsConstantOverTimeAndIndependentOfBatchPosition() {
    var network = network("{\"type\": \"Dropout\", \"p\": 0.2}", 2);
    float[] both = forward(network, true, 7, 8);
    int silent = 0;
    for (int i = 0; i < CHANNELS * PIXELS; i++) {
      assertThat(both[i]).isIn(0f, STEPS * 1.25f / 0.8f);
      silent += both[i] == 0 ? 1 : 0;
    }
    assertThat(silent).isCloseTo(200, within(40));
    float[] swapped = forward(network, true, 8, 7);
    assertThat(Arrays.copyOfRange(swapped, 1000, 2000)).isEqualTo(Arrays.copyOf(both, 1000));
    assertThat(Arrays.copyOf(swapped, 1000)).isNotEqualTo(Arrays.copyOf(both, 1000));
  }

  @Test
  void inUseEverythingPasses() {
    assertThat(forward(network("{\"type\": \"Dropout2d\"}", 1), false, 7))
        .containsOnly(STEPS * 1.25f);
  }

  @Test
  void dropout2dSilencesWholeChannels() {
    float[] output = forward(network("{\"type\": \"Dropout2d\", \"p\": 0.5}", 1), true, 7);
    for (int c = 0; c < CHANNELS; c++) {
      for (int i = 1; i < PIXELS; i++) {
        assertThat(output[c * PIXELS + i]).isEqualTo(output[c * PIXELS]);
      }
    }
    assertThat(output).contains(0f, STEPS * 2.5f);
  }

  @Test
  void onlyWhatPassedGetsAGradient() {
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 50}, {"type": "Dropout", "p": 0.4}]}
            """,
            ModelSpec.class);
    var network = new CpuExecutor(model, 1, STEPS, true, kernels);
    network.draw(1);
    float[] output = forward(network, true, 3);
    var g = new float[50];
    Arrays.fill(g, 1);
    network.backward(1, g, null);
    float[] bias = network.parameters().get(1).gradient();
    for (int i = 0; i < 50; i++) {
      assertThat(bias[i]).isEqualTo(output[i] == 0 ? 0 : STEPS / 0.6f);
    }
  }

  @Test
  void stochasticRoundingIsRightOnAverageAndRoundsToTheNearestInUse() {
    var network = network("{\"type\": \"NeuromorphicReLU\", \"stochastic_rounding\": true}", 1);
    double sum = 0;
    for (float value : forward(network, true, 5)) {
      assertThat(value).isBetween(3f, 6f);
      sum += value;
    }
    assertThat(sum / (CHANNELS * PIXELS * STEPS)).isCloseTo(1.25, within(0.03));
    assertThat(forward(network, false, 5)).containsOnly(STEPS);
  }
}
