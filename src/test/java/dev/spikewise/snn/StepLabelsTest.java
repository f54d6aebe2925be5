package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.dataset.LocalDatasets;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.loss.Loss;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Losses of each time step, and data sets with a label per time step. */
class StepLabelsTest {

  private static final int STEPS = 6;

  @Test
  void lossesAndGradientsEqualPyTorch() throws IOException {
    JsonNode golden = EarlyExitTest.golden("step_losses");
    float[] x = EarlyExitTest.floats(golden.get("x"));
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": [6], \"layers\": [{\"type\": \"Linear\", \"out_features\": 3,"
                + " \"bias\": false}]}",
            ModelSpec.class);
    assertThat(golden.get("cases")).hasSize(6);
    for (JsonNode expected : golden.get("cases")) {
      var network = new CpuExecutor(model, 5, 4, false, new ScalarKernels(1));
      network.load(
          new StateDict(
              Map.of(
                  "0.weight",
                  new Tensor(new int[] {3, 6}, EarlyExitTest.floats(golden.get("weight"))))));
      System.arraycopy(x, 0, network.input(), 0, x.length);
      var term = Tutorial.JSON.readValue(expected.get("term").asString(), LossTerm.class);
      var loss = new Loss(List.of(term), network, 5, null, Map.of());
      var labels = new int[expected.get("labels").size()];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = expected.get("labels").get(i).asInt();
      }
      network.reset();
      network.forward(5);
      assertThat(loss.compute(5, labels, labels.length > 5))
          .as(expected.get("term").asString())
          .isCloseTo(expected.get("loss").asDouble(), within(1e-5));
      network.backward(5, loss.gradients(), () -> {});
      var weight = network.parameters().getFirst();
      assertThat(weight.toTorch(weight.gradient()).data())
          .containsExactly(EarlyExitTest.floats(expected.get("gradient")), within(1e-5f));
    }
  }

  /** The label of a step is 1 if the feature that spikes at it is among the first two. */
  private static Dataset made() {
    int n = 60;
    var random = new SplittableRandom(2);
    var values = new float[n * STEPS * 4];
    var labels = new int[n * STEPS];
    for (int i = 0; i < labels.length; i++) {
      int feature = random.nextInt(4);
      values[i * 4 + feature] = 1;
      labels[i] = feature < 2 ? 1 : 0;
    }
    return new Dataset("steps", Shape.of(4), STEPS, values, labels, 40);
  }

  private static TrainingSpec job(String loss, String more) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 8}, {"type": "LIF", "tau_mem": 1.5},
           {"type": "Linear", "out_features": 2}, {"type": "ExpLeak", "tau_mem": 0.5}]},
         "input": {"type": "dataset", "id": "steps", "encoding": "spikes"}, "batch_size": 10, "time_steps": 6, "epochs": 30,
         "loss": [%s], "optimizer": {"type": "adam", "learning_rate": 0.03}%s}
        """
            .formatted(loss, more),
        TrainingSpec.class);
  }

  private record End(byte[] checkpoint, List<EpochMetrics> epochs, Analysis analysis) {}

  private static End train(TrainingSpec spec, World world, int threads) {
    try (var engine = Engine.create(threads).in(world)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, made(), engine);
      var epochs = new ArrayList<EpochMetrics>();
      trainer.run(epochs::add);
      return new End(
          trainer.checkpoint().toBytes(), epochs, Objects.requireNonNull(trainer.latest()));
    }
  }

  @Test
  void learnsTheLabelOfEachTimeStep() {
    End end = train(job("{\"type\": \"step_cross_entropy\"}", ""), World.ALONE, 2);
    EpochMetrics last = end.epochs.getLast();
    assertThat(last.accuracy()).isGreaterThan(0.9);
    assertThat(last.testAccuracy()).isGreaterThan(0.9);
    var overTime = Objects.requireNonNull(end.analysis.statistics().overTime());
    assertThat(overTime.accuracy().stream().mapToDouble(a -> a).average().orElseThrow())
        .as("every time step counts alike")
        .isCloseTo(last.testAccuracy(), within(1e-9));
    assertThat(overTime.earlyExit()).isEmpty();
    var predictions = Objects.requireNonNull(end.analysis.predictions());
    assertThat(predictions.predicted()).hasSize(20 * STEPS);
    assertThat(predictions.samples()).startsWith(40, 40).endsWith(59, 59);
  }

  @Test
  void ranksShareLabelsOfTimeSteps() {
    String loss =
        "{\"type\": \"tet\", \"lambda\": 0.1}, {\"type\": \"mse_membrane\", \"weight\": 0.2}";
    TrainingSpec spec = job(loss, ", \"max_runtime_seconds\": 60");
    End alone = train(spec, World.ALONE, 2);
    for (End end : WorldOfThreads.run(3, world -> train(spec, world, 1))) {
      assertThat(end.checkpoint).isEqualTo(alone.checkpoint);
      assertThat(end.analysis.statistics()).isEqualTo(alone.analysis.statistics());
      assertThat(end.analysis.predictions())
          .usingRecursiveComparison()
          .isEqualTo(alone.analysis.predictions());
    }
  }

  @Test
  void readsLabelsOfTimeStepsFromNpz(@TempDir Path folder) throws IOException {
    var input =
        Tutorial.JSON.readValue(
            "{\"type\": \"dataset\", \"id\": \"ecg\", \"encoding\": \"spikes\"}", InputSpec.class);
    var file = folder.resolve("ecg.npz");
    write(file, 3, 3);
    var dataset =
        Objects.requireNonNull(LocalDatasets.resolve(input, Map.of("file", file)).samples());
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.hasLabelsPerStep()).isTrue();
    assertThat(dataset.labels()).containsExactly(0, 1, 2, 3, 4, 5);
    write(file, 3, 2);
    assertThatThrownBy(() -> LocalDatasets.resolve(input, Map.of("file", file)))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("/file/y has labels for 2 time steps, but the samples have 3");
  }

  private static void write(Path file, int steps, int labels) throws IOException {
    var spikes = new Tensor(new int[] {2, steps, 4}, new float[2 * steps * 4]);
    var y = new Tensor(new int[] {2, labels}, new float[2 * labels]);
    for (int i = 0; i < y.data().length; i++) {
      y.data()[i] = i;
    }
    try (var out = Files.newOutputStream(file)) {
      Npz.write(out, Map.of("spikes", spikes, "y", y));
    }
  }

  @Test
  void refusesWhatNeedsOneLabelPerSample() {
    var spec =
        job(
            "{\"type\": \"cross_entropy\"}, {\"type\": \"step_cross_entropy\", \"lambda\": 2}",
            ", \"early_exit\": {}");
    var mistakes = new Mistakes();
    spec.check(mistakes);
    Trainer.check(spec, spec.model().definition(), null, made(), mistakes);
    assertThat(mistakes.list().stream().map(m -> m.pointer() + " " + m.detail()))
        .contains(
            "/loss/1/lambda must be between 0.0 and 1.0 but was 2.0",
            "/loss/0 cross_entropy requires one label per sample, but data set `steps` has one per"
                + " time step: use step_cross_entropy",
            "/early_exit requires one label per sample, but data set `steps` has one per time step:"
                + " leave it out");
  }
}
