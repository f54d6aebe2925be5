package dev.spikewise.snn.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.LrScheduler;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** OneCycleLR with cycled momentum, and steps with the mean gradient of several batches. */
class CycledMomentumTest {

  private static JsonNode golden() throws IOException {
    try (var in = CycledMomentumTest.class.getResourceAsStream("/training/cycled_momentum.json")) {
      return Tutorial.JSON.readTree(Objects.requireNonNull(in));
    }
  }

  private static float[] floats(JsonNode values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.get(i).asDouble();
    }
    return floats;
  }

  /** Trains eight epochs, each one optimiser step on all five samples. */
  private static float[] train(JsonNode golden, JsonNode expected, String batches) {
    var labels = new int[5];
    for (int i = 0; i < 5; i++) {
      labels[i] = golden.get("y").get(i).asInt();
    }
    var dataset = new Dataset("made", Shape.of(6), 4, floats(golden.get("x")), labels, 5);
    String name = expected.get("optimizer").asString();
    var schedule = (ObjectNode) expected.get("options").deepCopy();
    schedule.put("type", "OneCycleLR").put("cycle_momentum", true);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 3, "bias": false}]},
             "input": {"type": "dataset", "id": "made", "encoding": "spikes", "test_fraction": 0},
             "time_steps": 4, "epochs": 8, "loss": [{"type": "tet"}], "lr_scheduler": %s, %s,
             "optimizer": {"type": "%s", "learning_rate": 0.1%s}}
            """
                .formatted(
                    schedule, batches, name, name.equals("sgd") ? ", \"momentum\": 0.5" : ""),
            TrainingSpec.class);
    var weights =
        new StateDict(
            Map.of("0.weight", new Tensor(new int[] {3, 6}, floats(golden.get("weight")))));
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), weights, dataset, engine);
      trainer.run(_ -> {});
      return Objects.requireNonNull(trainer.weights().tensors().get("0.weight")).data();
    }
  }

  @Test
  void trainsAsPyTorchDoes() throws IOException {
    JsonNode golden = golden();
    assertThat(golden.get("cases")).hasSize(6);
    for (JsonNode expected : golden.get("cases")) {
      assertThat(train(golden, expected, "\"batch_size\": 5"))
          .as("%s", expected.get("optimizer"))
          .containsExactly(floats(expected.get("trained")), within(2e-5f));
    }
  }

  @Test
  void accumulatedBatchesStepLikeOneLargerBatch() throws IOException {
    JsonNode golden = golden();
    for (JsonNode expected : golden.get("cases")) {
      assertThat(train(golden, expected, "\"batch_size\": 1, \"accumulate_batches\": 5"))
          .as("%s", expected.get("optimizer"))
          .containsExactly(floats(expected.get("trained")), within(2e-5f));
    }
  }

  @Test
  void refusesMomentumThatIsNotCycled() {
    var mistakes = new Mistakes();
    Tutorial.JSON
        .readValue(
            "{\"type\": \"OneCycleLR\", \"base_momentum\": 0.5, \"max_momentum\": 1}",
            LrScheduler.class)
        .check(mistakes);
    Tutorial.JSON
        .readValue(
            "{\"type\": \"OneCycleLR\", \"cycle_momentum\": true, \"max_momentum\": 0.8}",
            LrScheduler.class)
        .check(mistakes);
    assertThat(mistakes.list().stream().map(m -> m.pointer() + " " + m.detail()))
        .containsExactly(
            "/base_momentum requires cycle_momentum: add \"cycle_momentum\": true, or leave it out",
            "/max_momentum requires cycle_momentum: add \"cycle_momentum\": true, or leave it out",
            "/max_momentum must be at least 0 and below 1 but was 1.0",
            "/base_momentum must be at most max_momentum, 0.8, but was 0.85");
  }
}
