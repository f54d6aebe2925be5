package dev.spikewise.snn.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.LrScheduler;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.OptimizerSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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
    var optimizer =
        Optimizer.of(new OptimizerSpec.Sgd(0.1, 0.9, 0.01, null), List.of(weight), kernels);
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
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"type": "sgd", "momentum": 0.9, "weight_decay": 0.01, "nesterov": true} | 0.53628343,-1.99783933,-0.68344694
          {"type": "adam", "weight_decay": 0.1} | 0.68059981,-1.86803353,0.26985556
          {"type": "adam", "betas": [0.5, 0.6], "weight_decay": 0.1, "amsgrad": true} | 0.75124407,-1.92429245,0.2948359
          {"type": "AdamW"} | 0.69341254,-1.92909288,0.27459529
          {"type": "adamw", "betas": [0.5, 0.6], "weight_decay": 0.5, "amsgrad": true} | 0.60951942,-1.6251688,0.22313061
          {"type": "RMSprop"} | -0.48330435,-1.95455456,-1.06977725
          {"type": "rmsprop", "alpha": 0.5, "momentum": 0.9, "weight_decay": 0.1, "centered": true} | -0.26971048,-1.5905745,-0.28284603
          """)
  void optimizersStepAsPyTorchsAndContinueFromTheirState(String json, String expected) {
    var spec = Tutorial.JSON.readValue(json, OptimizerSpec.class);
    Parameter weight = network().parameters().getFirst();
    var optimizer = Optimizer.of(spec, List.of(weight), kernels);
    set(weight.values(), 1, -2, 0.5f);
    float[][] gradients = {{0.5f, -1, 2}, {1, 1, -1}, {0, 0.25f, 0.5f}, {-0.5f, 0.1f, 3}};
    for (float[] gradient : gradients) {
      set(weight.gradient(), gradient);
      optimizer.step(0.1);
      var resumed = Optimizer.of(spec, List.of(weight), kernels);
      resumed.restore(optimizer.state());
      optimizer = resumed;
    }
    assertThat(weight.values()).containsExactly(floats(expected), within(2e-6f));
  }

  private static float[] floats(String list) {
    var numbers = list.split(",");
    var floats = new float[numbers.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = Float.parseFloat(numbers[i]);
    }
    return floats;
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
        adam
            ? new OptimizerSpec.Adam(0.1, null, null, 0.5, null)
            : new OptimizerSpec.Sgd(0.1, 0.9, 0.5, null);
    var optimizer = Optimizer.of(spec, network.parameters(), kernels);
    network.forward(1);
    // Synops of the last layer alone: its input is in the loss, its weights are not, and a single
    // step comes to no recurrent weight.
    network.counts().synapses().getLast().addToLoss(1);
    network.backward(1, (float[]) null, null);
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
    new GradientClip(6.0, null).apply(network.parameters());
    assertThat(network.parameters().get(0).gradient()).containsExactly(3, 0, 0);
    new GradientClip(2.0, null).apply(network.parameters());
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
          {"type": "MultiStepLR", "milestones": [2, 5], "gamma": 0.5} | 0.1,0.1,0.05,0.05,0.05,0.025,0.025
          {"type": "LinearLR", "start_factor": 0.25, "total_iters": 4} | 0.025,0.043750000000000004,0.06250000000000001,0.08125,0.1,0.1
          {"type": "LinearLR"} | 0.03333333333333333,0.04666666666666667,0.06,0.07333333333333335,0.08666666666666668,0.1,0.1
          {"type": "warm_restarts", "t_0": 2, "t_mult": 2, "eta_min": 0.01} | 0.1,0.05500000000000001,0.1,0.08681980515339464,0.05500000000000001,0.023180194846605363,0.1,0.0965745789630079,0.08681980515339464
          {"type": "CosineAnnealingWarmRestarts", "t_0": 3} | 0.1,0.075,0.025,0.1,0.075,0.025,0.1
          {"type": "SequentialLR", "schedulers": [{"type": "LinearLR", "start_factor": 0.1, "total_iters": 3}, {"type": "cosine", "t_max": 4}], "milestones": [3]} | 0.01,0.04,0.07,0.1,0.08535533905932738,0.05,0.014644660940672627
          {"type": "sequential", "schedulers": [{"type": "linear", "start_factor": 0.1, "total_iters": 2}, {"type": "step", "step_size": 1, "gamma": 0.5}, {"type": "exponential", "gamma": 0.9}], "milestones": [2, 4]} | 0.01,0.055,0.1,0.05,0.1,0.09,0.081
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
          {"type": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "cooldown": 2, "min_lr": 0.02} | 1,0.9,0.95,0.91,0.9,0.9,0.5,0.6,0.6,0.6,0.6,0.6,0.6,0.6 | 0.1,0.1,0.1,0.1,0.05,0.05,0.05,0.05,0.05,0.025,0.025,0.025,0.025,0.02
          {"type": "plateau", "monitor": "accuracy", "factor": 0.5, "patience": 1, "threshold": 0.1} | 0.1,0.2,0.21,0.22,0.23,0.3,0.3,0.3,0.3,0.3 | 0.1,0.1,0.1,0.1,0.05,0.05,0.05,0.05,0.025,0.025
          """)
  void plateauLowersTheLearningRateAsPyTorchAndContinuesFromItsState(
      String json, String metrics, String rates) {
    var scheduler = Tutorial.JSON.readValue(json, LrScheduler.class);
    var plateau = new PlateauDetector(scheduler);
    String[] values = metrics.split(",");
    String[] expected = rates.split(",");
    for (int epoch = 0; epoch < expected.length; epoch++) {
      var at = new LrScheduler.Position(3 * epoch, 3, 100, plateau.reductions());
      assertThat(scheduler.learningRate(0.1, at))
          .as("epoch %d", epoch)
          .isCloseTo(Double.parseDouble(expected[epoch]), within(1e-12));
      double value = Double.parseDouble(values[epoch]);
      plateau.after(epoch(value));
      var resumed = new PlateauDetector(scheduler);
      resumed.restore(plateau.state());
      plateau = resumed;
    }
  }

  private static EpochMetrics epoch(double value) {
    return new EpochMetrics(
        0, value, Map.of(), 1, 1, value, null, null, null, null, 1, Map.of(), Map.of());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"type": "plateau", "factor": 1} | /factor must be above 0 and below 1 but was 1.0
          {"type": "MultiStepLR"} | /milestones is missing: give the epochs of the changes
          {"type": "MultiStepLR", "milestones": [3, 3]} | /milestones/1 must be above 3 but was 3
          {"type": "LinearLR", "start_factor": 0} | /start_factor must be above 0 and at most 1 but was 0.0
          {"type": "warm_restarts"} | /t_0 is missing: give a number of epochs
          {"type": "OneCycleLR", "three_phase": true, "pct_start": 0.6} | /pct_start must be at most 0.5 with three_phase but was 0.6
          {"type": "SequentialLR", "schedulers": [{"type": "LinearLR"}, {"type": "plateau"}], "milestones": [2]} | /schedulers/1 ReduceLROnPlateau cannot be part of a sequence: use it alone
          {"type": "SequentialLR", "schedulers": [{"type": "LinearLR"}, {"type": "cosine"}], "milestones": [2, 3]} | /milestones must have one entry less than schedulers, which has 2, but has 2
          """)
  void impossibleSchedulesAreRefused(String json, String expected) {
    var mistakes = new Mistakes();
    Tutorial.JSON.readValue(json, LrScheduler.class).check(mistakes);
    assertThat(mistakes.list()).singleElement();
    var mistake = mistakes.list().getFirst();
    assertThat(mistake.pointer() + " " + mistake.detail()).isEqualTo(expected);
  }

  @Test
  void nesterovNeedsMomentum() {
    var mistakes = new Mistakes();
    new OptimizerSpec.Sgd(0.1, 0.0, 0.0, true).check(mistakes);
    assertThat(mistakes.list()).extracting(Mistakes.Mistake::pointer).containsExactly("/nesterov");
  }

  @Test
  void gradientsAreClippedOneByOne() {
    CpuExecutor network = network();
    set(network.parameters().get(0).gradient(), 3, -5, 1);
    new GradientClip(null, 2.0).apply(network.parameters());
    assertThat(network.parameters().get(0).gradient()).containsExactly(2, -2, 1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"type": "OneCycleLR", "anneal_strategy": "linear"} | 0.004,0.052000000000000005,0.1,0.08571434285714286,0.07142868571428572,0.05714302857142858,0.042857371428571434,0.028571714285714284,0.014286057142857148,3.999999999976245e-07
          {"type": "OneCycleLR", "three_phase": true, "pct_start": 0.4} | 0.0040000000000000036,0.027999999999999997,0.076,0.1,0.07600000000000001,0.02800000000000001,0.004,0.0030001,0.0010003000000000004,4e-07
          {"type": "OneCycleLR"} | 0.0040000000000000036,0.052000000000000005,0.1,0.09504846320134738,0.0811745653949763,0.06112620219362893,0.03887419780637107,0.0188258346050237,0.004951936798652629,4e-07
          {"type": "one_cycle", "pct_start": 0.5, "div_factor": 10, "final_div_factor": 100} | 0.009999999999999995,0.023180194846605356,0.055,0.08681980515339464,0.1,0.09046039886902862,0.06548539886902863,0.03461460113097138,0.00963960113097138,0.0001
          """)
  void oneCycleMatchesPyTorch(String json, String rates) {
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
