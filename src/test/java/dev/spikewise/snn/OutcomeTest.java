package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.TrainingSpec;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How trainings that cannot succeed are judged. */
class OutcomeTest {

  private static final String SILENT =
      """
      {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 3, "bias": false},
        {"type": "IAF", "spike_threshold": 1e6}, {"type": "Linear", "out_features": 2, "bias": false}, {"type": "IAF"}]}""";

  private static final String RECTIFIED =
      """
      {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 3, "bias": false},
        {"type": "NeuromorphicReLU", "quantize": false}, {"type": "Linear", "out_features": 2, "bias": false}]}""";

  private static TrainingSpec job(String model, String input, String loss) {
    return Tutorial.JSON.readValue(
        """
        {"model": %s, "input": %s, "batch_size": 2, "time_steps": 3, "epochs": 3, "seed": 1,
         "optimizer": {"type": "adam", "learning_rate": 0.001}, "loss": [%s]}"""
            .formatted(model, input, loss),
        TrainingSpec.class);
  }

  private static Trainer.Outcome run(TrainingSpec spec, Dataset dataset) {
    return run(spec, null, dataset);
  }

  private static Trainer.Outcome run(TrainingSpec spec, StateDict weights, Dataset dataset) {
    try (var engine = Engine.scalar(1)) {
      return new Trainer(spec, spec.model().definition(), weights, dataset, engine).run(_ -> {});
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "layer | null         | 2.0",
        "layer | [\"0\", \"2\"] | 0.5",
        "model | [\"2\"]      | 2.0"
      })
  void refusesMultipleOfSilentBaseline(String scope, String layers, double multiple) {
    var spec =
        job(
            SILENT,
            "{\"type\": \"constant\", \"value\": 1.0}",
            "{\"type\": \"synops\", \"scope\": \"%s\", \"layers\": %s, \"target\": {\"baseline_multiple\": %s}}"
                .formatted(scope, layers, multiple));
    var mistakes = check(spec);
    assertThat(mistakes.list())
        .anySatisfy(
            mistake -> {
              assertThat(mistake.pointer()).isEqualTo("/loss/0/target/baseline_multiple");
              assertThat(mistake.detail()).contains("layer 2 causes 0 synops");
            });
    // A job that was accepted before is judged the same when it starts.
    assertThatThrownBy(() -> run(spec, null)).isInstanceOf(InvalidSpecException.class);
  }

  @Test
  void acceptsMultipleOfModelWhoseFirstLayerAloneIsActive() {
    var spec =
        job(
            SILENT,
            "{\"type\": \"constant\", \"value\": 1.0}",
            "{\"type\": \"synops\", \"target\": {\"baseline_multiple\": 2.0}}");
    var mistakes = check(spec);
    assertThat(mistakes.list()).isEmpty();
  }

  private static Mistakes check(TrainingSpec spec) {
    var model = spec.model().definition();
    var mistakes = new Mistakes();
    Trainer.check(spec, model, null, null, mistakes);
    try (var engine = Engine.create(1)) {
      var baseline = Baseline.measure(spec, model, null, null, engine).statistics();
      Trainer.checkTargets(spec, model, baseline, mistakes);
    }
    return mistakes;
  }

  /** Inputs of 0 leave no gradient, which in a network of neurons would be silence. */
  @Test
  void callsNoNetworkSilentThatHasNoSpikingNeuron() {
    var spec = job(RECTIFIED, FROM_DATASET, "{\"type\": \"cross_entropy\"}");
    assertThat(run(spec, dataset(0, 0))).isEqualTo(Trainer.Outcome.COMPLETED);
  }

  private static final String FROM_DATASET =
      "{\"type\": \"dataset\", \"id\": \"d\", \"encoding\": \"constant\"}";

  private static Dataset dataset(float train, float test) {
    var values = new float[4 * 8];
    Arrays.fill(values, 0, 16, train);
    Arrays.fill(values, 16, 32, test);
    return new Dataset("d", Shape.of(4), 0, values, new int[] {0, 1, 0, 1, 0, 1, 0, 1}, 4);
  }

  /** The training samples fit into floats, the sums over a test sample do not. */
  @Test
  void endsAsDivergedWhereAMetricOfTheTestSamplesOverflows() {
    var spec = job(RECTIFIED, FROM_DATASET, "{\"type\": \"cross_entropy\"}");
    var weights = new StateDict(Map.of("0.weight", ones(3, 4), "2.weight", ones(2, 3)));
    assertThat(run(spec, weights, dataset(0.5f, Float.MAX_VALUE)))
        .isEqualTo(Trainer.Outcome.DIVERGED);
    assertThat(run(spec, weights, dataset(0.5f, 0.5f))).isEqualTo(Trainer.Outcome.COMPLETED);
  }

  private static Tensor ones(int... shape) {
    var values = new float[shape[0] * shape[1]];
    Arrays.fill(values, 1);
    return new Tensor(shape, values);
  }
}
