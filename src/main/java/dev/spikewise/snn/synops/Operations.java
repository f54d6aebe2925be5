package dev.spikewise.snn.synops;

import dev.spikewise.snn.kernel.ConvShape;

/**
 * NeuroBench's effective operations of synapses (Yik et al. 2025, doi:10.1038/s41467-025-56739-4):
 * one per pair of a non-zero input and a non-zero weight that it reaches. An input of 1 or -1 costs
 * an accumulation (AC), any other input a multiply-accumulate (MAC).
 */
public final class Operations {

  private double acs;
  private double macs;

  public Operations() {}

  /** Number of operations since the last reset, summed over samples and time. */
  public double acs() {
    return acs;
  }

  /** Number of operations since the last reset, summed over samples and time. */
  public double macs() {
    return macs;
  }

  public void reset() {
    acs = 0;
    macs = 0;
  }

  /**
   * Counts {@code frames} frames from {@code x[at]}, each of which represents {@code times} time
   * steps.
   */
  public void count(ConvShape shape, float[] weights, float[] x, int at, int frames, int times) {
    count(FanOut.weightsByInput(shape, weights), x, at, frames, times);
  }

  /**
   * Counts {@code frames} frames from {@code x[at]}, each of which represents {@code times} time
   * steps.
   *
   * @param reach number of non-zero weights that each input of a frame reaches
   */
  public void count(double[] reach, float[] x, int at, int frames, int times) {
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < reach.length; i++) {
        float value = x[at + f * reach.length + i];
        if (Math.abs(value) == 1) {
          acs += times * reach[i];
        } else if (value != 0) {
          macs += times * reach[i];
        }
      }
    }
  }
}
