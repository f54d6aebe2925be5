package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Trainings that remove weights. */
class PruningTest {

  private static float[] values(StateDict weights, String name) {
    return Objects.requireNonNull(weights.tensors().get(name)).data();
  }

  private static int zeros(StateDict weights) {
    int zeros = 0;
    for (Tensor tensor : weights.tensors().values()) {
      for (float value : tensor.data()) {
        zeros += value == 0 ? 1 : 0;
      }
    }
    return zeros;
  }

  @ParameterizedTest
  @ValueSource(strings = {"layer", "model"})
  void zerosAndWeightsEqualPyTorch(String scope) throws IOException {
    JsonNode golden = EarlyExitTest.golden("pruned_training");
    var dataset = EarlyExitTest.made(golden);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 8, "bias": false},
                {"type": "Linear", "out_features": 3, "bias": false}]},
             "input": {"type": "dataset", "id": "made", "encoding": "spikes", "test_fraction": 0}, "batch_size": 5,
             "time_steps": 4, "epochs": 6, "loss": [{"type": "tet"}], "optimizer": {"type": "sgd", "learning_rate": 0.1},
             "prune": {"sparsity": 0.7, "initial_sparsity": 0.1, "start_epoch": 1, "end_epoch": 4, "scope": "%s"}}
            """
                .formatted(scope),
            TrainingSpec.class);
    var weights =
        new StateDict(
            Map.of(
                "0.weight",
                new Tensor(new int[] {8, 6}, EarlyExitTest.floats(golden.at("/weights/0"))),
                "1.weight",
                new Tensor(new int[] {3, 8}, EarlyExitTest.floats(golden.at("/weights/1")))));
    JsonNode expected = golden.get("cases").get(scope);
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), weights, dataset, engine);
      var zeros = new ArrayList<Integer>();
      trainer.run(_ -> zeros.add(zeros(trainer.weights())));
      for (int epoch = 0; epoch < 6; epoch++) {
        assertThat(zeros.get(epoch)).isEqualTo(expected.get("zeros").get(epoch).asInt());
      }
      assertThat(values(trainer.weights(), "0.weight"))
          .containsExactly(EarlyExitTest.floats(expected.get("trained").get(0)), within(1e-5f));
      assertThat(values(trainer.weights(), "1.weight"))
          .containsExactly(EarlyExitTest.floats(expected.get("trained").get(1)), within(1e-5f));
    }
  }

  private static TrainingSpec digits(String prune, int epochs) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Conv2d", "out_channels": 4, "kernel_size": 3},
           {"type": "IAF"}, {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAFRecurrent"}]},
         "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 60}, "batch_size": 20, "epochs": %d,
         "time_steps": 3, "optimizer": {"type": "adam", "learning_rate": 0.01}, "loss": [{"type": "cross_entropy"}],
         "prune": {%s}}
        """
            .formatted(epochs, prune),
        TrainingSpec.class);
  }

  private static Trainer trainer(TrainingSpec spec, StateDict weights, Engine engine) {
    return new Trainer(spec, spec.model().definition(), weights, Dataset.digits(), engine);
  }

  @Test
  void zerosSurviveResumeAndFurtherTraining() {
    String prune = "\"sparsity\": 0.6, \"end_epoch\": 1";
    try (var engine = Engine.create(2)) {
      var whole = trainer(digits(prune, 4), null, engine);
      whole.run(_ -> {});
      var half = trainer(digits(prune, 2), null, engine);
      half.run(_ -> {});
      var rest = trainer(digits(prune, 4), null, engine);
      rest.restore(Checkpoint.fromBytes(half.checkpoint().toBytes()));
      rest.run(_ -> {});
      assertThat(rest.checkpoint().toBytes()).isEqualTo(whole.checkpoint().toBytes());

      int weights = 4 * 9 + 144 * 10 + 100;
      assertThat(zeros(whole.weights())).isBetween((int) (0.59 * weights), (int) (0.61 * weights));
      var further = trainer(digits("\"keep_zeros\": true", 2), whole.weights(), engine);
      further.run(_ -> {});
      assertThat(zeros(further.weights())).isEqualTo(zeros(whole.weights()));
      assertThat(values(further.weights(), "3.weight"))
          .isNotEqualTo(values(whole.weights(), "3.weight"));
    }
  }

  @Test
  void refusesWhatCannotBePruned() {
    assertThat(EarlyExitTest.mistakes(digits("\"initial_sparsity\": 1", 3)))
        .containsExactly(
            "/prune/sparsity is missing: give the fraction of weights to remove, or keep_zeros",
            "/prune/initial_sparsity must be at least 0 and below 1 but was 1.0");
    assertThat(
            EarlyExitTest.mistakes(
                digits("\"sparsity\": 0.2, \"initial_sparsity\": 0.5, \"end_epoch\": 3", 3)))
        .containsExactly(
            "/prune/initial_sparsity must be at most sparsity, 0.2, but was 0.5",
            "/prune/end_epoch must leave at least one epoch with the final sparsity: start_epoch 0"
                + " <= end_epoch 3 < epochs 3");
    assertThat(
            EarlyExitTest.mistakes(digits("\"keep_zeros\": true, \"layers\": [\"0\", \"1\"]", 3)))
        .containsExactly(
            "/prune/layers/1 must name a layer with weights, one of [0, 3, 4.rec_connect]",
            "/prune/keep_zeros requires trained weights, in which some are 0: start from a stored"
                + " model or a job");
  }
}
