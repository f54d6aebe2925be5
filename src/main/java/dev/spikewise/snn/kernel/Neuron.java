package dev.spikewise.snn.kernel;

/**
 * A neuron model in numbers: how one neuron goes through all time steps, and its gradients back.
 * This is the meaning; vector kernels may compute a model they know many neurons at a time.
 */
public interface Neuron {

  /**
   * Number of trained constants a model has at most: the places in {@link NeuronRange#gConstants}.
   */
  int CONSTANTS = 4;

  /** Takes neuron {@code n} of the range through its time steps. */
  void forward(NeuronRange r, int n);

  /** Puts out again what {@link #forward} did, from {@link NeuronRange#u}. */
  void output(NeuronRange r, int n);

  /** Takes the gradients of neuron {@code n} from the last time step to the first. */
  void backward(NeuronRange r, int n);

  /** Whether the output is spikes, or the membrane potential itself. */
  boolean spikes();

  /** Whether the output follows from the potential alone, so that {@link #output} can be called. */
  boolean followsFromPotential();

  /** Whether a synaptic current lives from call to call: {@link NeuronRange#synapticCurrent}. */
  boolean synaptic();

  /** Whether the backward pass needs the current of every step: {@link NeuronRange#current}. */
  boolean keepsCurrent();

  /** Whether a state of adaptation is kept: {@link NeuronRange#b}. */
  boolean adapts();
}
