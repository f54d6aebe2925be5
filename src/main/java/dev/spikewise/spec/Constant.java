package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A constant of a layer's neurons. In JSON a number that all of them share, or a list: one number
 * per channel, [C], or one per neuron in PyTorch's (C, H, W) order, [C * H * W]. For a flat input
 * of N features a list has N numbers.
 *
 * @param values the shared number as a single entry, or one number per channel or neuron
 * @param shared whether all neurons share one number
 */
public record Constant(List<Double> values, boolean shared) {

  public Constant {
    values = List.copyOf(values);
  }

  public static Constant of(double value) {
    return new Constant(List.of(value), true);
  }

  /** Same as {@link #of(double)}, but null for null. */
  public static @Nullable Constant ofNullable(@Nullable Double value) {
    return value == null ? null : of(value);
  }

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static Constant of(Object json) {
    if (json instanceof Number number) {
      return of(number.doubleValue());
    }
    if (json instanceof List<?> list
        && !list.isEmpty()
        && list.stream().allMatch(Number.class::isInstance)) {
      var values = new ArrayList<Double>(list.size());
      list.forEach(value -> values.add(((Number) value).doubleValue()));
      return new Constant(values, false);
    }
    throw new IllegalArgumentException(
        "must be a number, or a list of one number per channel or per neuron but was "
            + excerpt(String.valueOf(json)));
  }

  private static String excerpt(String text) {
    return text.length() <= 60 ? text : text.substring(0, 57) + "...";
  }

  @JsonValue
  public Object json() {
    return shared ? values.getFirst() : values;
  }

  /** The number that all neurons share, or null when they differ. */
  public @Nullable Double uniform() {
    double first = values.getFirst();
    return values.stream().allMatch(value -> value == first) ? first : null;
  }

  public double least() {
    return values.stream().mapToDouble(value -> value).min().orElseThrow();
  }

  /** The values in PyTorch's order, for a tensor of the shape that {@link #shape} returns. */
  public float[] floats() {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }

  /** Returns a constant with {@code change} applied to each value. */
  public Constant map(java.util.function.DoubleUnaryOperator change) {
    return new Constant(values.stream().map(change::applyAsDouble).toList(), shared);
  }

  /**
   * PyTorch's shape of the constant for neurons of shape {@code neurons}: () when shared, (C, 1, 1)
   * per channel, (C, H, W) per neuron; likewise (C, 1), (C, L) and (N).
   */
  public Shape shape(Shape neurons) {
    if (shared) {
      return Shape.of();
    }
    if (values.size() == neurons.size()) {
      return neurons;
    }
    var dims = new int[neurons.rank()];
    Arrays.fill(dims, 1);
    dims[0] = neurons.dim(0);
    return Shape.of(dims);
  }

  /** Reports a list whose length is neither the number of channels nor the number of neurons. */
  public boolean fits(Shape neurons, String name, Mistakes mistakes) {
    int channels = neurons.dim(0);
    return shared
        || mistakes.require(
            values.size() == channels || values.size() == neurons.size(),
            name,
            channels == neurons.size()
                ? "must have %d numbers, one per neuron, but has %d"
                    .formatted(channels, values.size())
                : "must have %d numbers, one per channel of %s, or %d, one per neuron, but has %d"
                    .formatted(channels, neurons, neurons.size(), values.size()));
  }

  /** Reports values that are not finite numbers above 0. */
  public boolean positive(String name, Mistakes mistakes) {
    return values.stream()
        .filter(value -> !(value > 0 && Double.isFinite(value)))
        .findFirst()
        .map(value -> mistakes.positive(value, name))
        .orElse(true);
  }

  @Override
  public String toString() {
    return excerpt(String.valueOf(json()));
  }
}
