package dev.spikewise.snn.optim;

import dev.spikewise.snn.kernel.AdamStep;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.OptimizerSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;

/**
 * PyTorch's Adam (Kingma and Ba 2015, arXiv:1412.6980): eps is added after bias correction, and a
 * parameter that no gradient reached makes no step.
 */
final class Adam implements Optimizer {

  private static final int CHUNK = 8192;

  private final OptimizerSpec.Adam spec;
  private final List<Moments> all;
  private final Kernels kernels;

  private static final class Moments {
    final Parameter parameter;
    final float[] first;
    final float[] second;
    int steps;

    Moments(Parameter parameter) {
      this.parameter = parameter;
      first = new float[parameter.values().length];
      second = new float[parameter.values().length];
    }
  }

  Adam(OptimizerSpec.Adam spec, List<Parameter> parameters, Kernels kernels) {
    this.spec = spec;
    this.kernels = kernels;
    all = parameters.stream().map(Moments::new).toList();
  }

  @Override
  public void step(double learningRate) {
    for (Moments m : all) {
      if (m.parameter.reached()) {
        m.steps++;
        AdamStep step = step(learningRate, m.steps);
        float[] values = m.parameter.values();
        float[] gradient = m.parameter.gradient();
        int chunks = (values.length + CHUNK - 1) / CHUNK;
        kernels
            .parallel()
            .run(
                chunks,
                i -> {
                  int to = Math.min(values.length, (i + 1) * CHUNK);
                  kernels.adam(step, values, gradient, m.first, m.second, i * CHUNK, to);
                });
      }
    }
  }

  private AdamStep step(double learningRate, int steps) {
    double beta1 = spec.betas().get(0);
    double beta2 = spec.betas().get(1);
    return new AdamStep(
        (float) (1 - beta1),
        (float) beta2,
        (float) (1 - beta2),
        (float) (learningRate / (1 - Math.pow(beta1, steps))),
        (float) Math.sqrt(1 - Math.pow(beta2, steps)),
        spec.weightDecay().floatValue(),
        spec.eps().floatValue());
  }

  /**
   * Moments under "NAME.exp_avg" and "NAME.exp_avg_sq" and step counts under "NAME.step", as
   * PyTorch names them.
   */
  @Override
  public StateDict state() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (Moments m : all) {
      String name = m.parameter.name();
      tensors.put(name + ".exp_avg", m.parameter.toTorch(m.first));
      tensors.put(name + ".exp_avg_sq", m.parameter.toTorch(m.second));
      // Bits rather than a value: a float counts only to 2^24.
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
      m.steps = Float.floatToRawIntBits(tensor(state, name + ".step").data()[0]);
    }
  }

  private static Tensor tensor(StateDict state, String name) {
    return Objects.requireNonNull(state.tensors().get(name), name);
  }
}
