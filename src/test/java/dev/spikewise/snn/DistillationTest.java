package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Trainings with a teacher. */
class DistillationTest {

  @ParameterizedTest
  @ValueSource(strings = {"sum", "mean"})
  void lossesAndWeightsEqualPyTorch(String logits) throws IOException {
    JsonNode golden = EarlyExitTest.golden("distillation");
    JsonNode expected = golden.get("cases").get(logits);
    var dataset = EarlyExitTest.made(golden);
    double weight = expected.get("weight").asDouble();
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 3, "bias": false}]},
             "input": {"type": "dataset", "id": "made", "encoding": "spikes", "test_fraction": 0}, "batch_size": 5,
             "time_steps": 4, "epochs": 4, "optimizer": {"type": "sgd", "learning_rate": 0.1},
             "loss": [{"type": "cross_entropy", "weight": %s}, {"type": "distillation", "teacher": {"id": "x"},
               "temperature": %s, "teacher_logits": "%s", "weight": %s}]}
            """
                .formatted(1 - weight, expected.get("temperature").asDouble(), logits, weight),
            TrainingSpec.class);
    var teacher =
        new TrainedModel(
            Tutorial.JSON.readValue(
                """
                {"input_shape": [6], "layers": [{"type": "Linear", "out_features": 7, "bias": false}, {"type": "ReLU"},
                  {"type": "Linear", "out_features": 3, "bias": false}]}
                """,
                ModelSpec.class),
            new StateDict(
                Map.of(
                    "0.weight",
                    new Tensor(new int[] {7, 6}, EarlyExitTest.floats(golden.at("/teacher/0"))),
                    "2.weight",
                    new Tensor(new int[] {3, 7}, EarlyExitTest.floats(golden.at("/teacher/1"))))));
    var weights =
        new StateDict(
            Map.of(
                "0.weight",
                new Tensor(new int[] {3, 6}, EarlyExitTest.floats(golden.get("weight")))));
    try (var engine = Engine.create(1)) {
      var trainer =
          new Trainer(spec, spec.model().definition(), weights, dataset, null, teacher, engine);
      var losses = new ArrayList<Double>();
      trainer.run(metrics -> losses.add(metrics.loss()));
      for (int epoch = 0; epoch < 4; epoch++) {
        assertThat(losses.get(epoch))
            .isCloseTo(expected.get("losses").get(epoch).asDouble(), within(1e-5));
      }
      assertThat(Objects.requireNonNull(trainer.weights().tensors().get("0.weight")).data())
          .containsExactly(EarlyExitTest.floats(expected.get("trained")), within(1e-5f));
    }
  }

  private static final String LAYERS =
      """
      {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": %d}, {"type": "IAF"},
        {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}
      """;

  static TrainingSpec digits(int epochs, String more) {
    return Tutorial.JSON.readValue(
        """
        {"model": %s, "input": {"type": "dataset", "id": "digits", "encoding": "rate", "limit": 60}, "batch_size": 20,
         "epochs": %d, "time_steps": 4, "loss": [{"type": "cross_entropy", "weight": 0.5},
           {"type": "distillation", "teacher": {"job": "x"}, "weight": 0.5}]%s}
        """
            .formatted(LAYERS.formatted(8), epochs, more),
        TrainingSpec.class);
  }

  /** A larger network with drawn weights. */
  static TrainedModel teacher(long seed) {
    var model = Tutorial.JSON.readValue(LAYERS.formatted(24), ModelSpec.class);
    try (var engine = Engine.create(1)) {
      var network = engine.executor(model, 1, 1, true, dev.spikewise.snn.graph.Purpose.MEASURING);
      network.draw(seed);
      return new TrainedModel(model, network.stateDict());
    }
  }

  private static Trainer trainer(TrainingSpec spec, TrainedModel teacher, Engine engine) {
    return new Trainer(
        spec, spec.model().definition(), null, Dataset.digits(), null, teacher, engine);
  }

  @Test
  void resumeAndThreadsKeepTheBitsAndAnotherTeacherIsRefused() {
    var spec = digits(4, "");
    try (var one = Engine.create(1);
        var two = Engine.create(2)) {
      var whole = trainer(spec, teacher(3), two);
      whole.run(_ -> {});
      var half = trainer(digits(2, ""), teacher(3), one);
      half.run(_ -> {});
      var stored = Checkpoint.fromBytes(half.checkpoint().toBytes());
      var rest = trainer(spec, teacher(3), one);
      rest.restore(stored);
      rest.run(_ -> {});
      assertThat(rest.checkpoint().toBytes()).isEqualTo(whole.checkpoint().toBytes());

      var other = trainer(spec, teacher(4), one);
      assertThatThrownBy(() -> other.restore(stored))
          .isInstanceOf(InvalidSpecException.class)
          .hasMessage(
              "/loss/1/teacher must not change during the training, but its weights are not those"
                  + " with which the training began: submit the job again");
      other.run(_ -> {});
      assertThat(new LinkedHashMap<>(other.weights().tensors()).get("1.weight").data())
          .isNotEqualTo(whole.weights().tensors().get("1.weight").data());
    }
  }

  @Test
  void refusesWhatCannotTeach() {
    assertThat(
            EarlyExitTest.mistakes(
                Tutorial.JSON.readValue(
                    """
                    {"model": %1$s, "input": {"type": "dataset", "id": "digits"}, "loss": [
                      {"type": "distillation", "teacher": %1$s, "temperature": 0}, {"type": "distillation"}]}
                    """
                        .formatted(LAYERS.formatted(8)),
                    TrainingSpec.class)))
        .containsExactly(
            "/loss/0/temperature must be a finite number above 0 but was 0.0",
            "/loss/0/teacher must be a network with trained weights: give {\"id\": \"...\"} of a"
                + " stored model or {\"job\": \"...\"} instead of a definition",
            "/loss/1/teacher is missing: give {\"id\": \"...\"} of a stored model or {\"job\":"
                + " \"...\"}",
            "/loss/1/teacher must be the only one: a training has at most one loss term of type"
                + " distillation");
    var mistakes = new Mistakes();
    var spec = digits(2, "");
    var other =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [64], "layers": [{"type": "Linear", "out_features": 4}, {"type": "IAF"}]}
            """,
            ModelSpec.class);
    Trainer.checkTeacher(spec, spec.model().definition(), other, false, mistakes);
    assertThat(mistakes.list())
        .extracting(mistake -> mistake.pointer() + " " + mistake.detail())
        .containsExactly(
            "/loss/1/teacher must have trained weights, but the model has none: train it, or upload"
                + " its weights",
            "/loss/1/teacher must have the input shape of the model, [1, 8, 8] but has [64]",
            "/loss/1/teacher must have as many outputs as the model, 10 but has 4");
  }
}
