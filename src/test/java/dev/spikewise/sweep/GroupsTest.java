package dev.spikewise.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.job.JobState;
import dev.spikewise.spec.SweepSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Seeds of the same values as one result. */
class GroupsTest {

  private static Sweep.Part part(
      double rate, long seed, JobState state, double synops, @Nullable Double testAccuracy) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("optimizer/learning_rate", rate);
    values.put("seed", seed);
    return new Sweep.Part(
        UUID.randomUUID(),
        null,
        SweepSpec.words(values),
        0,
        0,
        values,
        state,
        null,
        null,
        1,
        null,
        synops,
        0.5,
        testAccuracy,
        null);
  }

  @Test
  void figuresAreThoseOfTheSucceededJobsOfEachVariant() {
    var groups =
        Sweep.groups(
            List.of(
                part(0.1, 1, JobState.SUCCEEDED, 100, 0.8),
                part(0.1, 2, JobState.SUCCEEDED, 130, 0.9),
                part(0.1, 3, JobState.SUCCEEDED, 160, 0.7),
                part(0.2, 1, JobState.SUCCEEDED, 50, null),
                part(0.2, 2, JobState.FAILED, 70, 0.1)),
            SweepSpec::words);
    assertThat(groups)
        .extracting(Sweep.Group::label)
        .containsExactly("learning_rate 0.1", "learning_rate 0.2");
    var first = groups.getFirst();
    assertThat(first.jobs()).isEqualTo(3);
    assertThat(first.values()).containsOnlyKeys("optimizer/learning_rate");
    assertThat(first.synops()).isEqualTo(new Sweep.Spread(130, 30.0, 100, 160));
    assertThat(first.testAccuracy().mean()).isCloseTo(0.8, within(1e-12));
    assertThat(first.testAccuracy().std()).isCloseTo(0.1, within(1e-12));
    assertThat(first.testSynops()).isNull();
    var second = groups.getLast();
    assertThat(second.succeeded()).isEqualTo(1);
    assertThat(second.jobs()).isEqualTo(2);
    assertThat(second.synops()).isEqualTo(new Sweep.Spread(50, null, 50, 50));
    assertThat(second.testAccuracy()).isNull();
  }
}
