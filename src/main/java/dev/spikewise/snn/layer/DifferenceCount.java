package dev.spikewise.snn.layer;

/** A layer with weights that can measure how much of its input cancels out. */
public interface DifferenceCount extends Synaptic {

  /** Number of outputs per sample and time step. */
  int outputs();

  /** Enables counting of {@link #difference}, which adds a convolution to every forward pass. */
  void countDifference();

  /**
   * {@code |W| x - |W x + b|} since the last reset, summed over samples, time and outputs, if
   * counting is enabled.
   */
  double difference();

  /**
   * Adds the difference to the loss.
   *
   * @param perOutput dL/d(difference of one output at one step of one sample)
   */
  void addDifferenceToLoss(double perOutput);
}
