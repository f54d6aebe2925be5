package dev.spikewise.snn.neuron;

import dev.spikewise.spec.layer.NeuronSpec;

/**
 * How much of potential, synaptic current and adaptation is left after a step: alpha = exp(-1 /
 * tau), tau in time steps. What is trained is tau, or with {@code train_alphas} alpha itself. NaN
 * where the neuron has no such constant.
 */
public record Decays(float mem, float syn, float adapt) {

  /**
   * @param values in the order of {@link NeuronSpec#timeConstants}
   */
  public static Decays of(NeuronSpec spec, float[] values) {
    int next = 0;
    float mem = spec.tauMem() == null ? Float.NaN : alpha(spec, values[next++]);
    float adapt = spec.tauAdapt() == null ? Float.NaN : alpha(spec, values[next++]);
    float syn = spec.tauSyn() == null ? Float.NaN : alpha(spec, values[next]);
    return new Decays(mem, syn, adapt);
  }

  private static float alpha(NeuronSpec spec, float value) {
    return spec.trainAlphas() ? value : (float) Math.exp(-1 / value);
  }

  /** dL/d(time constants), in the order of their values, from dL/dalpha. */
  public float[] gradients(
      NeuronSpec spec, float[] values, double gMem, double gSyn, double gAdapt) {
    var gradients = new float[values.length];
    int next = 0;
    if (spec.tauMem() != null) {
      gradients[next] = gradient(spec, gMem, mem, values[next++]);
    }
    if (spec.tauAdapt() != null) {
      gradients[next] = gradient(spec, gAdapt, adapt, values[next++]);
    }
    if (spec.tauSyn() != null) {
      gradients[next] = gradient(spec, gSyn, syn, values[next]);
    }
    return gradients;
  }

  private static float gradient(NeuronSpec spec, double gAlpha, float alpha, float value) {
    return (float) (spec.trainAlphas() ? gAlpha : gAlpha * alpha / ((double) value * value));
  }
}
