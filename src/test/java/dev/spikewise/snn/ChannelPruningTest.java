package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Channels;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Trainings that remove channels. */
class ChannelPruningTest {

  private static Tensor tensor(StateDict weights, String name) {
    return Objects.requireNonNull(weights.tensors().get(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"l1", "l2"})
  void channelsAndTrainedWeightsEqualThoseThatPyTorchMasks(String norm) throws IOException {
    JsonNode golden = EarlyExitTest.golden("removed_channels");
    var dataset = EarlyExitTest.made(golden);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 8},
                {"type": "Linear", "in_features": 8, "out_features": 3, "bias": false}]},
             "input": {"type": "dataset", "id": "made", "encoding": "spikes", "test_fraction": 0}, "batch_size": 5,
             "time_steps": 4, "epochs": 6, "loss": [{"type": "tet"}],
             "optimizer": {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9},
             "prune_channels": {"fraction": 0.6, "norm": "%s", "start_epoch": 1, "end_epoch": 4}}
            """
                .formatted(norm),
            TrainingSpec.class);
    var weights =
        new StateDict(
            Map.of(
                "0.weight",
                new Tensor(new int[] {8, 6}, EarlyExitTest.floats(golden.at("/weights/0"))),
                "0.bias",
                new Tensor(new int[] {8}, EarlyExitTest.floats(golden.at("/weights/1"))),
                "1.weight",
                new Tensor(new int[] {3, 8}, EarlyExitTest.floats(golden.at("/weights/2")))));
    JsonNode expected = golden.get("cases").get(norm);
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), weights, dataset, engine);
      var kept = new ArrayList<Integer>();
      trainer.run(_ -> kept.add(tensor(trainer.weights(), "0.weight").shape()[0]));
      for (int epoch = 0; epoch < 6; epoch++) {
        assertThat(kept.get(epoch)).isEqualTo(expected.get("kept").get(epoch).asInt());
      }
      var names = List.of("0.weight", "0.bias", "1.weight");
      for (int i = 0; i < 3; i++) {
        assertThat(tensor(trainer.weights(), names.get(i)).data())
            .containsExactly(EarlyExitTest.floats(expected.at("/trained/" + i)), within(2e-5f));
      }
      assertThat(trainer.model().layers())
          .containsExactly(
              new SynapticSpec.Linear(null, 3, true), new SynapticSpec.Linear(3, 3, false));
    }
  }

  /** A residual network whose convolutions 0 and 3 are joined by an Add. */
  private static TrainingSpec residual(String prune, int epochs) {
    return residual(prune, epochs, 1000);
  }

  private static TrainingSpec residual(String prune, int epochs, int target) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [
           {"type": "Conv2d", "out_channels": 6, "kernel_size": 3, "padding": 1, "name": "stem"},
           {"type": "IAF", "name": "spikes"},
           {"type": "Conv2d", "out_channels": 5, "kernel_size": 3, "padding": 1, "name": "inner"},
           {"type": "BatchNorm2d", "num_features": 5, "name": "norm"}, {"type": "IAF", "name": "inner_spikes"},
           {"type": "Conv2d", "in_channels": 5, "out_channels": 6, "kernel_size": 1, "name": "back"},
           {"type": "Add", "inputs": ["spikes", "back"], "name": "sum"}, {"type": "IAF", "name": "joined"},
           {"type": "AvgPool2d", "kernel_size": 2, "name": "pool"}, {"type": "Flatten", "name": "flat"},
           {"type": "Linear", "in_features": 96, "out_features": 10, "name": "out"}, {"type": "IAF", "name": "end"}]},
         "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 30}, "batch_size": 10,
         "epochs": %d, "time_steps": 3, "optimizer": {"type": "adam", "learning_rate": 0.01, "amsgrad": true},
         "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"value": %d}, "weight": 1e-9}],
         "restore_best": {"monitor": "loss"}, "prune_channels": {%s}}
        """
            .formatted(epochs, target, prune),
        TrainingSpec.class);
  }

  private static Trainer trainer(TrainingSpec spec, StateDict weights, Engine engine) {
    return new Trainer(spec, spec.model().definition(), weights, Dataset.digits(), engine);
  }

  @Test
  void joinedChannelsGoTogetherAndResumeAndThreadsKeepTheBits() {
    String prune = "\"fraction\": 0.5, \"start_epoch\": 1, \"end_epoch\": 3";
    byte[] expected;
    try (var engine = Engine.create(2)) {
      var whole = trainer(residual(prune, 5), null, engine);
      var synops = new ArrayList<Double>();
      whole.run(metrics -> synops.add(metrics.synops()));
      expected = whole.checkpoint().toBytes();
      assertThat(synops.getLast()).isLessThan(0.7 * synops.getFirst());
      var shapes = whole.weights().tensors();
      assertThat(Objects.requireNonNull(shapes.get("stem.weight")).shape())
          .containsExactly(3, 1, 3, 3);
      assertThat(Objects.requireNonNull(shapes.get("back.weight")).shape())
          .containsExactly(3, 3, 1, 1);
      assertThat(Objects.requireNonNull(shapes.get("norm.running_var")).shape()).containsExactly(3);
      assertThat(Objects.requireNonNull(shapes.get("out.weight")).shape()).containsExactly(10, 48);
      assertThat(whole.model())
          .isEqualTo(Channels.fit(residual(prune, 5).model().definition(), whole.weights()));
      assertThat(((NormSpec.BatchNorm2d) whole.model().layers().get(3)).numFeatures()).isEqualTo(3);
    }
    for (int epochs = 1; epochs < 5; epochs++) {
      int until = epochs;
      try (var engine = Engine.create(1)) {
        var first = trainer(residual(prune, 5), null, engine);
        first.run(
            new TrainingListener() {
              @Override
              public void onEpoch(EpochMetrics metrics) {}

              @Override
              public boolean keepGoing() {
                return first.epoch() < until;
              }
            });
        var rest = trainer(residual(prune, 5), null, engine);
        rest.restore(Checkpoint.fromBytes(first.checkpoint().toBytes()));
        rest.run(_ -> {});
        assertThat(rest.checkpoint().toBytes()).as("after %s epochs", epochs).isEqualTo(expected);
      }
    }
  }

  /** Epochs with more synops than the target of 1000 remove channels, those with fewer do not. */
  @ParameterizedTest
  @ValueSource(ints = {1000, 10_000_000})
  void channelsAreRemovedOnlyAboveTheTarget(int target) {
    try (var engine = Engine.create(2)) {
      var json = "\"fraction\": 0.5, \"end_epoch\": 2, \"above_target\": true";
      var kept = new ArrayList<Integer>();
      var training = trainer(residual(json, 3, target), null, engine);
      training.run(_ -> kept.add(tensor(training.weights(), "stem.weight").shape()[0]));
      assertThat(kept).isEqualTo(target == 1000 ? List.of(6, 3, 3) : List.of(6, 6, 6));
    }
  }

  @Test
  void refusesWhatCannotBeRemoved() {
    assertThat(EarlyExitTest.mistakes(residual("\"fraction\": 1, \"end_epoch\": 3", 3)))
        .containsExactly(
            "/prune_channels/fraction must be above 0 and below 1 but was 1.0",
            "/prune_channels/end_epoch must leave at least one epoch with the final sparsity:"
                + " start_epoch 0 <= end_epoch 3 < epochs 3");
    assertThat(
            EarlyExitTest.mistakes(
                residual("\"fraction\": 0.5, \"layers\": [\"out\", \"norm\"]", 3)))
        .containsExactly(
            "/prune_channels/layers/0 must name a layer whose channels can be removed, one of"
                + " [stem, inner, back], but those of out must stay because they are the model's"
                + " output",
            "/prune_channels/layers/1 must name a layer with weights, one of [stem, inner, back,"
                + " out]");
  }

  @Test
  void roundsOfASweepThatStartWithAllChannelsAreRefused() {
    var sweep =
        Tutorial.JSON.readValue(
            "{\"job\": %s, \"over\": {\"seed\": [1]}, \"halving\": {\"rounds\": 2}}"
                .formatted(Tutorial.JSON.writeValueAsString(residual("\"fraction\": 0.5", 3))),
            SweepSpec.class);
    var mistakes = new Mistakes();
    sweep.check(mistakes);
    assertThat(mistakes.list())
        .extracting(mistake -> mistake.pointer() + " " + mistake.detail())
        .contains(
            "/halving must be left out with job/prune_channels, because each round starts with all"
                + " channels of the job's model: use prune_channels/above_target or a search");
  }
}
