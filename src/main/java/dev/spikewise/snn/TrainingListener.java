package dev.spikewise.snn;

import dev.spikewise.spec.EpochMetrics;

/** Receives completed epochs of a training and can stop it. Called on the training thread. */
public interface TrainingListener {

  /**
   * Called after an epoch; the trainer's weights, statistics and checkpoint may be read during the
   * call.
   */
  void onEpoch(EpochMetrics metrics);

  /**
   * Called before every layer of every batch. False ends the training at once; an incomplete epoch
   * is discarded.
   */
  default boolean keepGoing() {
    return true;
  }
}
