package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.AnalysedSamples;
import dev.spikewise.spec.EarlyExit;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Accuracy and synops at each time step, and when samples end early. */
class EarlyExitTest {

  static JsonNode golden(String name) throws IOException {
    try (var in = EarlyExitTest.class.getResourceAsStream("/training/" + name + ".json")) {
      return Tutorial.JSON.readTree(Objects.requireNonNull(in));
    }
  }

  static float[] floats(JsonNode values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.get(i).asDouble();
    }
    return floats;
  }

  /** Data set of a golden training: spike trains of 6 channels over 4 time steps. */
  static Dataset made(JsonNode golden) {
    var labels = new int[golden.get("y").size()];
    Arrays.setAll(labels, i -> golden.get("y").get(i).asInt());
    return new Dataset("made", Shape.of(6), 4, floats(golden.get("x")), labels, labels.length);
  }

  private static List<Double> doubles(JsonNode values) {
    return StreamSupport.stream(values.spliterator(), false).map(JsonNode::asDouble).toList();
  }

  private static void assertClose(List<Double> values, JsonNode expected) {
    assertThat(values).hasSize(expected.size());
    for (int i = 0; i < values.size(); i++) {
      assertThat(values.get(i)).isCloseTo(expected.get(i).asDouble(), within(1e-9));
    }
  }

  @Test
  void equalsPyTorchAtEachTimeStepAndThreshold() throws IOException {
    JsonNode golden = golden("early_exit");
    int[] labels = doubles(golden.get("y")).stream().mapToInt(Double::intValue).toArray();
    ModelSpec model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [6], "layers": [
              {"type": "Linear", "out_features": 16, "bias": false}, {"type": "IAF"},
              {"type": "Linear", "out_features": 3, "bias": false}, {"type": "IAF"}]}
            """,
            ModelSpec.class);
    var weights =
        new StateDict(
            Map.of(
                "0.weight", new Tensor(new int[] {16, 6}, floats(golden.get("w1"))),
                "2.weight", new Tensor(new int[] {3, 16}, floats(golden.get("w2")))));
    var input =
        Tutorial.JSON.readValue(
            "{\"type\": \"dataset\", \"id\": \"made\", \"encoding\": \"spikes\"}", InputSpec.class);
    // All samples are test samples: the first one repeats as the only training sample.
    float[] x = floats(golden.get("x"));
    var values = new float[x.length + 36];
    System.arraycopy(x, 0, values, 36, x.length);
    int[] all = IntStream.concat(IntStream.of(labels[0]), IntStream.of(labels)).toArray();
    var dataset = new Dataset("made", Shape.of(6), 6, values, all, 1);
    Statistics.OverTime found;
    try (var engine = Engine.create(2)) {
      found =
          Analyzer.analyze(
                  model,
                  weights,
                  new Analyzer.Batch(
                      input,
                      dataset,
                      labels.length,
                      6,
                      null,
                      1,
                      AnalysedSamples.TEST,
                      new EarlyExit(doubles(golden.get("thresholds")))),
                  engine)
              .statistics()
              .overTime();
    }
    assertThat(found.samples()).isEqualTo(labels.length);
    assertClose(found.accuracy(), golden.get("accuracy"));
    assertClose(found.confidence(), golden.get("confidence"));
    assertClose(found.synops(), golden.get("synops"));
    for (int k = 0; k < 4; k++) {
      var exit = found.earlyExit().get(k);
      JsonNode expected = golden.get("early_exit").get(k);
      assertThat(exit.accuracy()).isCloseTo(expected.get("accuracy").asDouble(), within(1e-9));
      assertThat(exit.timeSteps()).isCloseTo(expected.get("time_steps").asDouble(), within(1e-9));
      assertThat(exit.synops()).isCloseTo(expected.get("synops").asDouble(), within(1e-9));
      assertThat(exit.exits().stream().map(Long::doubleValue).toList())
          .isEqualTo(doubles(expected.get("exits")));
    }
  }

  private static final String LAYERS =
      """
      {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "Flatten"},
      {"type": "Linear", "out_features": 10}, {"type": "LIFRecurrent", "tau_mem": 5}\
      """;

  private static TrainingSpec job(String input, String more) {
    return Tutorial.JSON.readValue(
        """
        {"model": {"input_shape": [1, 8, 8], "layers": [%s]}, "batch_size": 16, "time_steps": 5, "epochs": 3,
         "input": %s, "loss": [{"type": "cross_entropy"}], "optimizer": {"type": "adam", "learning_rate": 0.01}%s}
        """
            .formatted(LAYERS, input, more),
        TrainingSpec.class);
  }

  private static final String DIGITS =
      "{\"type\": \"dataset\", \"id\": \"digits\", \"encoding\": \"%s\", \"limit\": 120%s}";

  @Test
  void resultsOfAJobEndWithItsTestMetrics() {
    for (String encoding : List.of("constant", "rate")) {
      TrainingSpec spec =
          job(
              DIGITS.formatted(encoding, ", \"test_fraction\": 0.3"),
              ", \"restore_best\": {\"monitor\": \"test_accuracy\"}, \"early_exit\":"
                  + " {\"thresholds\": [0.05, 1]}");
      try (var engine = Engine.create(2)) {
        var trainer = new Trainer(spec, spec.model().definition(), null, Dataset.digits(), engine);
        var epochs = new java.util.ArrayList<dev.spikewise.spec.EpochMetrics>();
        trainer.run(epochs::add);
        var best = epochs.get(Objects.requireNonNull(trainer.bestEpoch()));
        var overTime =
            Objects.requireNonNull(
                Objects.requireNonNull(trainer.latest()).statistics().overTime());
        int samples = Objects.requireNonNull(trainer.latest()).predictions().samples().length;
        assertThat(overTime.samples()).isEqualTo(samples);
        assertThat(overTime.accuracy()).hasSize(5).last().isEqualTo(best.testAccuracy());
        assertThat(overTime.synops().getLast())
            .isCloseTo(best.testSynops(), within(1e-6 * best.testSynops()));
        var first = overTime.earlyExit().getFirst();
        assertThat(first.exits().stream().mapToLong(n -> n).sum()).isEqualTo(samples);
        assertThat(first.timeSteps()).as("no confidence is below a tenth").isEqualTo(1);
        assertThat(first.accuracy()).isEqualTo(overTime.accuracy().getFirst());
        assertThat(first.synops()).isEqualTo(overTime.synops().getFirst());
      }
    }
  }

  @Test
  void refusesEarlyExitWithoutLabelsOrTestSamples() {
    assertThat(mistakes(job("{\"type\": \"constant\"}", ", \"early_exit\": {}")))
        .contains("/early_exit requires labels: use an input of type dataset");
    assertThat(
            mistakes(
                job(
                    DIGITS.formatted("rate", ""),
                    ", \"early_exit\": {\"thresholds\": [0.5, 0, 0.5, null]}")))
        .containsExactly(
            "/early_exit/thresholds/1 must be above 0 and at most 1 but was 0.0",
            "/early_exit/thresholds/2 must not repeat the value 0.5",
            "/early_exit/thresholds/3 must be a number but was null");
    assertThat(
            mistakes(
                job(
                    DIGITS.formatted("rate", ", \"test_fraction\": 0"),
                    ", \"early_exit\": {\"thresholds\": [0.5]}")))
        .containsExactly("/early_exit needs test samples: raise test_fraction of the input");
  }

  static List<String> mistakes(TrainingSpec spec) {
    var mistakes = new Mistakes();
    spec.check(mistakes);
    if (mistakes.isEmpty()) {
      Trainer.check(spec, spec.model().definition(), null, Dataset.digits(), mistakes);
    }
    return mistakes.list().stream().map(m -> m.pointer() + " " + m.detail()).toList();
  }
}
