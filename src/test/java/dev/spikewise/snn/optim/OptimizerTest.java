package dev.spikewise.snn.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.spec.LrScheduler;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.OptimizerSpec;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps, schedules and clipping, against numbers that PyTorch 2.13 computed. */
class OptimizerTest {

  private final ScalarKernels kernels = new ScalarKernels(1);

  /** A weight of three values and a bias of one, both reached by gradients. */
  private CpuExecutor network() {
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": [3], \"layers\": [{\"type\": \"Linear\", \"out_features\": 1}]}",
            ModelSpec.class);
    var network = new CpuExecutor(model, 1, 1, false, kernels);
    network.forward(1);
    network.backward(1, new float[1], null);
    return network;
  }

  @Test
  void sgdWithMomentumAndWeightDecayStepsAsPyTorchs() {
    Parameter weight = network().parameters().getFirst();
    var optimizer = Optimizer.of(new OptimizerSpec.Sgd(0.1, 0.9, 0.01), List.of(weight), kernels);
    set(weight.values(), 1, -2, 0.5f);
    float[][] gradients = {{0.5f, -1, 2}, {1, 1, -1}, {0, 0.25f, 0.5f}};
    for (float[] gradient : gradients) {
      set(weight.gradient(), gradient);
      optimizer.step(0.1);
    }
    assertThat(weight.values())
        .containsExactly(new float[] {0.66918480f, -1.93306947f, 0.09585717f}, within(1e-6f));
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void parametersThatNoGradientReachesDoNotDecay(boolean adam) {
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [3], "layers": [{"type": "Linear", "out_features": 2},
              {"type": "LIFRecurrent", "tau_mem": 5, "rec_connect": {"type": "Linear", "out_features": 2}},
              {"type": "Linear", "out_features": 2}]}
            """,
            ModelSpec.class);
    var network = new CpuExecutor(model, 1, 1, false, kernels);
    network.draw(1);
    var spec =
        adam ? new OptimizerSpec.Adam(0.1, null, null, 0.5) : new OptimizerSpec.Sgd(0.1, 0.9, 0.5);
    var optimizer = Optimizer.of(spec, network.parameters(), kernels);
    network.forward(1);
    // Synops of the last layer alone: its input is in the loss, its weights are not, and a single
    // step comes to no recurrent weight.
    network.counts().synapses().getLast().addToLoss(1);
    network.backward(1, null, null);
    for (Parameter p : network.parameters()) {
      float[] before = p.values().clone();
      optimizer.step(0.1);
      boolean reached = p.name().startsWith("0.") || p.name().equals("1.tau_mem");
      assertThat(Arrays.equals(p.values(), before)).as(p.name()).isEqualTo(!reached);
    }
  }

  @Test
  void gradientsAreClippedTogether() {
    CpuExecutor network = network();
    set(network.parameters().get(0).gradient(), 3, 0, 0);
    set(network.parameters().get(1).gradient(), 4);
    GradientNorm.clip(network.parameters(), 6);
    assertThat(network.parameters().get(0).gradient()).containsExactly(3, 0, 0);
    GradientNorm.clip(network.parameters(), 2);
    assertThat(network.parameters().get(0).gradient())
        .containsExactly(new float[] {1.2f, 0, 0}, within(1e-6f));
    assertThat(network.parameters().get(1).gradient())
        .containsExactly(new float[] {1.6f}, within(1e-6f));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"type": "StepLR", "step_size": 2, "gamma": 0.5} | 0.1,0.1,0.05,0.05,0.025,0.025
          {"type": "cosine", "t_max": 4, "eta_min": 0.01} | 0.1,0.08681980515339464,0.05500000000000001,0.023180194846605363,0.01,0.023180194846605363
          {"type": "exponential", "gamma": 0.9} | 0.1,0.09000000000000001,0.08100000000000002,0.07290000000000002,0.06561000000000002,0.05904900000000002
          """)
  void schedulesGiveTheLearningRatesOfPyTorch(String json, String rates) {
    var scheduler = Tutorial.JSON.readValue(json, LrScheduler.class);
    String[] expected = rates.split(",");
    for (int epoch = 0; epoch < expected.length; epoch++) {
      for (int batch = 3 * epoch; batch < 3 * (epoch + 1); batch++) {
        assertThat(scheduler.learningRate(0.1, new LrScheduler.Position(batch, 3, 100)))
            .isCloseTo(Double.parseDouble(expected[epoch]), within(1e-12));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"type": "OneCycleLR"} | 0.0040000000000000036,0.052000000000000005,0.1,0.09504846320134738,0.0811745653949763,0.06112620219362893,0.03887419780637107,0.0188258346050237,0.004951936798652629,4e-07
          {"type": "one_cycle", "pct_start": 0.5, "div_factor": 10, "final_div_factor": 100} | 0.009999999999999995,0.023180194846605356,0.055,0.08681980515339464,0.1,0.09046039886902862,0.06548539886902863,0.03461460113097138,0.00963960113097138,0.0001
          """)
  void oneCycleGivesTheLearningRatesOfPyTorch(String json, String rates) {
    var scheduler = Tutorial.JSON.readValue(json, LrScheduler.class);
    String[] expected = rates.split(",");
    for (int batch = 0; batch < expected.length; batch++) {
      assertThat(scheduler.learningRate(0.1, new LrScheduler.Position(batch, 5, 2)))
          .isCloseTo(Double.parseDouble(expected[batch]), within(1e-12));
    }
  }

  private static void set(float[] array, float... values) {
    System.arraycopy(values, 0, array, 0, values.length);
  }
}
