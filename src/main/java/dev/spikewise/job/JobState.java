package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * State of a job. {@link #canBecome} is the whole state machine; every other transition is a bug.
 */
public enum JobState {
  QUEUED,
  RUNNING,
  /** Still training; the wish to pause is stored and its worker will see it. */
  PAUSING,
  PAUSED,
  /** Still training; the wish to cancel is stored and its worker will see it. */
  CANCELLING,
  CANCELLED,
  SUCCEEDED,
  FAILED;

  static final Set<JobState> FINAL = Set.of(CANCELLED, SUCCEEDED, FAILED);

  boolean canBecome(JobState next) {
    return switch (this) {
      case QUEUED -> Set.of(RUNNING, PAUSED, CANCELLED, FAILED).contains(next);
      case RUNNING -> Set.of(QUEUED, PAUSING, CANCELLING, SUCCEEDED, FAILED).contains(next);
      case PAUSING -> Set.of(RUNNING, PAUSED, CANCELLING, SUCCEEDED, FAILED).contains(next);
      case PAUSED -> Set.of(QUEUED, CANCELLED).contains(next);
      case CANCELLING -> next == CANCELLED;
      case CANCELLED, FAILED -> next == QUEUED;
      case SUCCEEDED -> false;
    };
  }

  /** A worker holds the job. */
  public boolean isActive() {
    return switch (this) {
      case RUNNING, PAUSING, CANCELLING -> true;
      case QUEUED, PAUSED, CANCELLED, SUCCEEDED, FAILED -> false;
    };
  }

  /** Over, unless somebody resumes or retries it. */
  public boolean isFinal() {
    return FINAL.contains(this);
  }

  /** What changes a job in this state. */
  public List<JobAction> allowedActions() {
    return Arrays.stream(JobAction.values()).filter(action -> action.changes(this)).toList();
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
