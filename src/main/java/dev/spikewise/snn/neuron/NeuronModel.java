package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.Firing;
import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A neuron model: its trained constants, and its equations as used by the kernels. */
public sealed interface NeuronModel permits Iaf, Lif, Alif, AdLif, ExpLeak {

  /** Returns the model of a specification. This method is the registry of all models. */
  static NeuronModel of(NeuronSpec spec) {
    return switch (spec) {
      case NeuronSpec.IAF iaf -> new Iaf(iaf);
      case NeuronSpec.IAFRecurrent iaf -> new Iaf(iaf);
      case NeuronSpec.LIF lif -> new Lif(lif);
      case NeuronSpec.LIFRecurrent lif -> new Lif(lif);
      case NeuronSpec.ALIF alif -> new Alif(alif);
      case NeuronSpec.AdLIF adaptive -> new AdLif(adaptive);
      case NeuronSpec.ExpLeak leak -> new ExpLeak(leak);
    };
  }

  NeuronSpec spec();

  /** Trained constants in the order of {@link NeuronSpec#parameters}. */
  default List<Trained> trained() {
    var trained = new ArrayList<Trained>();
    spec()
        .timeConstants()
        .forEach(
            (name, initial) -> {
              int place =
                  switch (name.substring(name.indexOf('_') + 1)) {
                    case "mem" -> LeakyIntegrator.MEM;
                    case "syn" -> LeakyIntegrator.SYN;
                    default -> Alif.ADAPT;
                  };
              Trained.Form form = spec().trainAlphas() ? new Trained.Plain() : new Trained.Tau();
              trained.add(new Trained(name, initial, place, form));
            });
    return trained;
  }

  /**
   * Returns the model with concrete constants.
   *
   * @param trained value of each trained constant by its {@link Trained#place}; null where the
   *     neuron has none
   * @param given converts a constant that is not trained from PyTorch's order to the engine's
   */
  Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given);

  /** Neurons whose membrane potential decays. */
  static LeakyIntegrator leaky(NeuronSpec spec, @Nullable PerNeuron[] trained, Firing firing) {
    return new LeakyIntegrator(
        Objects.requireNonNull(trained[LeakyIntegrator.MEM]),
        trained[LeakyIntegrator.SYN],
        spec.normInput(),
        spec instanceof NeuronSpec.Spiking,
        firing);
  }

  static Firing firing(NeuronSpec.Spiking spec, UnaryOperator<PerNeuron> given) {
    boolean subtract = spec.resetFn().kind() == ResetFn.Kind.SUBTRACT;
    PerNeuron threshold = given.apply(values(spec.spikeThreshold()));
    Double value = spec.resetFn().value();
    return new Firing(
        threshold,
        spec.spikeFn(),
        subtract,
        value != null ? PerNeuron.of(value.floatValue()) : subtract ? threshold : PerNeuron.of(0),
        spec.resetDetached(),
        spec.sinabsCompat(),
        minV(spec),
        spec.surrogateGradFn());
  }

  /** Firing of neurons that do not spike. */
  static Firing silent(NeuronSpec spec) {
    return new Firing(
        PerNeuron.of(1),
        SpikeFn.MULTI,
        true,
        PerNeuron.of(0),
        false,
        false,
        minV(spec),
        SurrogateSpec.DEFAULT);
  }

  private static PerNeuron values(Constant constant) {
    float[] values = constant.floats();
    return constant.shared() ? PerNeuron.of(values[0]) : PerNeuron.of(values);
  }

  private static float minV(NeuronSpec spec) {
    return spec.minVMem() == null ? Float.NEGATIVE_INFINITY : spec.minVMem().floatValue();
  }
}
