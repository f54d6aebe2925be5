package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.SpikeFn;
import org.jspecify.annotations.Nullable;

/** A neuron model: the numbers that the kernels integrate it with. */
public sealed interface NeuronModel permits Iaf, Lif, Alif, ExpLeak {

  static NeuronModel of(LayerSpec.Neuron spec) {
    return switch (spec) {
      case LayerSpec.IAF iaf -> new Iaf(iaf);
      case LayerSpec.IAFRecurrent iaf -> new Iaf(iaf);
      case LayerSpec.LIF lif -> new Lif(lif);
      case LayerSpec.LIFRecurrent lif -> new Lif(lif);
      case LayerSpec.ALIF alif -> new Alif(alif);
      case LayerSpec.ExpLeak leak -> new ExpLeak(leak);
    };
  }

  LayerSpec.Neuron spec();

  /** The model in numbers, for these decays. */
  NeuronParams params(Decays decays);

  static NeuronParams spiking(
      LayerSpec.Spiking spec,
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

  static NeuronParams silent(LayerSpec.Neuron spec, float alphaMem, float alphaSyn) {
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

  private static float minV(LayerSpec.Neuron spec) {
    return (float) or(spec.minVMem(), Double.NEGATIVE_INFINITY);
  }

  private static double or(@Nullable Double value, double otherwise) {
    return value == null ? otherwise : value;
  }
}
