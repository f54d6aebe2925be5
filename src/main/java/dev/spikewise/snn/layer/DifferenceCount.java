package dev.spikewise.snn.layer;

/** A layer of weights that can count how much of its input cancels out. */
public interface DifferenceCount extends Synaptic {

  /** Outputs of a sample and step. */
  int outputs();

  /** Makes every forward pass count {@link #difference}, which takes another convolution. */
  void countDifference();

  /**
   * {@code |W| x - |W x + b|} since the last reset, summed over samples, time and outputs, where it
   * is counted.
   */
  double difference();

  /**
   * Puts the difference into the loss.
   *
   * @param perOutput dL/d(difference of one output at one step of one sample)
   */
  void addDifferenceToLoss(double perOutput);
}
