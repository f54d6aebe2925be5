package dev.spikewise.snn.neuron;

import dev.spikewise.snn.kernel.Firing;
import dev.spikewise.snn.kernel.FlushToZero;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Adaptive leaky integrate and fire (Bittar and Garner 2022, doi:10.3389/fnins.2022.865897), as in
 * the authors' code, with an initial state of zeros.
 *
 * <pre>
 *   w = beta w + a u + b s                     u, s of the step before
 *   u = alpha (u - th s) + (1 - alpha) (x - w)
 *   s = spike(u, th)                           th = spike_threshold
 * </pre>
 *
 * alpha, beta, a and b are trained and clamped to the authors' ranges.
 */
record AdLif(NeuronSpec.AdLIF spec) implements NeuronModel {

  private static final int ALPHA = 0;
  private static final int BETA = 1;
  private static final int A = 2;
  private static final int B = 3;

  @Override
  public List<Trained> trained() {
    var trained = new ArrayList<Trained>();
    int place = 0;
    for (var constant : NeuronSpec.AdLIF.RANGES.entrySet()) {
      trained.add(
          new Trained(
              constant.getKey(),
              spec.timeConstants().get(constant.getKey()),
              place++,
              new Trained.Bounded(
                  constant.getValue().least().floatValue(),
                  constant.getValue().most().floatValue())));
    }
    return trained;
  }

  @Override
  public Neuron with(@Nullable PerNeuron[] trained, UnaryOperator<PerNeuron> given) {
    return new Dynamics(
        Objects.requireNonNull(trained[ALPHA]),
        Objects.requireNonNull(trained[BETA]),
        Objects.requireNonNull(trained[A]),
        Objects.requireNonNull(trained[B]),
        NeuronModel.firing(spec, given));
  }

  /** Keeps u as the potential, w as the adaptation, and its value after every step. */
  private record Dynamics(PerNeuron alpha, PerNeuron beta, PerNeuron a, PerNeuron b, Firing firing)
      implements Neuron {

    @Override
    public boolean spikes() {
      return true;
    }

    @Override
    public boolean synaptic() {
      return false;
    }

    /** The input of every step, from which the gradient of alpha comes. */
    @Override
    public boolean keepsCurrent() {
      return true;
    }

    @Override
    public boolean adapts() {
      return true;
    }

    @Override
    public void forward(NeuronRange r, int n) {
      float alpha = this.alpha.at(n);
      float beta = this.beta.at(n);
      float a = this.a.at(n);
      float b = this.b.at(n);
      float threshold = firing.threshold().at(n);
      float u = r.v[r.vAt + n];
      float w = r.b[r.vAt + n];
      float s = firing.spike(u, threshold);
      double count = 0;
      for (int t = 0; t < r.steps; t++) {
        int at = r.at(t, n);
        float x = r.input(t, n);
        w = beta * w + a * u + b * s;
        u = alpha * (u - threshold * s) + (1 - alpha) * (x - w);
        s = firing.spike(u, threshold);
        r.u[at] = u;
        r.bBefore[at] = w;
        r.current[at] = x;
        r.output(t, n, s);
        count += s;
      }
      r.v[r.vAt + n] = u;
      r.b[r.vAt + n] = w;
      r.counts[n] += count;
    }

    /**
     * With gu and gw from the step after: {@code gs = dL/ds + b gw - alpha th gu}, {@code du = gs
     * g(u, th) + alpha gu + a gw}, {@code dw = beta gw - (1 - alpha) du}.
     */
    @Override
    public void backward(NeuronRange r, int n) {
      float alpha = this.alpha.at(n);
      float beta = this.beta.at(n);
      float a = this.a.at(n);
      float b = this.b.at(n);
      float threshold = firing.threshold().at(n);
      float gu = 0;
      float gw = 0;
      r.startInputGradient(n);
      for (int t = r.steps - 1; t >= 0; t--) {
        int at = r.at(t, n);
        float u = r.u[at];
        float w = r.bBefore[at];
        float before = t == 0 ? 0 : r.u[at - r.neurons];
        float wBefore = t == 0 ? 0 : r.bBefore[at - r.neurons];
        float spiked = firing.spike(before, threshold);
        float gs = r.outputGradient(t, n) + b * gw - alpha * threshold * gu;
        float g = firing.gradient(u, threshold);
        float du = FlushToZero.gradient(gs * g + alpha * gu + a * gw);
        float dw = FlushToZero.gradient(beta * gw - (1 - alpha) * du);
        float x = r.current[at];
        r.gConstants[ALPHA].add(n, du * (before - threshold * spiked - (x - w)));
        r.gConstants[BETA].add(n, dw * wBefore);
        r.gConstants[A].add(n, dw * before);
        r.gConstants[B].add(n, dw * spiked);
        float gx = (1 - alpha) * du;
        r.inputGradient(t, n, gx);
        gu = du;
        gw = dw;
      }
    }
  }
}
