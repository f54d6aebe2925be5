package dev.spikewise.snn.transform;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Replaces or removes layers of a model; readers of a removed layer read its input instead. In a
 * sequence without names, later layers move up and are renamed by their new index; otherwise every
 * layer keeps its name.
 */
final class Rewrite {

  private final ModelSpec model;
  private final Graph graph;
  private final List<@Nullable LayerSpec> layers;

  Rewrite(ModelSpec model) {
    this.model = model;
    graph = model.graph();
    layers = new ArrayList<>(model.layers());
  }

  Graph graph() {
    return graph;
  }

  /** Current layer at {@code index}; null when it has been removed. */
  @Nullable LayerSpec layer(int index) {
    return layers.get(index);
  }

  void replace(int index, LayerSpec layer) {
    layers.set(index, layer);
  }

  void leaveOut(int index) {
    layers.set(index, null);
  }

  /** Index of the layer that layer {@code index} reads after the removals. */
  int source(int index) {
    int at = graph.layer(index).input();
    while (at != Graph.INPUT_INDEX && layers.get(at) == null) {
      at = graph.layer(at).input();
    }
    return at;
  }

  /** Whether {@code reader} is the only reader of {@code index}, ignoring removed layers. */
  boolean isOnlyReader(int reader, int index) {
    int at = reader;
    while (at != index) {
      at = graph.layer(at).input();
      if (graph.consumers(at).size() > 1) {
        return false;
      }
    }
    return true;
  }

  private boolean isPlain() {
    return model.nodes().stream().allMatch(n -> n.name() == null && n.inputs() == null);
  }

  /**
   * Builds the resulting model, with tensors renamed accordingly.
   *
   * @param tensors tensors by the names of the original layers
   */
  TrainedModel build(@Nullable String name, Map<String, Tensor> tensors) {
    boolean plain = isPlain();
    var nodes = new ArrayList<Node>();
    var names = new HashMap<Integer, String>();
    for (Graph.Vertex vertex : graph.layers()) {
      LayerSpec layer = layers.get(vertex.index());
      if (layer != null) {
        names.put(vertex.index(), plain ? Integer.toString(nodes.size()) : vertex.name());
        nodes.add(plain ? Node.of(layer) : new Node(vertex.name(), inputs(vertex), layer));
      }
    }
    String output = model.output() == null ? null : nameOf(graph.output().index());
    return new TrainedModel(
        new ModelSpec(name, model.inputShape(), nodes, output), renamed(tensors, names));
  }

  private List<String> inputs(Graph.Vertex vertex) {
    return vertex.inputs().stream().map(this::nameOf).toList();
  }

  /** Name of a layer, or of its replacement. */
  private String nameOf(int index) {
    int at = index;
    while (at != Graph.INPUT_INDEX && layers.get(at) == null) {
      at = graph.layer(at).input();
    }
    return at == Graph.INPUT_INDEX ? Graph.INPUT : graph.layer(at).name();
  }

  private StateDict renamed(Map<String, Tensor> tensors, Map<Integer, String> names) {
    var renamed = new LinkedHashMap<String, Tensor>();
    for (Graph.Vertex vertex : graph.layers()) {
      LayerSpec layer = layers.get(vertex.index());
      if (layer != null) {
        var parameters = layer.parameters(vertex.inputShape());
        parameters.putAll(layer.buffers(vertex.inputShape()));
        for (String parameter : parameters.keySet()) {
          String key = vertex.name() + "." + parameter;
          renamed.put(
              names.get(vertex.index()) + "." + parameter,
              Objects.requireNonNull(tensors.get(key), key));
        }
      }
    }
    return new StateDict(renamed);
  }
}
