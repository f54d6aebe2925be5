package dev.spikewise.snn.kernel;

/**
 * Equations of a neuron model: forward and backward pass of one neuron over all time steps. They
 * are the specification; vector kernels may compute some models for many neurons at a time.
 */
public interface Neuron {

  /**
   * Number of trained constants a model has at most: the places in {@link NeuronRange#gConstants}.
   */
  int CONSTANTS = 4;

  /** Computes the time steps of neuron {@code n} of the range. */
  void forward(NeuronRange r, int n);

  /**
   * Computes the output of {@link #forward} again from {@link NeuronRange#u}. Not for neurons that
   * {@link #adapts adapt}: the earlier values of their threshold are not kept.
   */
  default void output(NeuronRange r, int n) {
    throw new IllegalStateException("the threshold of earlier steps is not kept");
  }

  /** Computes the gradients of neuron {@code n} from the last time step to the first. */
  void backward(NeuronRange r, int n);

  /** Whether the output is spikes, or the membrane potential itself. */
  boolean spikes();

  /** Whether a synaptic current is kept between calls; see {@link NeuronRange#synapticCurrent}. */
  boolean synaptic();

  /** Whether the backward pass needs the current of every step; see {@link NeuronRange#current}. */
  boolean keepsCurrent();

  /** Whether the model has an adaptation state; see {@link NeuronRange#b}. */
  boolean adapts();
}
