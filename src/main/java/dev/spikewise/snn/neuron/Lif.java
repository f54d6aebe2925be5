package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.layer.NeuronSpec;

/**
 * Leaky integrate and fire.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = a v + (norm_input ? 1 - a : 1) i
 *   s = spike(u)                               v = reset(u, s)
 *   a = exp(-1 / tau_mem)                      a_s = exp(-1 / tau_syn)
 * </pre>
 */
record Lif(NeuronSpec.Spiking spec) implements NeuronModel {

  @Override
  public NeuronParams params(Decays decays) {
    return NeuronModel.spiking(spec, decays.mem(), decays.syn(), null);
  }
}
