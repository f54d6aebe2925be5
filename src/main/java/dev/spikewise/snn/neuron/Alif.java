package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.layer.NeuronSpec;

/**
 * Leaky integrate and fire with a threshold that rises with every spike (Bellec et al. 2018,
 * arXiv:1803.09574).
 *
 * <pre>
 *   i = (norm_input ? 1 - a : 1) (tau_syn given ? a_s (i + x) : x)
 *   u = a v + i                                th = spike_threshold + adapt_scale b
 *   s = spike(u, th)                           v = reset(u, s, th)
 *   b = a_b b + (1 - a_b) s                    a = exp(-1 / tau_mem), a_s, a_b likewise
 * </pre>
 */
record Alif(NeuronSpec.ALIF spec) implements NeuronModel {

  @Override
  public NeuronParams params(Decays decays) {
    return NeuronModel.spiking(
        spec,
        decays.mem(),
        decays.syn(),
        new NeuronParams.Adaptation(
            decays.adapt(),
            spec.adaptScale().floatValue(),
            spec.resetFn().equals(ResetFn.SUBTRACT)));
  }
}
