package dev.spikewise.snn.kernel;

import org.jspecify.annotations.Nullable;

/**
 * Where the neurons {@code from..to-1} of one sample find their values. Arrays over time are [T, N]; {@code ...At} is the
 * sample's offset in its array. Reused from call to call, so that an epoch allocates nothing.
 */
public final class NeuronRange {
  public int from;
  public int to;

  /** N, neurons of the layer. */
  public int neurons;

  /** T */
  public int steps;

  /** Input current; {@code xStep} is N, or 0 where every step has the same. */
  public float[] x = {};

  public int xAt;
  public int xStep;

  /** Potential before the reset, kept for the backward pass. */
  public float[] u = {};

  /** Current of every step, where {@link NeuronParams#keepsCurrent}. */
  public float[] current = {};

  /** Offset of {@code u} and {@code current}. */
  public int uAt;

  /** Output. */
  public float[] s = {};

  public int sAt;

  /** State between calls: potential and synaptic current, [N]. */
  public float[] v = {};

  public float[] synapticCurrent = {};
  public int vAt;

  /** Output of each neuron summed over time, added to: [N] from 0. */
  public double[] counts = {};

  /** Backward: dL/ds. */
  public float[] gs = {};

  public int gsAt;

  /** Backward: added to dL/ds at every step, [N] from 0. */
  public float @Nullable [] gRate;

  /** Backward: dL/dx, overwritten; {@code gxStep} is N, or 0 for its sum over time. */
  public float[] gx = {};

  public int gxAt;
  public int gxStep;

  /** Backward: sums of dL/dalpha over the range, added to. */
  public double gAlphaMem;

  public double gAlphaSyn;
}
