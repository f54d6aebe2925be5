package dev.spikewise.snn.optim;

import dev.spikewise.snn.kernel.AdamStep;
import dev.spikewise.snn.kernel.FlushToZero;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.OptimizerSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's Adam (Kingma and Ba 2015, arXiv:1412.6980) and AdamW (Loshchilov and Hutter 2019,
 * arXiv:1711.05101), each also as AMSGrad (Reddi et al. 2018, arXiv:1904.09237): eps is added after
 * bias correction, and a parameter without a gradient is not updated.
 */
final class Adam implements Optimizer {

  private static final int CHUNK = 8192;

  private final OptimizerSpec.Adaptive spec;
  private final List<Moments> all;
  private final Kernels kernels;

  private static final class Moments {
    final Parameter parameter;
    final float[] first;
    final float[] second;
    final float @Nullable [] largestSecond;
    int steps;

    Moments(Parameter parameter, boolean amsgrad) {
      this.parameter = parameter;
      first = new float[parameter.values().length];
      second = new float[parameter.values().length];
      largestSecond = amsgrad ? new float[parameter.values().length] : null;
    }
  }

  Adam(OptimizerSpec.Adaptive spec, List<Parameter> parameters, Kernels kernels) {
    this.spec = spec;
    this.kernels = kernels;
    boolean amsgrad = Boolean.TRUE.equals(spec.amsgrad());
    all = parameters.stream().map(p -> new Moments(p, amsgrad)).toList();
  }

  @Override
  public void step(double learningRate, @Nullable Double momentum) {
    double beta1 = momentum == null ? spec.betas().get(0) : momentum;
    for (Moments m : all) {
      if (m.parameter.reached()) {
        m.steps++;
        AdamStep step = step(learningRate, beta1, m.steps);
        int size = m.parameter.values().length;
        kernels
            .parallel()
            .run(
                (size + CHUNK - 1) / CHUNK,
                i -> step(m, step, learningRate, i * CHUNK, Math.min(size, (i + 1) * CHUNK)));
      }
    }
  }

  private void step(Moments m, AdamStep step, double learningRate, int from, int to) {
    float[] values = m.parameter.values();
    if (spec.decoupled()) {
      float keep = (float) (1 - learningRate * spec.weightDecay());
      for (int i = from; i < to; i++) {
        values[i] *= keep;
      }
    }
    if (m.largestSecond == null) {
      kernels.adam(step, values, m.parameter.gradient(), m.first, m.second, from, to);
    } else {
      amsgrad(m, step, m.largestSecond, from, to);
    }
  }

  private static void amsgrad(Moments m, AdamStep s, float[] largestSecond, int from, int to) {
    float[] values = m.parameter.values();
    float[] gradient = m.parameter.gradient();
    for (int i = from; i < to; i++) {
      float g = gradient[i] + s.decay() * values[i];
      m.first[i] = FlushToZero.gradient(m.first[i] + s.add1() * (g - m.first[i]));
      m.second[i] = FlushToZero.gradient(s.keep2() * m.second[i] + s.add2() * g * g);
      largestSecond[i] = Math.max(largestSecond[i], m.second[i]);
      float root = (float) Math.sqrt(largestSecond[i]) / s.correction() + s.eps();
      values[i] -= s.size() * (m.first[i] / root);
    }
  }

  private AdamStep step(double learningRate, double beta1, int steps) {
    double beta2 = spec.betas().get(1);
    return new AdamStep(
        (float) (1 - beta1),
        (float) beta2,
        (float) (1 - beta2),
        (float) (learningRate / (1 - Math.pow(beta1, steps))),
        (float) Math.sqrt(1 - Math.pow(beta2, steps)),
        spec.decoupled() ? 0 : spec.weightDecay().floatValue(),
        spec.eps().floatValue());
  }

  /**
   * Moments under "NAME.exp_avg", "NAME.exp_avg_sq" and, for AMSGrad, "NAME.max_exp_avg_sq", and
   * step counts under "NAME.step", as PyTorch names them.
   */
  @Override
  public StateDict state() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (Moments m : all) {
      String name = m.parameter.name();
      tensors.put(name + ".exp_avg", m.parameter.toTorch(m.first));
      tensors.put(name + ".exp_avg_sq", m.parameter.toTorch(m.second));
      if (m.largestSecond != null) {
        tensors.put(name + ".max_exp_avg_sq", m.parameter.toTorch(m.largestSecond));
      }
      // The bits of an int, because a float represents integers exactly only up to 2^24.
      tensors.put(
          name + ".step", new Tensor(new int[0], new float[] {Float.intBitsToFloat(m.steps)}));
    }
    return new StateDict(tensors);
  }

  @Override
  public void restore(StateDict state) {
    for (Moments m : all) {
      String name = m.parameter.name();
      m.parameter.fromTorch(tensor(state, name + ".exp_avg").data(), m.first);
      m.parameter.fromTorch(tensor(state, name + ".exp_avg_sq").data(), m.second);
      if (m.largestSecond != null) {
        m.parameter.fromTorch(tensor(state, name + ".max_exp_avg_sq").data(), m.largestSecond);
      }
      m.steps = Float.floatToRawIntBits(tensor(state, name + ".step").data()[0]);
    }
  }

  private static Tensor tensor(StateDict state, String name) {
    return Objects.requireNonNull(state.tensors().get(name), name);
  }
}
