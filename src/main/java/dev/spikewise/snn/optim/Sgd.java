package dev.spikewise.snn.optim;

import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.OptimizerSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's SGD: {@code m = momentum m + g, w -= lr m}, or with Nesterov momentum {@code w -= lr (g
 * + momentum m)}. A parameter without a gradient is not updated.
 */
final class Sgd implements Optimizer {

  private final OptimizerSpec.Sgd spec;
  private final List<Parameter> parameters;
  private final List<float[]> momenta;

  Sgd(OptimizerSpec.Sgd spec, List<Parameter> parameters) {
    this.spec = spec;
    this.parameters = parameters;
    momenta = parameters.stream().map(p -> new float[p.values().length]).toList();
  }

  @Override
  public void step(double learningRate, @Nullable Double cycled) {
    float rate = (float) learningRate;
    float keep = (cycled == null ? spec.momentum() : cycled).floatValue();
    float decay = spec.weightDecay().floatValue();
    boolean nesterov = Boolean.TRUE.equals(spec.nesterov());
    for (int p = 0; p < momenta.size(); p++) {
      if (parameters.get(p).reached()) {
        float[] values = parameters.get(p).values();
        float[] gradient = parameters.get(p).gradient();
        float[] momentum = momenta.get(p);
        for (int i = 0; i < values.length; i++) {
          float g = gradient[i] + decay * values[i];
          momentum[i] = keep * momentum[i] + g;
          values[i] -= rate * (nesterov ? g + keep * momentum[i] : momentum[i]);
        }
      }
    }
  }

  @Override
  public StateDict state() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int p = 0; p < momenta.size(); p++) {
      tensors.put(key(p), parameters.get(p).toTorch(momenta.get(p)));
    }
    return new StateDict(tensors);
  }

  @Override
  public void restore(StateDict state) {
    for (int p = 0; p < momenta.size(); p++) {
      parameters
          .get(p)
          .fromTorch(
              Objects.requireNonNull(state.tensors().get(key(p)), key(p)).data(), momenta.get(p));
    }
  }

  private String key(int p) {
    return parameters.get(p).name() + ".momentum_buffer";
  }
}
