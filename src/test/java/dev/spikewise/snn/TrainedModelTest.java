package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** From a network of ReLUs, trained on digits without time, to its spiking twin. */
class TrainedModelTest {

  private static final Dataset DIGITS = Dataset.digits();

  private static final ModelSpec ANN =
      Tutorial.JSON.readValue(
          """
          {"input_shape": [1, 8, 8], "layers": [
            {"type": "Conv2d", "out_channels": 8, "kernel_size": 3, "padding": 1}, {"type": "BatchNorm2d"}, {"type": "ReLU"},
            {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Dropout", "p": 0.1},
            {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1}, {"type": "ReLU"},
            {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Flatten"}, {"type": "Linear", "out_features": 10} ] }
          """,
          ModelSpec.class);

  private static TrainedModel ann;
  private static double annAccuracy;

  @BeforeAll
  static void train() {
    TrainingSpec spec = job(ANN, 1, 16);
    var last = new AtomicReference<EpochMetrics>();
    try (var engine = Engine.create(2)) {
      var trainer = new Trainer(spec, ANN, null, DIGITS, engine);
      trainer.run(last::set);
      ann = new TrainedModel(ANN, trainer.weights());
      annAccuracy = last.get().testAccuracy();
    }
  }

  private static TrainingSpec job(ModelSpec model, int timeSteps, int epochs) {
    return Tutorial.JSON.readValue(
        """
        {"model": %s, "input": {"type": "dataset", "id": "digits", "encoding": "constant"}, "batch_size": 32,
         "time_steps": %d, "epochs": %d, "seed": 1, "optimizer": {"type": "adam", "learning_rate": %s},
         "loss": [{"type": "cross_entropy"}]}
        """
            .formatted(
                Tutorial.JSON.writeValueAsString(model),
                timeSteps,
                epochs,
                epochs == 1 ? "1e-30" : "0.003"),
        TrainingSpec.class);
  }

  private static TrainedModel convert(String options) {
    try (var engine = Engine.create(1)) {
      return Conversion.spiking(
          ann, Tutorial.JSON.readValue("{" + options + "}", ConversionSpec.class), DIGITS, engine);
    }
  }

  /** Accuracy on the same held-out digits: one epoch that changes no weight. */
  private static double accuracy(TrainedModel model, int timeSteps) {
    var last = new AtomicReference<EpochMetrics>();
    try (var engine = Engine.create(2)) {
      new Trainer(job(model.spec(), timeSteps, 1), model.spec(), model.weights(), DIGITS, engine)
          .run(last::set);
    }
    return last.get().testAccuracy();
  }

  private static final String NORMALIZE =
      "\"normalize\": {\"input\": {\"type\": \"dataset\", \"id\": \"digits\"}, \"percentile\":"
          + " 99.9}";

  @Test
  void spikingTwinIsNearlyAsAccurateAsTheNetwork() {
    assertThat(annAccuracy).isGreaterThan(0.95);
    TrainedModel twin = convert(NORMALIZE);
    assertThat(twin.spec().layers().stream().map(LayerSpec::typeName))
        .containsExactly(
            "Conv2d", "IAF", "AvgPool2d", "Conv2d", "IAF", "AvgPool2d", "Flatten", "Linear");
    assertThat(accuracy(twin, 64)).isGreaterThan(annAccuracy - 0.01);
    assertThat(accuracy(twin, 8)).isGreaterThan(annAccuracy - 0.05);
  }

  @Test
  void normalisationBringsActivationsTo1AndKeepsWhatIsComputed() {
    TrainedModel merged = ann.merged();
    TrainedModel twin = convert(NORMALIZE);
    var layers = new ArrayList<>(twin.spec().layers());
    layers.set(1, new RectifierSpec.ReLU());
    layers.set(4, new RectifierSpec.ReLU());
    var normalized =
        new TrainedModel(ModelSpec.sequence(null, ANN.inputShape(), layers), twin.weights());
    try (var engine = Engine.create(1)) {
      var how =
          Tutorial.JSON.readValue(
              "{\"input\": {\"type\": \"dataset\", \"id\": \"digits\"}, \"percentile\": 99.9}",
              ConversionSpec.Normalization.class);
      var before = new Activations(merged, how, DIGITS);
      var after = new Activations(normalized, how, DIGITS);
      for (int relu : new int[] {2, 5}) {
        assertThat(after.percentile(relu, engine)).isCloseTo(1, within(1e-4));
      }
      assertThat(after.percentile(8, engine))
          .isCloseTo(before.percentile(8, engine), withPercentage(0.01));
    }
  }

  @Test
  void thresholdsBoundsAndScalesAreThoseAskedFor() {
    TrainedModel twin =
        convert(
            """
            "spike_threshold": 2, "min_v_mem": -0.5, "spike_fn": "single", "bias_rescaling": 4,
            "input_weight_rescaling": 3, "add_spiking_output": true, "name": "twin\"\
            """);
    var neuron = (NeuronSpec.IAF) twin.spec().layers().get(1);
    assertThat(neuron.spikeThreshold()).isEqualTo(Constant.of(2));
    assertThat(neuron.minVMem()).isEqualTo(-0.5);
    assertThat(twin.spec().layers().getLast()).isEqualTo(neuron);
    assertThat(twin.spec().name()).isEqualTo("twin");
    var merged = ann.merged().weights().tensors();
    var scaled = twin.weights().tensors();
    assertThat(scaled.get("0.weight").data()[5]).isEqualTo(3 * merged.get("0.weight").data()[5]);
    assertThat(scaled.get("3.weight").data()).isEqualTo(merged.get("3.weight").data());
    assertThat(scaled.get("3.bias").data()[1]).isEqualTo(merged.get("3.bias").data()[1] / 4);
  }

  @Test
  void rejectsConversionWithoutReLUs() {
    var spiking = convert("");
    try (var engine = Engine.create(1)) {
      var how = Tutorial.JSON.readValue("{}", ConversionSpec.class);
      assertThatThrownBy(() -> Conversion.spiking(spiking, how, null, engine))
          .isInstanceOf(InvalidSpecException.class)
          .hasMessageContaining("ReLU");
    }
  }
}
