package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class QuantizerTest {

  private static final Quantization SPECK = new Quantization(8, 16, null, null, null);

  private static ModelSpec model(String inputShape, String layers) {
    return Tutorial.JSON.readValue(
        "{\"input_shape\": %s, \"layers\": [%s]}".formatted(inputShape, layers), ModelSpec.class);
  }

  /** src/test/python/speck.py made the file. */
  @Test
  void roundsAsSinabsDoesForASpeck() throws IOException {
    JsonNode roundings;
    try (InputStream in =
        Objects.requireNonNull(getClass().getResourceAsStream("/chip/speck.json"))) {
      roundings = Tutorial.JSON.readTree(in).get("rounding");
    }
    assertThat(roundings.size()).isEqualTo(8);
    for (JsonNode rounding : roundings) {
      boolean bias = rounding.get("bias").asBoolean();
      var spec =
          model(
              "[2, 3, 3]",
              "{\"type\": \"Conv2d\", \"out_channels\": 3, \"kernel_size\": 3, \"bias\": %b}, {\"type\": \"IAF\", \"spike_threshold\": %s, \"min_v_mem\": %s}"
                  .formatted(bias, rounding.get("threshold"), rounding.get("min_v_mem")));
      var weights = new LinkedHashMap<String, Tensor>();
      weights.put("0.weight", new Tensor(new int[] {3, 2, 3, 3}, floats(rounding, "before", 0)));
      if (bias) {
        weights.put("0.bias", new Tensor(new int[] {3}, floats(rounding, "before", 1)));
      }

      var quantized = Quantizer.quantize(new TrainedModel(spec, new StateDict(weights)), SPECK);

      var tensors = quantized.model().weights().tensors();
      assertThat(tensors.get("0.weight").data()).isEqualTo(floats(rounding, "after", 0));
      if (bias) {
        assertThat(tensors.get("0.bias").data()).isEqualTo(floats(rounding, "after", 1));
      }
      var neurons = (NeuronSpec.IAF) quantized.model().spec().layers().get(1);
      // Only where sinabs rounds a threshold to 0 it stays above here.
      assertThat(neurons.spikeThreshold())
          .isEqualTo(Constant.of(Math.max(1, rounding.get("threshold_after").asDouble())));
      assertThat(neurons.minVMem()).isEqualTo(rounding.get("min_v_mem_after").asDouble());
    }
  }

  private static float[] floats(JsonNode rounding, String when, int tensor) {
    JsonNode values = rounding.get(when).get(tensor);
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.get(i).asDouble();
    }
    return floats;
  }

  /** Weights that are whole numbers at some scale lose nothing, so that every spike is the same. */
  @Test
  void exactlyRepresentableNetworkSpikesUnchanged() {
    var model =
        model(
            "[2, 4, 4]",
            """
            {"type": "Conv2d", "out_channels": 3, "kernel_size": 3, "bias": false}, {"type": "Dropout"},
            {"type": "BatchNorm2d", "affine": false, "eps": 0.125}, {"type": "IAF", "min_v_mem": -2}, {"type": "AvgPool2d", "kernel_size": 2},
            {"type": "Flatten"}, {"type": "Linear", "out_features": 4, "bias": false},
            {"type": "ALIF", "tau_mem": 1000, "tau_adapt": 4, "adapt_scale": 0.5, "norm_input": false}\
            """);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("0.weight", sixteenths(3, 2, 3, 3));
    // A variance that, with eps, divides by one half.
    tensors.put("2.running_mean", new Tensor(new int[] {3}, new float[3]));
    tensors.put("2.running_var", new Tensor(new int[] {3}, filled(3, 0.125f)));
    tensors.put("2.num_batches_tracked", new Tensor(new int[] {}, new float[1]));
    tensors.put("6.weight", sixteenths(4, 3));
    tensors.put("7.tau_mem", new Tensor(new int[] {}, new float[] {1000}));
    tensors.put("7.tau_adapt", new Tensor(new int[] {}, new float[] {4}));
    var weights = new StateDict(tensors);
    try (var engine = Engine.create(1)) {
      var input = new InputSpec.Constant(1.0);
      Statistics plain =
          Analyzer.analyze(model, weights, new Analyzer.Batch(input, null, 1, 20, null, 1), engine)
              .statistics();
      var quantized =
          Analyzer.quantized(
              model,
              weights,
              new Quantization(12, 20, null, null, null),
              new Analyzer.Batch(input, null, 1, 20, null, 1),
              engine);

      assertThat(plain.spiking().get("7").firingRate()).isBetween(0.05, 0.95);
      assertThat(quantized.statistics().synops()).isEqualTo(plain.synops());
      assertThat(quantized.statistics().parameter()).isEqualTo(plain.parameter());
      assertThat(quantized.statistics().spiking()).isEqualTo(plain.spiking());
      assertThat(quantized.scales()).containsOnlyKeys("0", "6");
    }
  }

  private static Tensor sixteenths(int... shape) {
    int size = 1;
    for (int d : shape) {
      size *= d;
    }
    var data = new float[size];
    for (int i = 0; i < size; i++) {
      data[i] = (i * 7 % 17 - 6) / 16f;
    }
    // The largest value makes the scale of 12 bits a whole multiple of 16.
    data[0] = 2047f / 16 / 16;
    return new Tensor(shape, data);
  }

  private static float[] filled(int n, float value) {
    var data = new float[n];
    Arrays.fill(data, value);
    return data;
  }

  @Test
  void reportsLayerWithoutNeuronsForItsScale() {
    var mistakes = new Mistakes();
    Quantizer.check(
        model(
            "[4]",
            """
            {"type": "Linear", "out_features": 4}, {"type": "ReLU"}, {"type": "Linear", "out_features": 4}, {"type": "IAF"},
            {"type": "Linear", "out_features": 4}\
            """),
        mistakes);
    assertThat(mistakes.list()).extracting(Mistakes.Mistake::pointer).containsExactly("/layers/0");
  }

  @Test
  void eachEpochTellsWhatBecomesOfTheNetworkInWholeNumbers() {
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [
               {"type": "Flatten"}, {"type": "Linear", "out_features": 32}, {"type": "IAF"},
               {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
             "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 600}, "batch_size": 32, "epochs": 3,
             "optimizer": {"type": "adam", "learning_rate": 0.005}, "loss": [{"type": "cross_entropy"}], "quantize": %s}
            """
                .formatted("{\"bits\": 8}"),
            TrainingSpec.class);
    var plain = Tutorial.JSON.<TrainingSpec>treeToValue(without(spec), TrainingSpec.class);
    try (var engine = Engine.create(1)) {
      var epochs = run(spec, engine);
      var last = epochs.getLast();
      assertThat(last.testAccuracy()).isGreaterThan(0.7);
      assertThat(last.quantizedAccuracy()).isCloseTo(last.testAccuracy(), offset(0.05));
      assertThat(last.quantizedSynops()).isNotEqualTo(last.testSynops());
      assertThat(last.quantizedSynops()).isCloseTo(last.testSynops(), withPercentage(3));
      // It only looks on: training is the same to the last bit.
      var undisturbed = run(plain, engine).getLast();
      assertThat(undisturbed.loss()).isEqualTo(last.loss());
      assertThat(undisturbed.quantizedSynops()).isNull();
      assertThat(Trainer.estimateMemory(spec, spec.model().definition()))
          .isEqualTo(2 * Trainer.estimateMemory(plain, plain.model().definition()));
    }
  }

  @Test
  void fewBitsCostAccuracy() {
    var model =
        model(
            "[1, 8, 8]",
            "{\"type\": \"Flatten\"}, {\"type\": \"Linear\", \"out_features\": 10}, {\"type\":"
                + " \"IAF\"}");
    var input =
        new InputSpec.FromDataset("digits", InputSpec.Encoding.CONSTANT, null, null, null, null);
    try (var engine = Engine.create(1)) {
      var statistics =
          Analyzer.quantized(
                  model,
                  null,
                  new Quantization(2, 16, null, null, null),
                  new Analyzer.Batch(input, Dataset.digits(), 100, 10, null, 1),
                  engine)
              .statistics();
      var whole =
          Analyzer.analyze(
                  model,
                  null,
                  new Analyzer.Batch(input, Dataset.digits(), 100, 10, null, 1),
                  engine)
              .statistics();
      assertThat(whole.accuracy()).isBetween(0.0, 1.0);
      assertThat(statistics.accuracy()).isNotNull();
      assertThat(statistics.firingRate()).isNotEqualTo(whole.firingRate());
      // The input alone causes the first layer's.
      assertThat(statistics.synops()).isEqualTo(whole.synops());
    }
    assertThat(
            new AnalysisSpec(null, null, null, null, null, null, SPECK, null, null)
                .quantize()
                .bits())
        .isEqualTo(8);
  }

  private static JsonNode without(TrainingSpec spec) {
    var tree = (ObjectNode) Tutorial.JSON.<JsonNode>valueToTree(spec);
    tree.remove("quantize");
    return tree;
  }

  private static ArrayList<EpochMetrics> run(TrainingSpec spec, Engine engine) {
    var epochs = new ArrayList<EpochMetrics>();
    new Trainer(spec, spec.model().definition(), null, Dataset.digits(), engine).run(epochs::add);
    return epochs;
  }
}
