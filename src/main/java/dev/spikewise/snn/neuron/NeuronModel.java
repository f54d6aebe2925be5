package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.layer.NeuronSpec;
import org.jspecify.annotations.Nullable;

/** A neuron model: the numbers that the kernels integrate it with. */
public sealed interface NeuronModel permits Iaf, Lif, Alif, ExpLeak {

  static NeuronModel of(NeuronSpec spec) {
    return switch (spec) {
      case NeuronSpec.IAF iaf -> new Iaf(iaf);
      case NeuronSpec.IAFRecurrent iaf -> new Iaf(iaf);
      case NeuronSpec.LIF lif -> new Lif(lif);
      case NeuronSpec.LIFRecurrent lif -> new Lif(lif);
      case NeuronSpec.ALIF alif -> new Alif(alif);
      case NeuronSpec.ExpLeak leak -> new ExpLeak(leak);
    };
  }

  NeuronSpec spec();

  /** The model in numbers, for these decays. */
  NeuronParams params(Decays decays);

  static NeuronParams spiking(
      NeuronSpec.Spiking spec,
      float alphaMem,
      float alphaSyn,
      NeuronParams.@Nullable Adaptation adaptation) {
    boolean subtract = spec.resetFn().kind() == ResetFn.Kind.SUBTRACT;
    return new NeuronParams(
        alphaMem,
        alphaSyn,
        spec.normInput(),
        true,
        spec.spikeThreshold().floatValue(),
        spec.spikeFn(),
        subtract,
        (float) or(spec.resetFn().value(), subtract ? spec.spikeThreshold() : 0),
        spec.sinabsCompat(),
        minV(spec),
        spec.surrogateGradFn(),
        adaptation);
  }

  static NeuronParams silent(NeuronSpec spec, float alphaMem, float alphaSyn) {
    return new NeuronParams(
        alphaMem,
        alphaSyn,
        spec.normInput(),
        false,
        1,
        SpikeFn.MULTI,
        true,
        0,
        false,
        minV(spec),
        null,
        null);
  }

  private static float minV(NeuronSpec spec) {
    return (float) or(spec.minVMem(), Double.NEGATIVE_INFINITY);
  }

  private static double or(@Nullable Double value, double otherwise) {
    return value == null ? otherwise : value;
  }
}
