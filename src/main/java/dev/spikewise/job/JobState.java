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
  /** Still training; its worker has been asked to pause. */
  PAUSING,
  PAUSED,
  /** Still training; its worker has been asked to cancel. */
  CANCELLING,
  CANCELLED,
  SUCCEEDED,
  FAILED;

  static final Set<JobState> FINAL = Set.of(CANCELLED, SUCCEEDED, FAILED);

  boolean canBecome(JobState next) {
    return switch (this) {
      case QUEUED -> Set.of(RUNNING, PAUSED, CANCELLED, FAILED).contains(next);
      case RUNNING -> Set.of(QUEUED, PAUSING, PAUSED, CANCELLING, SUCCEEDED, FAILED).contains(next);
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

  /** Whether the job has ended; a resume or retry request can still queue it again. */
  public boolean isFinal() {
    return FINAL.contains(this);
  }

  /** Actions that change a job in this state. */
  public List<JobAction> allowedActions() {
    return Arrays.stream(JobAction.values()).filter(action -> action.changes(this)).toList();
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
