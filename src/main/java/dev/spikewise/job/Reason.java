package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Reason of a job's state, one of a fixed set of words. */
public enum Reason {
  /** All requested epochs are completed. */
  COMPLETED("The training is complete"),
  /** The synops met their target for the number of epochs that {@code early_stopping} requires. */
  TARGET_MET("The target was met"),
  /** The metric did not improve for the number of epochs that {@code early_stopping} allows. */
  EARLY_STOPPED("The training stopped improving"),
  /** The trial of a search waits until the other trials of its rung have trained as far. */
  RUNG_COMPLETED("The rung is complete"),
  /** Other trials of the search have better results. */
  OUTPERFORMED("Better trials of its search go on"),
  /** A request changed the state. */
  REQUESTED("Requested"),
  /** The training was active for longer than {@code max_runtime_seconds}. */
  MAX_RUNTIME_EXCEEDED("The training took longer than max_runtime_seconds"),
  /** The loss, a weight or a metric is not a finite number. */
  DIVERGED("The training diverged"),
  /** No neuron fires and no gradient can change that: the target may be too low. */
  NETWORK_SILENT("No neuron fires any more"),
  OUT_OF_MEMORY("The training ran out of memory"),
  /**
   * The worker died or lost its connection to the database; the job fails when that happens several
   * times in a row.
   */
  WORKER_LOST("The worker was lost"),
  /** The worker was shut down gracefully; another one resumes from the checkpoint. */
  WORKER_DRAINED("The worker was shut down"),
  /** The specification no longer fits its stored model or data set. */
  INVALID_SPEC("The specification is invalid"),
  /** The stored job is damaged: submit it again. */
  UNREADABLE("The stored job cannot be read"),
  INTERNAL_ERROR("The training failed with an internal error");

  private final String title;

  Reason(String title) {
    this.title = title;
  }

  public String title() {
    return title;
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
