package dev.spikewise.snn.layer;

import org.jspecify.annotations.Nullable;

/**
 * Spike counts of a layer of neurons in a batch, and the gradient of the loss with respect to its
 * firing rates.
 */
public interface SpikeCount {

  String name();

  /** Whether the output is spikes, or the membrane potential itself. */
  boolean spikes();

  /**
   * Number of spikes of each neuron since the last reset, summed over samples and time, in the
   * engine's order.
   */
  double[] counts();

  /**
   * Spikes of the first sample of the last forward pass at each time step, [T, neurons] in the
   * engine's order, in a network that measures.
   */
  float[] firstRaster();

  /** For each neuron, its position in PyTorch's (C, H, W) order. */
  int[] torchOrder();

  /** Recurrent synapses of the layer; null without recurrence. */
  @Nullable Synaptic recurrence();

  /**
   * Adds the firing rates of this layer to the loss.
   *
   * @param perNeuron dL/d(spikes of one neuron at one step of one sample), in the engine's order;
   *     added up
   */
  void addToLoss(float[] perNeuron);
}
