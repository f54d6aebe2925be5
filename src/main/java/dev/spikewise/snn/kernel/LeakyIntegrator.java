package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SpikeFn;
import org.jspecify.annotations.Nullable;

/**
 * Equations of a leaky integrator: IAF (alphaMem 1), LIF, and ExpLeak (no spikes).
 *
 * <pre>
 *   i = x, or with a synaptic current  c + x, c = a_s i
 *   u = a v + scale a_s i                      scale = norm_input ? 1 - a : 1, a_s = 1 without c
 *   s = spike(u)                               v = clip(reset(u, s))
 * </pre>
 *
 * @param alphaMem decay of the membrane potential per step
 * @param alphaSyn decay of the synaptic current per step; null without a synaptic current
 * @param spikes whether the output is spikes, or the membrane potential itself
 */
public record LeakyIntegrator(
    PerNeuron alphaMem,
    @Nullable PerNeuron alphaSyn,
    boolean normInput,
    boolean spikes,
    Firing firing)
    implements Neuron {

  /** Indices of the gradients of the decays. */
  public static final int MEM = 0;

  public static final int SYN = 1;

  @Override
  public boolean synaptic() {
    return alphaSyn != null;
  }

  @Override
  public boolean keepsCurrent() {
    return normInput || synaptic();
  }

  @Override
  public boolean adapts() {
    return false;
  }

  /** Whether the membrane potential decays. */
  public boolean leaks() {
    return !alphaMem.is(1);
  }

  /** Decay of the synaptic current per step; 1 without a synaptic current. */
  public float synapticDecay(int n) {
    return alphaSyn == null ? 1 : alphaSyn.at(n);
  }

  /** Factor of the current in the potential. */
  public float inputScale(int n) {
    return normInput ? 1 - alphaMem.at(n) : 1;
  }

  /**
   * Whether this is sinabs' default IAF: several spikes per step, reset by subtraction, no lower
   * bound.
   */
  public boolean isPlain() {
    return !leaks()
        && !keepsCurrent()
        && spikes
        && firing.spikeFn().kind() == SpikeFn.Kind.MULTI
        && firing.subtract()
        && !firing.detached()
        && firing.threshold().each() == null
        && firing.resetValue().is(firing.threshold().shared())
        && !firing.clips();
  }

  /** Integrate, spike, reset, clip. */
  @Override
  public void forward(NeuronRange r, int n) {
    float a = alphaMem.at(n);
    float as = synapticDecay(n);
    float scale = inputScale(n);
    float threshold = firing.threshold().at(n);
    float resetValue = firing.resetValue().at(n);
    float v = r.v[r.vAt + n];
    float current = synaptic() ? r.synapticCurrent[r.vAt + n] : 0;
    double count = 0;
    for (int t = 0; t < r.steps; t++) {
      int at = r.at(t, n);
      float x = r.input(t, n);
      float i = synaptic() ? current + x : x;
      current = as * i;
      float u = a * v + scale * current;
      float s = spikes ? firing.spike(u, threshold) : u;
      v = potentialAfter(u, s, resetValue);
      r.u[at] = u;
      if (keepsCurrent()) {
        r.current[at] = i;
      }
      r.output(t, n, s);
      count += s;
    }
    r.v[r.vAt + n] = v;
    if (synaptic()) {
      r.synapticCurrent[r.vAt + n] = current;
    }
    r.counts[n] += count;
  }

  @Override
  public void output(NeuronRange r, int n) {
    float threshold = firing.threshold().at(n);
    for (int t = 0; t < r.steps; t++) {
      float u = r.u[r.at(t, n)];
      r.output(t, n, spikes ? firing.spike(u, threshold) : u);
    }
  }

  @Override
  public void backward(NeuronRange r, int n) {
    float a = alphaMem.at(n);
    float as = synapticDecay(n);
    float scale = inputScale(n);
    float threshold = firing.threshold().at(n);
    float resetValue = firing.resetValue().at(n);
    float gv = r.isOneOfSeveral() ? r.gv[r.gvAt + n] : 0;
    float gCurrent = r.isOneOfSeveral() ? r.gCurrent[r.gvAt + n] : 0;
    r.startInputGradient(n);
    for (int t = r.steps - 1; t >= 0; t--) {
      int at = r.at(t, n);
      float u = r.u[at];
      float ext = r.outputGradient(t, n);
      float s = spikes ? firing.spike(u, threshold) : u;
      float gw = firing.isClipped(spikes ? firing.reset(u, s, resetValue) : u) ? 0 : gv;
      float du =
          spikes
              ? firing.gradient(ext, gw, firing.gradient(u, threshold), u, s, resetValue)
              : FlushToZero.gradient(ext + gw);
      float gx = scale * du + gCurrent;
      if (synaptic()) {
        r.gConstants[SYN].add(n, gx * r.current[at]);
        gx = FlushToZero.gradient(gx * as);
        gCurrent = gx;
      }
      if (keepsCurrent() || leaks()) {
        float vBefore = 0;
        if (t > 0 || r.hasEarlier) {
          float before = r.u[at - r.neurons];
          float spiked = spikes ? firing.spike(before, threshold) : before;
          vBefore = potentialAfter(before, spiked, resetValue);
        }
        r.gConstants[MEM].add(n, du * (vBefore - (normInput ? as * r.current[at] : 0)));
      }
      r.inputGradient(t, n, gx);
      gv = a * du;
    }
    if (r.isOneOfSeveral()) {
      r.gv[r.gvAt + n] = gv;
      r.gCurrent[r.gvAt + n] = gCurrent;
    }
  }

  private float potentialAfter(float u, float s, float resetValue) {
    return firing.clip(spikes ? firing.reset(u, s, resetValue) : u);
  }
}
