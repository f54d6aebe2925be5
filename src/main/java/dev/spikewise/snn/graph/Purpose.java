package dev.spikewise.snn.graph;

/** Purpose of a network, which determines what its passes store and count. */
public enum Purpose {
  /** Forward passes keep what the backward pass needs, in B x T x activations. */
  TRAINING,
  /**
   * Activation checkpointing (Chen et al. 2016, arXiv:1604.06174): the backward pass computes the
   * activations of each block again, with the same bits, and they are kept for a block only.
   */
  CHECKPOINTED_TRAINING,
  /** Forward passes count operations and active outputs. */
  MEASURING;

  /** Number of samples whose activations are kept for the backward pass. */
  public int kept(int batchSize, int block) {
    return this == CHECKPOINTED_TRAINING ? block : batchSize;
  }
}
