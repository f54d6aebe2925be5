package dev.spikewise.snn;

import dev.spikewise.spec.EpochMetrics;

/**
 * How news of a training leaves the engine, and how the wish to stop enters it. Called on the
 * training thread.
 */
public interface TrainingListener {

  /** An epoch is complete: its weights, statistics and checkpoint may be taken now. */
  void onEpoch(EpochMetrics metrics);

  /**
   * Asked before every layer of every batch. A false ends the training at once; a half-trained
   * epoch does not count.
   */
  default boolean keepGoing() {
    return true;
  }
}
