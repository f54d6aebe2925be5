package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;
import java.util.Set;

/** Action that a user can request of a job. Repeating a request has no further effect. */
public enum JobAction {
  CANCEL(
      Set.of(JobState.QUEUED, JobState.RUNNING, JobState.PAUSING, JobState.PAUSED),
      Set.of(JobState.CANCELLING, JobState.CANCELLED)),
  PAUSE(Set.of(JobState.QUEUED, JobState.RUNNING), Set.of(JobState.PAUSING, JobState.PAUSED)),
  /** Resumes from the last checkpoint. */
  RESUME(
      Set.of(JobState.PAUSING, JobState.PAUSED, JobState.CANCELLED, JobState.FAILED),
      Set.of(JobState.QUEUED, JobState.RUNNING)),
  /** Starts over from the first epoch, as the next attempt. */
  RETRY(Set.of(JobState.CANCELLED, JobState.FAILED), Set.of(JobState.QUEUED, JobState.RUNNING));

  private final Set<JobState> changes;
  private final Set<JobState> done;

  JobAction(Set<JobState> changes, Set<JobState> done) {
    this.changes = changes;
    this.done = done;
  }

  boolean changes(JobState state) {
    return changes.contains(state);
  }

  boolean isDoneIn(JobState state) {
    return done.contains(state);
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
