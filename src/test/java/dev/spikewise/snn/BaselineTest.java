package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A baseline that is measured at admission serves the training as its own would. */
class BaselineTest {

  private static final Dataset DIGITS = Dataset.digits();

  private static TrainingSpec job(String between) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [
            {"type": "Conv2d", "out_channels": 4, "kernel_size": 3, "bias": false}, %s {"type": "IAF"},
            {"type": "SumPool2d", "kernel_size": 2}, {"type": "Flatten"},
            {"type": "Linear", "out_features": 10, "bias": false}, {"type": "IAF"}]},
         "input": {"type": "dataset", "id": "digits", "limit": 100}, "batch_size": 40, "time_steps": 5, "epochs": 2,
         "seed": 3, "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 0.5}}]}
        """
            .formatted(between),
        TrainingSpec.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{\"type\": \"BatchNorm2d\"},"})
  void hasTheBitsOfTheTrainersOwn(String between) {
    var spec = job(between);
    var model = spec.model().definition();
    try (var one = Engine.create(1);
        var two = Engine.create(2)) {
      var baseline = Baseline.measure(spec, model, null, DIGITS, one);
      var own = new Trainer(spec, model, null, DIGITS, two);
      assertThat(baseline.statistics()).isEqualTo(own.baseline());
      assertThat(baseline.targetSynops()).isEqualTo(own.targetSynops());
      // As it comes back from the database.
      var stored =
          Tutorial.JSON.readValue(
              Tutorial.JSON.writeValueAsString(baseline.statistics()), Statistics.class);
      var given = new Trainer(spec, model, null, DIGITS, stored, two);
      own.run(_ -> {});
      given.run(_ -> {});
      assertThat(given.checkpoint().toBytes()).isEqualTo(own.checkpoint().toBytes());
    }
  }

  @Test
  void isNotMeasuredAgainWhereItIsGiven() {
    var spec = job("");
    var model = spec.model().definition();
    try (var engine = Engine.create(1)) {
      var other =
          Tutorial.JSON.readValue(
              """
              {"model": %s, "input": {"type": "constant"}, "batch_size": 1, "time_steps": 5, "epochs": 1, "seed": 3}
              """
                  .formatted(Tutorial.JSON.writeValueAsString(model)),
              TrainingSpec.class);
      var baseline = Baseline.measure(other, model, null, null, engine).statistics();
      var trainer = new Trainer(spec, model, null, DIGITS, baseline, engine);
      assertThat(trainer.baseline()).isSameAs(baseline);
      assertThat(Objects.requireNonNull(trainer.targetSynops())).isEqualTo(baseline.synops() / 2);
      assertThat(trainer.latest()).isNull();
    }
  }
}
