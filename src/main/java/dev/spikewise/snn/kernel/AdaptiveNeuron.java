package dev.spikewise.snn.kernel;

import dev.spikewise.snn.kernel.NeuronParams.Adaptation;
import java.util.Objects;

/** A neuron with an adaptive threshold through time, and back. */
final class AdaptiveNeuron {

  private AdaptiveNeuron() {}

  static void forward(NeuronParams p, NeuronRange r, int n) {
    Adaptation a = Objects.requireNonNull(p.adaptation());
    float v = r.v[r.vAt + n];
    float b = r.b[r.vAt + n];
    float current = 0;
    double count = 0;
    for (int t = 0; t < r.steps; t++) {
      int at = r.uAt + t * r.neurons + n;
      float x = r.x[r.xAt + t * r.xStep + n];
      float i = p.synaptic() ? p.alphaSyn() * (current + x) : x;
      // sinabs keeps the scaled current from step to step.
      current = p.inputScale() * i;
      float u = p.alphaMem() * v + current;
      float threshold = p.threshold() + a.scale() * b;
      float s = ScalarKernels.spike(p, u, threshold);
      v = ScalarKernels.clip(p, ScalarKernels.reset(p, u, s, resetValue(p, a, threshold)));
      r.u[at] = u;
      r.bBefore[at] = b;
      if (p.keepsCurrent()) {
        r.current[at] = i;
      }
      r.s[r.sAt + t * r.sStep + n] = s;
      count += s;
      b = a.alpha() * b + (1 - a.alpha()) * s;
    }
    r.v[r.vAt + n] = v;
    r.b[r.vAt + n] = b;
    r.counts[n] += count;
  }

  /** The threshold gets its gradient from what a spike subtracts, not from the spike itself. */
  static void backward(NeuronParams p, NeuronRange r, int n) {
    Adaptation a = Objects.requireNonNull(p.adaptation());
    float gv = 0;
    float gb = 0;
    float gCurrent = 0;
    float sum = 0;
    float rate = r.gRate == null ? 0 : r.gRate[n];
    for (int t = r.steps - 1; t >= 0; t--) {
      int at = r.uAt + t * r.neurons + n;
      float u = r.u[at];
      float b = r.bBefore[at];
      float threshold = p.threshold() + a.scale() * b;
      float value = resetValue(p, a, threshold);
      float s = ScalarKernels.spike(p, u, threshold);
      float ext = r.gs[r.gsAt + t * r.sStep + n] + rate + gb * (1 - a.alpha());
      float gw = p.clips() && !(ScalarKernels.reset(p, u, s, value) - p.minV() > 0) ? 0 : gv;
      float g = Surrogates.gradient(Objects.requireNonNull(p.surrogate()), u, threshold);
      float du = p.subtract() ? (ext - value * gw) * g + gw : ext * g + (s == 0 ? gw : 0);
      du = FlushToZero.gradient(du);
      r.gAlphaAdapt += gb * (b - s);
      gb = a.alpha() * gb - (a.subtractsThreshold() ? a.scale() * s * gw : 0);
      float di = du + gCurrent;
      r.gAlphaMem += du * before(p, a, r, at, t) - (p.normInput() ? di * r.current[at] : 0);
      float gx = p.inputScale() * di;
      if (p.synaptic()) {
        r.gAlphaSyn += gx * (r.current[at] / p.alphaSyn());
        gx = FlushToZero.gradient(gx * p.alphaSyn());
        gCurrent = gx;
      }
      if (r.gxStep == 0) {
        sum += gx;
      } else {
        r.gx[r.gxAt + t * r.gxStep + n] = gx;
      }
      gv = p.alphaMem() * du;
    }
    if (r.gxStep == 0) {
      r.gx[r.gxAt + n] = sum;
    }
  }

  /** Potential that step {@code t} started from. */
  private static float before(NeuronParams p, Adaptation a, NeuronRange r, int at, int t) {
    if (t == 0) {
      return 0;
    }
    float u = r.u[at - r.neurons];
    float threshold = p.threshold() + a.scale() * r.bBefore[at - r.neurons];
    float s = ScalarKernels.spike(p, u, threshold);
    return ScalarKernels.clip(p, ScalarKernels.reset(p, u, s, resetValue(p, a, threshold)));
  }

  private static float resetValue(NeuronParams p, Adaptation a, float threshold) {
    return a.subtractsThreshold() ? threshold : p.resetValue();
  }
}
