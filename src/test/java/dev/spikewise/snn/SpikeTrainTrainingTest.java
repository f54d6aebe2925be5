package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.TrainingSpec;
import java.util.ArrayList;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A data set of SHD's shape, 700 channels and 100 steps, whose dense form would take 56 MB. */
class SpikeTrainTrainingTest {

  private static final int SAMPLES = 200;
  private static final int STEPS = 100;
  private static final int CHANNELS = 700;
  private static final int EVENTS = 500;

  @Test
  void trainsInBatchesOnEventsWithoutADenseCopy() {
    var random = new SplittableRandom(1);
    var places = new int[SAMPLES][];
    var labels = new int[SAMPLES];
    for (int s = 0; s < SAMPLES; s++) {
      int label = s % 2;
      labels[s] = label;
      // Each class has one half of the channels.
      places[s] =
          random
              .ints(EVENTS, 0, STEPS)
              .map(t -> t * CHANNELS + label * CHANNELS / 2 + random.nextInt(CHANNELS / 2))
              .toArray();
    }
    var values = new SampleValues.Events(places, STEPS * CHANNELS);
    assertThat(values.bytes()).isLessThan(500_000);
    var dataset = new Dataset("shd", Shape.of(CHANNELS), STEPS, values, labels, SAMPLES, null);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [700], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
             "input": {"type": "dataset", "id": "shd", "encoding": "spikes", "test_fraction": 0.2},
             "batch_size": 16, "time_steps": 100, "epochs": 3, "optimizer": {"type": "adam", "learning_rate": 0.01},
             "loss": [{"type": "cross_entropy"}]}\
            """,
            TrainingSpec.class);
    var epochs = new ArrayList<EpochMetrics>();
    var used = new ArrayList<Long>();
    long before = MemoryTest.live();
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, dataset, engine);
      // Every event reaches two outputs.
      assertThat(trainer.baseline().synops()).isCloseTo(2 * EVENTS, within(1e-6));
      trainer.run(
          metrics -> {
            epochs.add(metrics);
            if (used.isEmpty()) {
              used.add(MemoryTest.live() - before);
            }
          });
    }
    // Network, gradients and one batch; a dense copy alone would take more than twice as much.
    assertThat(used.getFirst()).isLessThan((long) Float.BYTES * SAMPLES * STEPS * CHANNELS / 2);
    assertThat(epochs.getLast().testAccuracy()).isGreaterThan(0.95);
  }
}
