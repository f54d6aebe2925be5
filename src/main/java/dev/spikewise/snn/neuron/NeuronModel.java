package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.ResetFn;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A neuron model: what it is trained by, and the numbers the kernels integrate it with. */
public sealed interface NeuronModel permits Iaf, Lif {

  static NeuronModel of(LayerSpec.Spiking spec) {
    return switch (spec) {
      case LayerSpec.IAF iaf -> new Iaf(iaf);
      case LayerSpec.LIF lif -> new Lif(lif);
    };
  }

  /** Trainable time constants under sinabs' names, with their initial values. */
  SequencedMap<String, Float> timeConstants();

  /** The model in numbers, {@code values} in the order of {@link #timeConstants}. */
  NeuronParams params(float[] values);

  /** dL/d(time constants) from dL/dalpha. */
  float[] gradients(float[] values, NeuronParams params, double gAlphaMem, double gAlphaSyn);

  static NeuronParams params(LayerSpec.Spiking spec, float alphaMem, float alphaSyn, boolean normInput) {
    boolean subtract = spec.resetFn().kind() == ResetFn.Kind.SUBTRACT;
    double reset = or(spec.resetFn().value(), subtract ? spec.spikeThreshold() : 0);
    return new NeuronParams(
        alphaMem,
        alphaSyn,
        normInput,
        true,
        spec.spikeThreshold().floatValue(),
        spec.spikeFn(),
        subtract,
        (float) reset,
        spec.sinabsCompat(),
        (float) or(spec.minVMem(), Double.NEGATIVE_INFINITY),
        spec.surrogateGradFn());
  }

  private static double or(@Nullable Double value, double otherwise) {
    return value == null ? otherwise : value;
  }
}
