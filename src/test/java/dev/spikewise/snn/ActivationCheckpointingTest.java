package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** Activations that are computed again are those that would have been kept. */
class ActivationCheckpointingTest {

  private static final Dataset DIGITS = Dataset.digits();

  private static final String RESIDUAL =
      "{'type': 'IAF', 'name': 'stem'}, {'type': 'Conv2d', 'out_channels': 64, 'kernel_size': 3,"
          + " 'padding': 1}, {'type': 'LIF', 'tau_mem': 6, 'name': 'body'}, {'type': 'Merge',"
          + " 'name': 'sum', 'inputs': ['stem', 'body']}, {'type': 'SumPool2d', 'kernel_size': 2},"
          + " {'type': 'AvgPool2d', 'name': 'shortcut', 'inputs': ['stem'], 'kernel_size': 2},"
          + " {'type': 'Concat', 'inputs': ['5', 'shortcut']}, {'type': 'IAF'} | {'type':"
          + " 'cross_entropy'}, {'type': 'synops', 'target': {'baseline_multiple': 0.9}}, {'type':"
          + " 'l1', 'weight': 1e-6, 'layers': ['stem']}";

  /** Between a convolution of 64 channels and a linear layer; then terms of the loss. */
  static final String[] jobs = {
    "{'type': 'IAF'}, {'type': 'SumPool2d', 'kernel_size': 2} | {'type': 'cross_entropy'},"
        + " {'type': 'synops', 'target': {'baseline_multiple': 0.9}}",
    "{'type': 'LIF', 'tau_mem': 8, 'tau_syn': 3, 'train_alphas': true, 'norm_input': false},"
        + " {'type': 'AvgPool2d', 'kernel_size': 2} | {'type': 'cross_entropy'},"
        + " {'type': 'firing_rate', 'min': 0.05, 'max': 0.1}, {'type': 'l1', 'weight': 0.001}",
    "{'type': 'ALIF', 'tau_mem': 8, 'tau_adapt': 5, 'spike_threshold': 0.3, 'norm_input': false},"
        + " {'type': 'Dropout2d', 'p': 0.3}, {'type': 'Conv2d', 'out_channels': 4, 'kernel_size':"
        + " 3}, {'type': 'IAF'} | {'type': 'mse_count', 'correct_rate': 0.8, 'incorrect_rate':"
        + " 0.1}, {'type': 'input_difference', 'weight': 0.001}",
    "{'type': 'IAF'}, {'type': 'SpikingMaxPooling2dLayer', 'kernel_size': 2}, {'type': 'Dropout',"
        + " 'p': 0.2}, {'type': 'Flatten'}, {'type': 'Linear', 'out_features': 30}, {'type':"
        + " 'LIFRecurrent', 'tau_mem': 8, 'norm_input': false} | {'type': 'cross_entropy'},"
        + " {'type': 'synops', 'target': {'baseline_multiple': 0.9}}",
    "{'type': 'NeuromorphicReLU'}, {'type': 'SumPool2d', 'kernel_size': 2}, {'type': 'ReLU'},"
        + " {'type': 'ExpLeak', 'tau_mem': 4} | {'type': 'max_membrane_cross_entropy'}, {'type':"
        + " 'synops', 'target': {'baseline_multiple': 0.9}}",
    RESIDUAL,
  };

  @ParameterizedTest
  @FieldSource("jobs")
  void itChangesNoBit(String job) {
    TrainingSpec kept = spec(job, false);
    TrainingSpec again = spec(job, true);
    assertThat(memory(again)).as("bytes, or nothing is computed again").isLessThan(memory(kept));
    // The scalar kernels compute no pool with the neurons before it.
    boolean pools = job.contains("SumPool2d") && !job.equals(RESIDUAL);
    for (boolean scalar : pools ? List.of(false, true) : List.of(false)) {
      var epochs = new ArrayList<EpochMetrics>();
      byte[] end = train(again, scalar, epochs);
      var expected = new ArrayList<EpochMetrics>();
      assertThat(end).isEqualTo(train(kept, scalar, expected));
      assertThat(epochs)
          .usingRecursiveFieldByFieldElementComparatorIgnoringFields("durationMs")
          .isEqualTo(expected);
    }
  }

  @Test
  void branchesGiveTheSameBitsOnAnyNumberOfThreads() {
    var spec = spec(RESIDUAL, false);
    var epochs = new ArrayList<EpochMetrics>();
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, DIGITS, engine);
      trainer.run(epochs::add);
      assertThat(trainer.checkpoint().toBytes()).isEqualTo(train(spec, false, new ArrayList<>()));
    }
    assertThat(epochs.getFirst().parameter().keySet()).containsExactly("0", "2", "10");
    assertThat(epochs.getFirst().spiking().keySet()).containsExactly("stem", "body", "8", "11");
  }

  private static TrainingSpec spec(String job, boolean again) {
    String[] parts = job.replace('\'', '"').split(" \\| ");
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [
           {"type": "Conv2d", "out_channels": 64, "kernel_size": 3, "padding": 1}, %s,
           {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
         "input": {"type": "dataset", "id": "digits", "limit": 45, "test_fraction": 0.2},
         "batch_size": 32, "time_steps": 12, "epochs": 2, "seed": 3, "activation_checkpointing": %s, "loss": [%s]}\
        """
            .formatted(parts[0], again, parts[1]),
        TrainingSpec.class);
  }

  private static long memory(TrainingSpec spec) {
    return Trainer.estimateMemory(spec, spec.model().definition());
  }

  private static byte[] train(TrainingSpec spec, boolean scalar, List<EpochMetrics> epochs) {
    try (var engine = scalar ? Engine.scalar(2) : Engine.create(2)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, DIGITS, engine);
      assertThat(trainer.run(epochs::add)).isEqualTo(Trainer.Outcome.COMPLETED);
      return trainer.checkpoint().toBytes();
    }
  }

  @ParameterizedTest
  @CsvSource({"true, 1", "false, 0"})
  void itIsRefusedWhereItSparesNothing(boolean again, int count) {
    var spec = spec("{'type': 'BatchNorm2d'}, {'type': 'IAF'} | {'type': 'cross_entropy'}", again);
    var mistakes = new Mistakes();
    Trainer.check(spec, spec.model().definition(), null, DIGITS, mistakes);
    assertThat(mistakes.list())
        .filteredOn(m -> m.pointer().equals("/activation_checkpointing"))
        .hasSize(count)
        .allMatch(m -> m.detail().contains("batch norm"));
  }

  @Test
  void itIsOffUnlessAskedFor() {
    assertThat(Tutorial.job(1, 1, 0.5).activationCheckpointing()).isFalse();
  }
}
