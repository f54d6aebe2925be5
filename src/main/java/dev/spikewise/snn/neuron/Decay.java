package dev.spikewise.snn.neuron;

/** How a time constant tau, in time steps, decays: alpha = exp(-1 / tau). */
final class Decay {

  private Decay() {}

  static float alpha(float tau) {
    return (float) Math.exp(-1 / tau);
  }

  /** dL/dtau from dL/dalpha. */
  static float tauGradient(double gAlpha, float alpha, float tau) {
    return (float) (gAlpha * alpha / ((double) tau * tau));
  }
}
