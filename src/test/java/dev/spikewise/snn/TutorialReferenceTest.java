package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Npz;
import dev.spikewise.spec.EpochMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The tutorial's run, epoch by epoch, against what sinabs computed. */
class TutorialReferenceTest {

  private static final List<String> SYNAPSES = List.of("1", "4", "7", "10");
  private static final List<String> SPIKING = List.of("2", "5", "8", "11");

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void seedDrawsWeightsOfPyTorch(int seed) {
    var reference = Reference.read("tutorial/seed" + seed + ".npz");
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(Tutorial.job(seed, 1, 2), Tutorial.model(), null, null, engine);
      for (String layer : SYNAPSES) {
        assertThat(trainer.weights().tensors().get(layer + ".weight").data())
            .isEqualTo(reference.get("weight." + layer).floats());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void baselineEqualsAnalysis(int seed) {
    var reference = Reference.read("tutorial/seed" + seed + ".npz");
    try (var engine = Engine.create(2)) {
      var trainer = new Trainer(Tutorial.job(seed, 1, 2), Tutorial.model(), null, null, engine);
      var baseline = trainer.baseline();
      var spec = Tutorial.job(seed, 1, 2);
      var firingRates =
          Analyzer.analyze(
                  Tutorial.model(),
                  null,
                  new Analyzer.Batch(
                      spec.input(),
                      null,
                      spec.batchSize(),
                      spec.timeSteps(),
                      spec.dt(),
                      spec.seed()),
                  engine)
              .firingRates();
      for (int i = 0; i < SYNAPSES.size(); i++) {
        assertThat(baseline.parameter().get(SYNAPSES.get(i)).synops())
            .isEqualTo(reference.get("before.layer_synops").value(i));
        assertThat(baseline.spiking().get(SPIKING.get(i)).firingRate())
            .isCloseTo(reference.get("before.layer_firing_rate").value(i), within(1e-6));
        assertThat(baseline.spiking().get(SPIKING.get(i)).nNeurons())
            .isEqualTo((long) reference.get("before.n_neurons").value(i));
        assertThat(firingRates.get(SPIKING.get(i)).data())
            .isEqualTo(reference.get("before.firing_rate_per_neuron." + SPIKING.get(i)).floats());
      }
      assertThat(baseline.firingRate())
          .isCloseTo(reference.get("before.firing_rate").value(0), within(1e-6));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 2.0", "2, 2.0", "3, 0.5"})
  void firstStepMatchesPyTorch(int seed, double multiple) {
    var reference = Reference.read("tutorial/seed" + seed + ".npz");
    try (var engine = Engine.create(2)) {
      var trainer =
          new Trainer(Tutorial.job(seed, 1, multiple), Tutorial.model(), null, null, engine);
      trainer.run(metrics -> {});
      for (String layer : SYNAPSES) {
        assertWeights(
            trainer.weights().tensors().get(layer + ".weight").data(),
            reference.get("epoch1.weight." + layer).floats(),
            reference.get("epoch0.grad." + layer).floats(),
            layer);
      }
    }
  }

  /**
   * Adam's first step has the size of the learning rate and the gradient's sign, also where that is
   * almost 0.
   */
  private static void assertWeights(
      float[] actual, float[] expected, float[] gradient, String layer) {
    double largest = 0;
    for (float g : gradient) {
      largest = Math.max(largest, Math.abs(g));
    }
    for (int i = 0; i < expected.length; i++) {
      if (largest == 0 || Math.abs(gradient[i]) > 1e-4 * largest) {
        assertThat(actual[i])
            .as("weight %d of layer %s", i, layer)
            .isCloseTo(expected[i], within(1e-6f));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 2.0, 1e-3", "2, 2.0, 1e-3", "3, 0.5, 3e-2"})
  void hundredEpochsMatchSinabs(int seed, double multiple, double tolerance) {
    var reference = Reference.read("tutorial/seed" + seed + ".npz");
    try (var engine = Engine.create(2)) {
      var trainer =
          new Trainer(Tutorial.job(seed, 100, multiple), Tutorial.model(), null, null, engine);
      var epochs = new ArrayList<EpochMetrics>();
      assertThat(trainer.run(epochs::add)).isEqualTo(Trainer.Outcome.COMPLETED);
      assertThat(trainer.targetSynops()).isEqualTo(reference.get("target").value(0));
      assertThat(epochs).hasSize(100);
      for (int e = 0; e < 100; e++) {
        double allowed = e < 10 ? 1e-6 : tolerance;
        assertCurve(reference, "synops", e, epochs.get(e).synops(), allowed);
        assertCurve(reference, "firing_rate", e, epochs.get(e).firingRate(), allowed);
      }
    }
  }

  private static void assertCurve(
      Map<String, Npz.Array> reference, String name, int epoch, double actual, double tolerance) {
    double expected = reference.get(name).value(epoch);
    assertThat(actual)
        .as("%s of epoch %d", name, epoch)
        .isCloseTo(expected, within(tolerance * expected));
  }

  @Test
  void perLayerLimitAndFiringRateFloorMatchSinabs() {
    var reference = Reference.read("howto/seed1.npz");
    var spec =
        Tutorial.job(
            1,
            100,
            """
            [{"type": "synops", "mode": "limit", "scope": "layer", "unit": "per_timestep", "normalize": false,
              "target": {"value": 1e5}, "weight": 0.01},
             {"type": "firing_rate", "min": 0.5}]
            """);
    try (var engine = Engine.create(2)) {
      var trainer = new Trainer(spec, Tutorial.model(), null, null, engine);
      var epochs = new ArrayList<EpochMetrics>();
      trainer.run(epochs::add);
      for (int e = 0; e < 100; e++) {
        double tolerance = e < 10 ? 1e-5 : 3e-2;
        for (int i = 0; i < SYNAPSES.size(); i++) {
          double expected =
              reference.get("layer_synops_per_timestep").value(e * SYNAPSES.size() + i);
          assertThat(epochs.get(e).parameter().get(SYNAPSES.get(i)).synops() / 10)
              .as("synops of layer %s in epoch %d", SYNAPSES.get(i), e)
              .isCloseTo(expected, within(tolerance * expected));
        }
        assertCurve(reference, "loss", e, epochs.get(e).loss(), tolerance);
      }
    }
  }
}
