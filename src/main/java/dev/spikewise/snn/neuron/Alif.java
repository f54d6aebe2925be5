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
        NeuronModel.leaky(spec, trained, NeuronModel.firing(spec, given)),
        Objects.requireNonNull(trained[ADAPT]),
        spec.adaptScale().floatValue(),
        spec.resetFn().equals(ResetFn.SUBTRACT));
  }

  /**
   * @param leak of the membrane potential and the synaptic current
   * @param subtractsThreshold whether a spike takes the adapted threshold off the potential
   */
  private record Dynamics(
      LeakyIntegrator leak, PerNeuron alphaAdapt, float adaptScale, boolean subtractsThreshold)
      implements Neuron {

    private Firing firing() {
      return leak.firing();
    }

    @Override
    public boolean spikes() {
      return true;
    }

    @Override
    public boolean synaptic() {
      return leak.synaptic();
    }

    @Override
    public boolean keepsCurrent() {
      return leak.keepsCurrent();
    }

    @Override
    public boolean adapts() {
      return true;
    }

    @Override
    public void forward(NeuronRange r, int n) {
      Firing firing = firing();
      float a = leak.alphaMem().at(n);
      float as = leak.synapticDecay(n);
      float ab = alphaAdapt.at(n);
      float scale = leak.inputScale(n);
      float v = r.v[r.vAt + n];
      float b = r.b[r.vAt + n];
      float current = 0;
      double count = 0;
      for (int t = 0; t < r.steps; t++) {
        int at = r.at(t, n);
        float x = r.input(t, n);
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
        r.output(t, n, s);
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
      Firing firing = firing();
      float a = leak.alphaMem().at(n);
      float as = leak.synapticDecay(n);
      float ab = alphaAdapt.at(n);
      float scale = leak.inputScale(n);
      float gv = 0;
      float gb = 0;
      float gCurrent = 0;
      r.startInputGradient(n);
      for (int t = r.steps - 1; t >= 0; t--) {
        int at = r.at(t, n);
        float u = r.u[at];
        float b = r.bBefore[at];
        float threshold = threshold(n, b);
        float value = resetValue(n, threshold);
        float s = firing.spike(u, threshold);
        float ext = r.outputGradient(t, n) + gb * (1 - ab);
        float gw = firing.isClipped(firing.reset(u, s, value)) ? 0 : gv;
        float du = firing.gradient(ext, gw, firing.gradient(u, threshold), u, s, value);
        r.gConstants[ADAPT].add(n, gb * (b - s));
        gb = ab * gb - (subtractsThreshold ? adaptScale * s * gw : 0);
        float di = du + gCurrent;
        float scaled = leak.normInput() ? di * (as * r.current[at]) : 0;
        r.gConstants[LeakyIntegrator.MEM].add(n, du * before(r, n, at, t) - scaled);
        float gx = scale * di;
        if (synaptic()) {
          r.gConstants[LeakyIntegrator.SYN].add(n, gx * r.current[at]);
          gx = FlushToZero.gradient(gx * as);
          gCurrent = gx;
        }
        r.inputGradient(t, n, gx);
        gv = a * du;
      }
    }

    /** Potential that step {@code t} started from. */
    private float before(NeuronRange r, int n, int at, int t) {
      if (t == 0) {
        return 0;
      }
      float u = r.u[at - r.neurons];
      float threshold = threshold(n, r.bBefore[at - r.neurons]);
      float s = firing().spike(u, threshold);
      return firing().clip(firing().reset(u, s, resetValue(n, threshold)));
    }

    private float threshold(int n, float b) {
      return firing().threshold().at(n) + adaptScale * b;
    }

    private float resetValue(int n, float threshold) {
      return subtractsThreshold ? threshold : firing().resetValue().at(n);
    }
  }
}
