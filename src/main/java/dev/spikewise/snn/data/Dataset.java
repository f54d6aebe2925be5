package dev.spikewise.snn.data;

import dev.spikewise.spec.Shape;

/**
 * Labelled samples.
 *
 * @param shape of one sample (and step): (C, H, W) or (features)
 * @param timeSteps length of the time axis, 0 where the samples have none
 * @param values [n, (timeSteps,) shape], scaled to 0..1 unless they are spikes
 * @param labels [n]
 */
public record Dataset(String name, Shape shape, int timeSteps, float[] values, int[] labels) {

  public int size() {
    return labels.length;
  }

  /** The 1,797 handwritten digits (UCI Optical Recognition of Handwritten Digits, CC BY 4.0), (1, 8, 8), 0..1. */
  public static Dataset digits() {
    throw new UnsupportedOperationException();
  }
}
