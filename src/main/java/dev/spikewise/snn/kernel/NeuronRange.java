package dev.spikewise.snn.kernel;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Arrays and offsets for the neurons {@code from..to-1} of one sample. Arrays over time are [T, N];
 * {@code ...At} is the sample's offset in its array. Reused between calls, so that an epoch
 * allocates no memory.
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

  /** Current of every step before its decay, where {@link Neuron#keepsCurrent}. */
  public float[] current = {};

  /** Offset of {@code u} and {@code current}. */
  public int uAt;

  /** Output; {@code sStep} lies from one time step to the next, here and in {@code gs}. */
  public float[] s = {};

  public int sAt;
  public int sStep;

  /**
   * A sum pool that is computed together with the neurons, if {@link Kernels#fuses} permits: {@code
   * s} and {@code gs} then belong to the pool, and spikes are added to {@code s}.
   */
  public @Nullable PoolShape pool;

  /** By neuron: {@link PoolShape#windowOf}; where there is a pool. */
  public int @Nullable [] windows;

  /** State between calls: potential and synaptic current, [N]. */
  public float[] v = {};

  public float[] synapticCurrent = {};
  public int vAt;

  /**
   * Adaptation state between calls, [N], if {@link Neuron#adapts}; and its value before every step,
   * stored like {@code u}.
   */
  public float[] b = {};

  public float[] bBefore = {};

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

  /** Backward: gradients of the model's trained constants by {@code Trained.place}, added to. */
  public final Sum[] gConstants =
      Stream.generate(Sum::new).limit(Neuron.CONSTANTS).toArray(Sum[]::new);

  /** The gradient of a constant, added up over samples and time: over the range, or by neuron. */
  public static final class Sum {
    public double overRange;

    /** [N] from 0, where the neurons' constants differ; shared by all ranges of the layer. */
    public double @Nullable [] byNeuron;

    public void add(int neuron, double value) {
      if (byNeuron == null) {
        overRange += value;
      } else {
        byNeuron[neuron] += value;
      }
    }
  }

  /**
   * In the backward pass of one time step: whether the potentials of the step before are stored
   * before {@code uAt}.
   */
  public boolean hasEarlier;

  /**
   * In the backward pass of one time step: dL/dv and dL/d(current), [N], read as the next step
   * stored them and replaced by those of this step. Empty when the range contains all steps.
   */
  public float[] gv = {};

  public float[] gCurrent = {};
  public int gvAt;

  private float[] scratch = {};

  /** Where the values of neuron {@code n} at step {@code t} lie in u, current and bBefore. */
  public int at(int t, int n) {
    return uAt + t * neurons + n;
  }

  /** Input of neuron {@code n} at step {@code t}. */
  public float input(int t, int n) {
    return x[xAt + t * xStep + n];
  }

  /** Stores the output of neuron {@code n} at step {@code t}. */
  public void output(int t, int n, float value) {
    s[sAt + t * sStep + n] = value;
  }

  /** dL/ds of neuron {@code n} at step {@code t}, with what its rate adds. */
  public float outputGradient(int t, int n) {
    return gs[gsAt + t * sStep + n] + (gRate == null ? 0 : gRate[n]);
  }

  /** Before the backward steps of neuron {@code n}: see {@link #inputGradient}. */
  public void startInputGradient(int n) {
    if (gxStep == 0) {
      gx[gxAt + n] = 0;
    }
  }

  /** Stores dL/dx of neuron {@code n} at step {@code t}, or adds it to the sum over time. */
  public void inputGradient(int t, int n, float value) {
    if (gxStep == 0) {
      gx[gxAt + n] += value;
    } else {
      gx[gxAt + t * gxStep + n] = value;
    }
  }

  public boolean isOneOfSeveral() {
    return gv.length > 0;
  }

  /** Index of the output of neuron {@code n} within a step of {@code s}. */
  public int outputOf(int n) {
    return windows == null ? n : windows[n];
  }

  /** Whether outputs that are 0 pass no gradient back. */
  public boolean skipsSilent() {
    return pool != null && pool.skipsSilent();
  }

  /** Scratch memory of a kernel, kept between calls. */
  public float[] scratch(int size) {
    if (scratch.length < size) {
      scratch = new float[size];
    }
    return scratch;
  }
}
