package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A network: layers that read each other's outputs, or the model's own input, which is called
 * "input". A layer without a name is named after its index, as in PyTorch's {@code nn.Sequential}:
 * "0", "1", ..., and a layer without inputs reads the layer before it.
 *
 * @param inputShape one sample at one time step, (C, H, W), (C, L) or (features)
 * @param name Display name of the model.
 * @param nodes the layers, in any order; their weights are drawn in the order of this list
 * @param output name of the layer whose output is the model's; the only layer that no other reads
 *     when absent
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ModelSpec(
    @Nullable String name,
    List<Integer> inputShape,
    @JsonProperty("layers") List<Node> nodes,
    @Nullable String output)
    implements Checked {

  /** Largest number of weights of a layer, and of values in any one tensor of a sample and step. */
  public static final int MAX_SIZE = 1 << 26;

  public ModelSpec {
    inputShape = inputShape == null ? List.of() : List.copyOf(inputShape);
    // An element can be null until its mistake has been reported.
    nodes =
        nodes == null ? List.of() : java.util.Collections.unmodifiableList(new ArrayList<>(nodes));
  }

  /** Creates a sequence of layers. */
  public static ModelSpec sequence(
      @Nullable String name, List<Integer> inputShape, List<LayerSpec> layers) {
    return new ModelSpec(name, inputShape, layers.stream().map(Node::of).toList(), null);
  }

  /** The layers without their names and inputs, in the order of the definition. */
  public List<LayerSpec> layers() {
    return nodes.stream().map(Node::layer).toList();
  }

  /**
   * Reports all mistakes in this definition. Among layers that do not fit, only those that do not
   * depend on another such layer are reported.
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
            : "must be [channels, height, width], [channels, length] or [features] but was "
                + inputShape)) {
      for (int i = 0; i < inputShape.size(); i++) {
        mistakes.in("input_shape").atLeast(inputShape.get(i), 1, Integer.toString(i));
      }
    }
    mistakes.require(!nodes.isEmpty(), "layers", "must have at least one layer");
    for (int i = 0; i < nodes.size(); i++) {
      var at = mistakes.in("layers").in(i);
      if (nodes.get(i) == null) {
        at.add("must be a layer but was null");
      } else {
        nodes.get(i).layer().check(at);
      }
    }
    // Names, order and shapes can be checked only when every layer is valid by itself.
    if (mistakes.isEmpty()) {
      Graph.of(this, mistakes);
    }
  }

  /**
   * The layers with their names, inputs and shapes, in the order in which they compute.
   *
   * @throws InvalidSpecException naming every layer that does not fit its inputs
   */
  public Graph graph() {
    var mistakes = new Mistakes();
    var graph = Graph.of(this, mistakes);
    mistakes.throwIfAny();
    return Objects.requireNonNull(graph);
  }

  /** Message that a tensor has more than {@code most} values. */
  public static String tooLarge(Shape shape, int most) {
    return "a tensor of shape %s is larger than %d values (spikewise.limits.tensor-values)"
        .formatted(shape, most);
  }

  static boolean tooLarge(Shape shape, Mistakes mistakes) {
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
