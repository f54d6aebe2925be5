package dev.spikewise.snn.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
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
}
