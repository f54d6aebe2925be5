package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A sequential network. A layer is named by its index, as in PyTorch's {@code nn.Sequential}: "0",
 * "1", ...
 *
 * @param inputShape one sample at one time step, (C, H, W), (C, L) or (features)
 * @param name for people
 * @param layers in the order in which they compute
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ModelSpec(@Nullable String name, List<Integer> inputShape, List<LayerSpec> layers)
    implements Checked {

  /** Largest number of weights of a layer, and of values in any one tensor of a sample and step. */
  public static final int MAX_SIZE = 1 << 26;

  public ModelSpec {
    inputShape = inputShape == null ? List.of() : List.copyOf(inputShape);
    // An element can be null while mistakes are still being collected.
    layers =
        layers == null
            ? List.of()
            : java.util.Collections.unmodifiableList(new ArrayList<>(layers));
  }

  /**
   * Reports everything wrong with this definition, up to the first layer that does not fit the one
   * before it.
   */
  @Override
  public void check(Mistakes mistakes) {
    if (name != null) {
      mistakes.name(name, "name");
    }
    if (mistakes.require(
        inputShape.size() >= 1 && inputShape.size() <= 3,
        "input_shape",
        inputShape.isEmpty()
            ? "is missing: give [channels, height, width], [channels, length] or [features]"
            : "must be [channels, height, width], [channels, length] or [features], was "
                + inputShape)) {
      for (int i = 0; i < inputShape.size(); i++) {
        mistakes.in("input_shape").atLeast(inputShape.get(i), 1, Integer.toString(i));
      }
    }
    mistakes.require(!layers.isEmpty(), "layers", "must have at least one layer");
    for (int i = 0; i < layers.size(); i++) {
      var at = mistakes.in("layers").in(i);
      if (layers.get(i) == null) {
        at.add("must be a layer, was null");
      } else {
        layers.get(i).check(at);
      }
    }
    // Shapes mean something only once every layer is right in itself.
    if (mistakes.isEmpty()) {
      infer(mistakes);
    }
  }

  /**
   * The shape before the first layer and after each: {@code layers.size() + 1} shapes.
   *
   * @throws InvalidSpecException naming the first layer that does not fit
   */
  public List<Shape> shapes() {
    var mistakes = new Mistakes();
    var shapes = infer(mistakes);
    mistakes.throwIfAny();
    return shapes;
  }

  private List<Shape> infer(Mistakes mistakes) {
    var shapes = new ArrayList<Shape>();
    var shape = new Shape(inputShape);
    if (tooLarge(shape, mistakes.in("input_shape"))) {
      return shapes;
    }
    shapes.add(shape);
    for (int i = 0; i < layers.size(); i++) {
      var at = mistakes.in("layers").in(i);
      var next = layers.get(i).outputShape(shape, at);
      if (next == null
          || tooLarge(next, at)
          || layers.get(i).parameters(shape).values().stream()
              .anyMatch(weights -> tooLarge(weights, at))) {
        return shapes;
      }
      shapes.add(next);
      shape = next;
    }
    return shapes;
  }

  /** Says that a tensor has more than {@code most} values. */
  public static String tooLarge(Shape shape, int most) {
    return "a tensor of shape %s is larger than %d values (spikewise.limits.tensor-values)"
        .formatted(shape, most);
  }

  private static boolean tooLarge(Shape shape, Mistakes mistakes) {
    long size = 1;
    for (int d : shape.dims()) {
      size = d > MAX_SIZE ? MAX_SIZE + 1L : size * d;
      if (size > MAX_SIZE) {
        mistakes.add(tooLarge(shape, MAX_SIZE));
        return true;
      }
    }
    return false;
  }
}
