package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.layer.NeuronSpec;

/**
 * Integrate and fire without leak.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = v + i
 *   s = spike(u)                               v = reset(u, s)
 * </pre>
 */
record Iaf(NeuronSpec.Spiking spec) implements NeuronModel {

  @Override
  public NeuronParams params(Decays decays) {
    return NeuronModel.spiking(spec, 1, decays.syn(), null);
  }
}
