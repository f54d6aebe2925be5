package dev.spikewise.snn.optim;

import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.OptimizerSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's RMSprop: {@code q = alpha q + (1 - alpha) g^2, w -= lr g / (sqrt(q) + eps)}; centred,
 * the square of the mean gradient is subtracted from {@code q} under the root. A parameter without
 * a gradient is not updated.
 */
final class RmsProp implements Optimizer {

  private final OptimizerSpec.RmsProp spec;
  private final boolean centered;
  private final List<Averages> all;

  private record Averages(Parameter parameter, float[] squares, float[] mean, float[] momentum) {
    static Averages of(Parameter parameter) {
      int size = parameter.values().length;
      return new Averages(parameter, new float[size], new float[size], new float[size]);
    }

    /** Arrays by their names in PyTorch. */
    Map<String, float[]> named() {
      var named = new LinkedHashMap<String, float[]>();
      named.put(parameter.name() + ".square_avg", squares);
      named.put(parameter.name() + ".grad_avg", mean);
      named.put(parameter.name() + ".momentum_buffer", momentum);
      return named;
    }
  }

  RmsProp(OptimizerSpec.RmsProp spec, List<Parameter> parameters) {
    this.spec = spec;
    centered = Boolean.TRUE.equals(spec.centered());
    all = parameters.stream().map(Averages::of).toList();
  }

  @Override
  public void step(double learningRate, @Nullable Double momentum) {
    for (Averages averages : all) {
      if (averages.parameter.reached()) {
        step(averages, (float) learningRate, momentum == null ? spec.momentum() : momentum);
      }
    }
  }

  private void step(Averages averages, float rate, double cycled) {
    float keep = spec.alpha().floatValue();
    float add = (float) (1 - spec.alpha());
    float decay = spec.weightDecay().floatValue();
    float eps = spec.eps().floatValue();
    float momentum = (float) cycled;
    float[] values = averages.parameter.values();
    float[] gradient = averages.parameter.gradient();
    for (int i = 0; i < values.length; i++) {
      float g = gradient[i] + decay * values[i];
      float square = keep * averages.squares[i] + add * g * g;
      // Denormal numbers would slow down every later step without changing a weight.
      averages.squares[i] = square < Float.MIN_NORMAL ? 0 : square;
      if (centered) {
        averages.mean[i] += add * (g - averages.mean[i]);
        square -= averages.mean[i] * averages.mean[i];
      }
      // Rounding can make the variance slightly negative, whose root is NaN.
      float scaled = g / ((float) Math.sqrt(Math.max(square, 0)) + eps);
      averages.momentum[i] = momentum * averages.momentum[i] + scaled;
      values[i] -= rate * averages.momentum[i];
    }
  }

  @Override
  public StateDict state() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (Averages averages : all) {
      averages
          .named()
          .forEach((name, values) -> tensors.put(name, averages.parameter.toTorch(values)));
    }
    return new StateDict(tensors);
  }

  @Override
  public void restore(StateDict state) {
    for (Averages averages : all) {
      averages
          .named()
          .forEach(
              (name, values) ->
                  averages.parameter.fromTorch(
                      Objects.requireNonNull(state.tensors().get(name), name).data(), values));
    }
  }
}
