package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Reason of a job's state, one of a fixed set of words. */
public enum Reason {
  /** All epochs are done. */
  COMPLETED("The training is complete"),
  /** The synops kept to their target for as many epochs as {@code early_stopping} asks for. */
  TARGET_MET("The target was met"),
  /** Nothing became better for as many epochs as {@code early_stopping} waits. */
  EARLY_STOPPED("The training no longer improved"),
  /** Somebody asked for it. */
  REQUESTED("Requested"),
  /** {@code max_runtime_seconds} of active training are over. */
  MAX_RUNTIME_EXCEEDED("The training took longer than max_runtime_seconds"),
  /** The loss or a weight is no longer a finite number. */
  DIVERGED("The training diverged"),
  /** No neuron fires any more and no gradient is left to wake one: the target may be too low. */
  NETWORK_SILENT("The network fell silent"),
  OUT_OF_MEMORY("The training did not fit into memory"),
  /**
   * The worker died or lost touch with the database, several times in a row where the job has
   * failed.
   */
  WORKER_LOST("The worker was lost"),
  /** The worker was shut down in good order; another goes on from the checkpoint. */
  WORKER_DRAINED("The worker was shut down"),
  /** A stored model or data set changed so that the spec no longer fits it. */
  INVALID_SPEC("The spec cannot be trained"),
  /** What is stored of the job is damaged; submit it again. */
  UNREADABLE("The stored job cannot be read"),
  INTERNAL_ERROR("The training broke off");

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
