package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Integrate and fire without leak.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = v + i
 *   s = spike(u)                               v = reset(u, s)
 * </pre>
 *
 * <p>Step and backward step: {@link LeakyIntegrator}, with a = 1.
 */
record Iaf(NeuronSpec.Spiking spec) implements NeuronModel {

  @Override
  public Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given) {
    return new LeakyIntegrator(
        PerNeuron.of(1),
        trained[LeakyIntegrator.SYN],
        spec.normInput(),
        true,
        NeuronModel.firing(spec, given));
  }
}
