package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A layer and its place in the network. In JSON, its name and inputs stand among the layer's own
 * options.
 *
 * @param name of the layer in this model, unique, and the start of its parameters' names in a
 *     state_dict; its index when absent
 * @param inputs names of the layers whose outputs this layer reads, or "input" for the model's own
 *     input; the layer before when absent. Only Add and Concat read more than one
 * @param layer what is computed
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Node(
    @Nullable String name, @Nullable List<String> inputs, @JsonUnwrapped LayerSpec layer) {

  public Node {
    // An element can be null until its mistake has been reported.
    inputs =
        inputs == null
            ? null
            : java.util.Collections.unmodifiableList(new java.util.ArrayList<>(inputs));
  }

  /** A layer that is named after its index and reads the layer before it. */
  public static Node of(LayerSpec layer) {
    return new Node(null, null, layer);
  }

  /** Returns a node with the same name and inputs and another layer. */
  public Node with(LayerSpec layer) {
    return new Node(name, inputs, layer);
  }
}
