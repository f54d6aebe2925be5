package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.Firing;
import dev.spikewise.snn.kernel.FlushToZero;
import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Leaky integrate and fire with a threshold that rises with every spike (Bellec et al. 2018,
 * arXiv:1803.09574).
 *
 * <pre>
 *   i = (norm_input ? 1 - a : 1) (tau_syn given ? a_s (i + x) : x)
 *   u = a v + i                                th = spike_threshold + adapt_scale b
 *   s = spike(u, th)                           v = reset(u, s, th)
 *   b = a_b b + (1 - a_b) s                    a = exp(-1 / tau_mem), a_s, a_b likewise
 * </pre>
 */
record Alif(NeuronSpec.ALIF spec) implements NeuronModel {

  /** Place of the gradient of a_b; the others are where {@link LeakyIntegrator} has them. */
  static final int ADAPT = 2;

  @Override
  public Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given) {
    return new Dynamics(
        Objects.requireNonNull(trained[LeakyIntegrator.MEM]),
        trained[LeakyIntegrator.SYN],
        Objects.requireNonNull(trained[ADAPT]),
        spec.adaptScale().floatValue(),
        spec.normInput(),
        spec.resetFn().equals(ResetFn.SUBTRACT),
        NeuronModel.firing(spec, given));
  }

  /**
   * @param subtractsThreshold whether a spike takes the adapted threshold off the potential
   */
  private record Dynamics(
      PerNeuron alphaMem,
      @Nullable PerNeuron alphaSyn,
      PerNeuron alphaAdapt,
      float adaptScale,
      boolean normInput,
      boolean subtractsThreshold,
      Firing firing)
      implements Neuron {

    @Override
    public boolean spikes() {
      return true;
    }

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
      return true;
    }

    @Override
    public void forward(NeuronRange r, int n) {
      float a = alphaMem.at(n);
      float as = alphaSyn == null ? 1 : alphaSyn.at(n);
      float ab = alphaAdapt.at(n);
      float scale = normInput ? 1 - a : 1;
      float v = r.v[r.vAt + n];
      float b = r.b[r.vAt + n];
      float current = 0;
      double count = 0;
      for (int t = 0; t < r.steps; t++) {
        int at = r.uAt + t * r.neurons + n;
        float x = r.x[r.xAt + t * r.xStep + n];
        float i = synaptic() ? current + x : x;
        // sinabs keeps the scaled current from step to step.
        current = scale * (as * i);
        float u = a * v + current;
        float threshold = threshold(n, b);
        float s = firing.spike(u, threshold);
        v = firing.clip(firing.reset(u, s, resetValue(n, threshold)));
        r.u[at] = u;
        r.bBefore[at] = b;
        if (keepsCurrent()) {
          r.current[at] = i;
        }
        r.s[r.sAt + t * r.sStep + n] = s;
        count += s;
        b = ab * b + (1 - ab) * s;
      }
      r.v[r.vAt + n] = v;
      r.b[r.vAt + n] = b;
      r.counts[n] += count;
    }

    /** The threshold gets its gradient from what a spike subtracts, not from the spike itself. */
    @Override
    public void backward(NeuronRange r, int n) {
      float a = alphaMem.at(n);
      float as = alphaSyn == null ? 1 : alphaSyn.at(n);
      float ab = alphaAdapt.at(n);
      float scale = normInput ? 1 - a : 1;
      float gv = 0;
      float gb = 0;
      float gCurrent = 0;
      float sum = 0;
      float rate = r.gRate == null ? 0 : r.gRate[n];
      for (int t = r.steps - 1; t >= 0; t--) {
        int at = r.uAt + t * r.neurons + n;
        float u = r.u[at];
        float b = r.bBefore[at];
        float threshold = threshold(n, b);
        float value = resetValue(n, threshold);
        float s = firing.spike(u, threshold);
        float ext = r.gs[r.gsAt + t * r.sStep + n] + rate + gb * (1 - ab);
        float gw = firing.isClipped(firing.reset(u, s, value)) ? 0 : gv;
        float du = firing.gradient(ext, gw, firing.gradient(u, threshold), s, value);
        r.gConstants[ADAPT].add(n, gb * (b - s));
        gb = ab * gb - (subtractsThreshold ? adaptScale * s * gw : 0);
        float di = du + gCurrent;
        float scaled = normInput ? di * (as * r.current[at]) : 0;
        r.gConstants[LeakyIntegrator.MEM].add(n, du * before(r, n, at, t) - scaled);
        float gx = scale * di;
        if (synaptic()) {
          r.gConstants[LeakyIntegrator.SYN].add(n, gx * r.current[at]);
          gx = FlushToZero.gradient(gx * as);
          gCurrent = gx;
        }
        if (r.gxStep == 0) {
          sum += gx;
        } else {
          r.gx[r.gxAt + t * r.gxStep + n] = gx;
        }
        gv = a * du;
      }
      if (r.gxStep == 0) {
        r.gx[r.gxAt + n] = sum;
      }
    }

    /** Potential that step {@code t} started from. */
    private float before(NeuronRange r, int n, int at, int t) {
      if (t == 0) {
        return 0;
      }
      float u = r.u[at - r.neurons];
      float threshold = threshold(n, r.bBefore[at - r.neurons]);
      float s = firing.spike(u, threshold);
      return firing.clip(firing.reset(u, s, resetValue(n, threshold)));
    }

    private float threshold(int n, float b) {
      return firing.threshold().at(n) + adaptScale * b;
    }

    private float resetValue(int n, float threshold) {
      return subtractsThreshold ? threshold : firing.resetValue().at(n);
    }
  }
}
