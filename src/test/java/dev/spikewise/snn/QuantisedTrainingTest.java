package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Trainings that compute with rounded weights. */
class QuantisedTrainingTest {

  @Test
  void lossesAndWeightsEqualPyTorchWithStraightThroughGradients() throws IOException {
    JsonNode golden = EarlyExitTest.golden("quantised_training");
    var dataset = EarlyExitTest.made(golden);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 3, "bias": false}]},
             "input": {"type": "dataset", "id": "made", "encoding": "spikes", "test_fraction": 0}, "batch_size": 5,
             "time_steps": 4, "epochs": 6, "loss": [{"type": "tet"}], "optimizer": {"type": "sgd", "learning_rate": 0.2},
             "quantize": {"bits": 8, "layer_bits": {"0": 3}, "training": true}}
            """,
            TrainingSpec.class);
    var weights =
        new StateDict(
            Map.of(
                "0.weight",
                new Tensor(new int[] {3, 6}, EarlyExitTest.floats(golden.get("weight")))));
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), weights, dataset, engine);
      var losses = new ArrayList<Float>();
      trainer.run(metrics -> losses.add((float) metrics.loss()));
      for (int epoch = 0; epoch < 6; epoch++) {
        assertThat(losses.get(epoch))
            .isCloseTo((float) golden.get("losses").get(epoch).asDouble(), within(1e-5f));
      }
      assertThat(Objects.requireNonNull(trainer.weights().tensors().get("0.weight")).data())
          .containsExactly(EarlyExitTest.floats(golden.get("trained")), within(1e-5f));
    }
  }

  private static TrainingSpec digits(String quantize, int epochs) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [
           {"type": "Conv2d", "out_channels": 8, "kernel_size": 3}, {"type": "BatchNorm2d"}, {"type": "IAF"},
           {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Flatten"},
           {"type": "Linear", "out_features": 10}, {"type": "LIF", "tau_mem": 8, "norm_input": false}]},
         "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 300}, "batch_size": 25, "epochs": %d,
         "time_steps": 6, "optimizer": {"type": "adam", "learning_rate": 0.01}, "loss": [{"type": "cross_entropy"}],
         "quantize": {"bits": 2%s}}
        """
            .formatted(epochs, quantize),
        TrainingSpec.class);
  }

  private static Trainer train(TrainingSpec spec, List<EpochMetrics> epochs, Engine engine) {
    var trainer = new Trainer(spec, spec.model().definition(), null, Dataset.digits(), engine);
    trainer.run(epochs::add);
    return trainer;
  }

  @Test
  void endsWithTheAccuracyOfTheQuantisedNetworkAndImprovesIt() {
    try (var engine = Engine.create(2)) {
      var trained = new ArrayList<EpochMetrics>();
      train(digits(", \"training\": true", 5), trained, engine);
      var rounded = new ArrayList<EpochMetrics>();
      train(digits("", 5), rounded, engine);
      EpochMetrics last = trained.getLast();
      // A potential that equals its threshold as an integer may miss it by a bit as a float.
      assertThat(last.testAccuracy()).isCloseTo(last.quantizedAccuracy(), within(0.03));
      assertThat(last.testSynops())
          .isCloseTo(last.quantizedSynops(), within(0.01 * last.testSynops()));
      assertThat(last.quantizedAccuracy())
          .isGreaterThan(rounded.getLast().quantizedAccuracy() + 0.03);
    }
  }

  @Test
  void resumesBitIdentically() {
    String quantize = ", \"training\": true, \"start_epoch\": 1";
    try (var engine = Engine.create(2)) {
      byte[] whole = train(digits(quantize, 3), new ArrayList<>(), engine).checkpoint().toBytes();
      var half = train(digits(quantize, 2), new ArrayList<>(), engine).checkpoint();
      var spec = digits(quantize, 3);
      var rest = new Trainer(spec, spec.model().definition(), null, Dataset.digits(), engine);
      rest.restore(Checkpoint.fromBytes(half.toBytes()));
      rest.run(_ -> {});
      assertThat(rest.checkpoint().toBytes()).isEqualTo(whole);
    }
  }

  @Test
  void refusesWhatCannotBeQuantisedSo() {
    assertThat(
            EarlyExitTest.mistakes(digits(", \"layer_bits\": {\"0\": 1}, \"start_epoch\": 9", 3)))
        .containsExactlyInAnyOrder(
            "/quantize/layer_bits/0 must be between 2.0 and 16.0 but was 1.0",
            "/quantize/start_epoch requires training: add \"training\": true, or leave it out",
            "/quantize/start_epoch must be less than epochs, 3, but was 9");
    assertThat(EarlyExitTest.mistakes(digits(", \"layer_bits\": {\"2\": 4}", 3)))
        .containsExactly("/quantize/layer_bits/2 must name a layer with weights, one of [0, 5]");
  }
}
