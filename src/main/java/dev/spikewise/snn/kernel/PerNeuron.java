package dev.spikewise.snn.kernel;

import org.jspecify.annotations.Nullable;

/**
 * A constant of the neurons of a layer.
 *
 * @param shared value shared by all neurons; NaN when neurons differ
 * @param each value of each neuron, [N] in the engine's order; null when shared
 */
public record PerNeuron(float shared, float @Nullable [] each) {

  public static PerNeuron of(float shared) {
    return new PerNeuron(shared, null);
  }

  public static PerNeuron of(float[] each) {
    return new PerNeuron(Float.NaN, each);
  }

  public float at(int neuron) {
    return each == null ? shared : each[neuron];
  }

  /** Whether all neurons have this value as their shared one. */
  public boolean is(float value) {
    return each == null && shared == value;
  }
}
