package dev.spikewise.job;

import static com.tngtech.archunit.core.domain.JavaFieldAccess.AccessType.SET;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class JobStateTest {

  @Test
  void allowsExactlyTheListedTransitions() {
    var moves =
        Map.of(
            JobState.QUEUED, "running paused cancelled failed",
            JobState.RUNNING, "queued pausing paused cancelling succeeded failed",
            JobState.PAUSING, "running paused cancelling succeeded failed",
            JobState.PAUSED, "queued cancelled",
            JobState.CANCELLING, "cancelled",
            JobState.CANCELLED, "queued",
            JobState.SUCCEEDED, "",
            JobState.FAILED, "queued");
    for (var state : JobState.values()) {
      assertThat(
              Arrays.stream(JobState.values())
                  .filter(state::canBecome)
                  .map(JobState::word)
                  .collect(Collectors.joining(" ")))
          .as(state.word())
          .isEqualTo(moves.get(state));
    }
  }

  @Test
  void onlyBecomeMovesAJob() {
    var setters =
        new ClassFileImporter()
                .importPackages("dev.spikewise")
                .get(JobRow.class)
                .getField("status")
                .getAccessesToSelf()
                .stream()
                .filter(access -> access.getAccessType() == SET)
                .map(access -> access.getOrigin().getName())
                .collect(Collectors.toSet());
    assertThat(setters).isEqualTo(Set.of("<init>", "become"));
  }
}
