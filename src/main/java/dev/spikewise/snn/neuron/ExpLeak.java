package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Leaky integrator: the output is the potential itself.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        v = a v + (norm_input ? 1 - a : 1) i
 *   a = exp(-1 / tau_mem)                      a_s = exp(-1 / tau_syn)
 * </pre>
 *
 * <p>Step and backward step: {@link LeakyIntegrator}, whose output is u.
 */
record ExpLeak(NeuronSpec.ExpLeak spec) implements NeuronModel {

  @Override
  public Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given) {
    return NeuronModel.leaky(spec, trained, NeuronModel.silent(spec));
  }
}
