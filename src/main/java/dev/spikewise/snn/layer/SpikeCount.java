package dev.spikewise.snn.layer;

import org.jspecify.annotations.Nullable;

/** What a layer of neurons counts in a batch, and where a loss puts the gradient of its rates. */
public interface SpikeCount {

  String name();

  /** Whether the output is spikes, or the membrane potential itself. */
  boolean spikes();

  /**
   * Spikes of each neuron since the last reset, summed over samples and time, in the engine's
   * order.
   */
  double[] counts();

  /** By neuron: its position in PyTorch's (C, H, W) order. */
  int[] torchOrder();

  /** The neurons' synapses to each other, if they have any. */
  @Nullable Synaptic recurrence();

  /**
   * Puts this layer's firing rates into the loss.
   *
   * @param perNeuron dL/d(spikes of one neuron at one step of one sample), in the engine's order;
   *     added up
   */
  void addToLoss(float[] perNeuron);
}
