package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.spec.LayerSpec;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Leaky integrate and fire.
 *
 * <pre>
 *   i = tau_syn given ? a_s (i + x) : x        u = a v + (norm_input ? 1 - a : 1) i
 *   s = spike(u)                               v = reset(u, s)
 *   a = exp(-1 / tau_mem)                      a_s = exp(-1 / tau_syn)
 * </pre>
 *
 * Trained by its time constants, or by a and a_s themselves with {@code train_alphas}.
 */
record Lif(LayerSpec.LIF spec) implements NeuronModel {

  @Override
  public SequencedMap<String, Float> timeConstants() {
    var constants = new LinkedHashMap<String, Float>();
    put(constants, "mem", spec.tauMem());
    if (spec.tauSyn() != null) {
      put(constants, "syn", spec.tauSyn());
    }
    return constants;
  }

  private void put(SequencedMap<String, Float> constants, String which, double tau) {
    if (spec.trainAlphas()) {
      constants.put("alpha_" + which, Decay.alpha((float) tau));
    } else {
      constants.put("tau_" + which, (float) tau);
    }
  }

  @Override
  public NeuronParams params(float[] values) {
    return NeuronModel.params(
        spec, alpha(values[0]), values.length > 1 ? alpha(values[1]) : Float.NaN, spec.normInput());
  }

  private float alpha(float value) {
    return spec.trainAlphas() ? value : Decay.alpha(value);
  }

  @Override
  public float[] gradients(float[] values, NeuronParams params, double gAlphaMem, double gAlphaSyn) {
    var gradients = new float[values.length];
    gradients[0] = gradient(gAlphaMem, params.alphaMem(), values[0]);
    if (values.length > 1) {
      gradients[1] = gradient(gAlphaSyn, params.alphaSyn(), values[1]);
    }
    return gradients;
  }

  private float gradient(double gAlpha, float alpha, float value) {
    return spec.trainAlphas() ? (float) gAlpha : Decay.tauGradient(gAlpha, alpha, value);
  }
}
