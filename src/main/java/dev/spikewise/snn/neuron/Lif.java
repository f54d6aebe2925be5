package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Leaky integrate and fire.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = a v + (norm_input ? 1 - a : 1) i
 *   s = spike(u)                               v = reset(u, s)
 *   a = exp(-1 / tau_mem)                      a_s = exp(-1 / tau_syn)
 * </pre>
 *
 * <p>Step and backward step: {@link LeakyIntegrator}.
 */
record Lif(NeuronSpec.Spiking spec) implements NeuronModel {

  @Override
  public Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given) {
    return NeuronModel.leaky(spec, trained, NeuronModel.firing(spec, given));
  }
}
