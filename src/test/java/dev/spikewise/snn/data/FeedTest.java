package dev.spikewise.snn.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FeedTest {

  private static final Dataset DIGITS = Dataset.digits();
  private static final ModelSpec MODEL =
      Tutorial.JSON.readValue(
          "{\"input_shape\": [1, 8, 8], \"layers\": [{\"type\": \"Flatten\"}]}", ModelSpec.class);

  private static Feed feed(String options, long seed) {
    var input =
        Tutorial.JSON.readValue(
            "{\"type\": \"dataset\", \"id\": \"digits\"" + options + "}", InputSpec.class);
    return new Feed(input, DIGITS, MODEL, 32, 10, seed);
  }

  @Test
  void noEpochShowsATestSample() {
    for (String shuffle : new String[] {"random", "balanced"}) {
      Feed feed = feed(", \"test_fraction\": 0.3, \"shuffle\": \"" + shuffle + "\"", 4);
      for (int epoch = 0; epoch < 5; epoch++) {
        assertThat(
                IntStream.concat(
                    Arrays.stream(feed.order(epoch)), Arrays.stream(feed.testSamples())))
            .containsExactlyInAnyOrderElementsOf(
                IntStream.range(0, DIGITS.size()).boxed().toList());
      }
    }
  }

  @Test
  void saysBeforehandHowManySamplesAnEpochTrainsOn() {
    for (int limit : new int[] {15, 50, 400}) {
      for (String fraction : new String[] {"", ", \"test_fraction\": 0.3"}) {
        var options = ", \"limit\": " + limit + fraction;
        var input =
            (InputSpec.FromDataset)
                Tutorial.JSON.readValue(
                    "{\"type\": \"dataset\", \"id\": \"digits\"" + options + "}", InputSpec.class);
        for (long seed = 0; seed < 3; seed++) {
          assertThat(Feed.trainSize(input, DIGITS)).isEqualTo(feed(options, seed).trainSize());
        }
      }
    }
  }

  @Test
  void deltaMakesASpikeOfEveryRise() {
    float[] values = {0.3f, 0, 0.35f, 0.5f, 0.1f, 0.59f, 0.4f, 0.5f};
    var series = new Dataset("series", Shape.of(2), 4, values, new int[] {0}, 1);
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": [2], \"layers\": [{\"type\": \"Flatten\"}]}", ModelSpec.class);
    var input =
        Tutorial.JSON.readValue(
            """
            {"type": "dataset", "id": "series", "encoding": "delta", "delta_threshold": 0.2, "test_fraction": 0}
            """,
            InputSpec.class);
    var spikes = new float[8];
    new Feed(input, series, model, 1, 4, 1).encode(0, 0, new int[] {0, 1}, spikes, 0);
    assertThat(spikes).containsExactly(1, 0, 0, 1, 0, 0, 1, 0);
  }

  @Test
  void balancedShufflingGivesEveryBatchTheClassesInProportion() {
    Feed feed = feed(", \"shuffle\": \"balanced\"", 1);
    int[] order = feed.order(3);
    for (int from = 0; from + 100 <= order.length; from += 100) {
      var count = new int[10];
      for (int i = from; i < from + 100; i++) {
        count[feed.label(order[i])]++;
      }
      assertThat(Arrays.stream(count).boxed()).as("from " + from).allMatch(n -> n >= 8 && n <= 12);
    }
    assertThat(order).isEqualTo(feed(", \"shuffle\": \"balanced\"", 1).order(3));
    assertThat(order).isNotEqualTo(feed(", \"shuffle\": \"balanced\"", 2).order(3));
    assertThat(order).isNotEqualTo(feed.order(4));
  }

  private static final ModelSpec EVENT_MODEL =
      Tutorial.JSON.readValue(
          "{\"input_shape\": [2, 5, 5], \"layers\": [{\"type\": \"Flatten\"}]}", ModelSpec.class);

  private static final InputSpec SPIKES =
      Tutorial.JSON.readValue(
          "{\"type\": \"dataset\", \"id\": \"events\", \"encoding\": \"spikes\", \"test_fraction\": 0}",
          InputSpec.class);

  private static Dataset events(SampleValues values, Preparation.Augmentation augmentation) {
    return new Dataset("events", Shape.of(2, 5, 5), 3, values, new int[] {0, 1}, 2, augmentation);
  }

  private static float[] encoded(Feed feed, int epoch, boolean training) {
    var into = new float[150];
    int[] order = IntStream.range(0, 50).toArray();
    if (training) {
      feed.encodeForTraining(epoch, 1, order, into, 0);
    } else {
      feed.encode(epoch, 1, order, into, 0);
    }
    return into;
  }

  @Test
  void eventsEncodeAsTheDenseSamplesThatTheyStandFor() {
    var sparse = new SampleValues.Events(new int[][] {{3}, {0, 149, 149, 77}}, 150);
    var dense = new float[300];
    dense[3] = 1;
    dense[150] = 1;
    dense[299] = 2;
    dense[227] = 1;
    var full = new SampleValues.Dense(dense, 150);
    assertThat(encoded(new Feed(SPIKES, events(sparse, null), EVENT_MODEL, 2, 3, 1), 0, false))
        .isEqualTo(encoded(new Feed(SPIKES, events(full, null), EVENT_MODEL, 2, 3, 1), 0, false));
    assertThat(sparse.bytes()).isLessThan(full.bytes());
    assertThat(sparse.range()).isEqualTo(full.range());
  }

  @Test
  void augmentationChangesTrainingSamplesAloneAndFollowsTheSeed() {
    var sparse = new SampleValues.Events(new int[][] {{3}, {12, 12 + 50, 12 + 100}}, 150);
    var mirror = events(sparse, new Preparation.Augmentation(1.0, 0, 0.0));
    var shifted = events(sparse, new Preparation.Augmentation(0.5, 2, 30.0));
    var feed = new Feed(SPIKES, shifted, EVENT_MODEL, 2, 3, 1);
    var plain = encoded(feed, 0, false);
    assertThat(plain[12]).isEqualTo(1);
    assertThat(encoded(feed, 4, true))
        .isEqualTo(encoded(new Feed(SPIKES, shifted, EVENT_MODEL, 2, 3, 1), 4, true));
    assertThat(
            IntStream.range(0, 20)
                .mapToObj(e -> Arrays.toString(encoded(feed, e, true)))
                .distinct())
        .hasSizeGreaterThan(5);
    // Column 2 of 5 is the middle: a mirror leaves it, and moves column 3 of sample 0 to column 1.
    var mirrored = new Feed(SPIKES, mirror, EVENT_MODEL, 2, 3, 1);
    assertThat(encoded(mirrored, 0, true)).isEqualTo(plain);
    var into = new float[150];
    mirrored.encodeForTraining(0, 0, IntStream.range(0, 50).toArray(), into, 0);
    assertThat(into[1]).isEqualTo(1);
    assertThat(into[3]).isZero();
  }
}
