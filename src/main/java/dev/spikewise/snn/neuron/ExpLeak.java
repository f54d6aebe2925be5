package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.layer.NeuronSpec;

/**
 * Leaky integrator: the output is the potential itself.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        v = a v + (norm_input ? 1 - a : 1) i
 *   a = exp(-1 / tau_mem)                      a_s = exp(-1 / tau_syn)
 * </pre>
 */
record ExpLeak(NeuronSpec.ExpLeak spec) implements NeuronModel {

  @Override
  public NeuronParams params(Decays decays) {
    return NeuronModel.silent(spec, decays.mem(), decays.syn());
  }
}
