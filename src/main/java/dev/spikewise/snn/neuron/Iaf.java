package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.LayerSpec;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Integrate and fire without leak.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = v + i
 *   s = spike(u)                               v = reset(u, s)
 * </pre>
 */
record Iaf(LayerSpec.IAF spec) implements NeuronModel {

  @Override
  public SequencedMap<String, Float> timeConstants() {
    var constants = new LinkedHashMap<String, Float>();
    if (spec.tauSyn() != null) {
      constants.put("tau_syn", spec.tauSyn().floatValue());
    }
    return constants;
  }

  @Override
  public NeuronParams params(float[] values) {
    return NeuronModel.params(spec, 1, values.length == 0 ? Float.NaN : Decay.alpha(values[0]), false);
  }

  @Override
  public float[] gradients(float[] values, NeuronParams params, double gAlphaMem, double gAlphaSyn) {
    return values.length == 0
        ? values
        : new float[] {Decay.tauGradient(gAlphaSyn, params.alphaSyn(), values[0])};
  }
}
