package dev.spikewise.retention;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Kinds of resources that expire, in the order in which they are deleted. */
public enum RetentionKind {
  /** Sweeps with all their jobs. */
  SWEEPS,
  /** Jobs that belong to no sweep, with everything that they have stored. */
  JOBS,
  /** Weights, statistics and predictions of jobs. */
  CHECKPOINTS,
  /** Metrics of the single epochs of jobs. */
  EPOCHS,
  /** State changes of jobs. */
  EVENTS,
  /** Uploaded data sets. */
  DATASETS;

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Setting with the time that resources of this kind are kept. */
  String setting() {
    return this == SWEEPS ? JOBS.word() : word();
  }
}
