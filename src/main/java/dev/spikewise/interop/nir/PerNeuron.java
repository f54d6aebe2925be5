package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import tools.jackson.databind.node.ObjectNode;

/** Reads and writes layers whose neurons have different constants, neuron by neuron. */
final class PerNeuron {

  /** Constants that a layer has a list for where its neurons differ. */
  static final List<String> CONSTANTS = List.of("tau_mem", "tau_syn", "spike_threshold");

  /** Most neurons with constants of their own in a layer; each is a number in the definition. */
  private static final int MOST = 1 << 16;

  private PerNeuron() {}

  /**
   * Reads the layer of a node neuron by neuron.
   *
   * @param shared reads a node whose neurons share their constants
   */
  static NeuronSpec read(NirNode node, Function<NirNode, ? extends NeuronSpec> shared) {
    Tensor widest = null;
    for (var field : node.fields().entrySet()) {
      Tensor tensor = field.getValue();
      if (tensor.data().length > 1 && !node.isUniform(field.getKey())) {
        if (widest != null && widest.data().length != tensor.data().length) {
          throw node.invalid(field.getKey(), "must have as many values as the node has neurons");
        }
        widest = tensor;
      }
    }
    if (widest == null) {
      return shared.apply(node);
    }
    int channels = widest.shape()[0];
    int each = byChannel(node, widest) ? widest.data().length / channels : 1;
    int n = widest.data().length / each;
    if (n > MOST) {
      throw node.invalid(null, "has more than " + MOST + " neurons that differ");
    }
    Map<List<Float>, ObjectNode> known = new HashMap<>();
    var neurons = new ArrayList<ObjectNode>();
    for (int k = 0; k < n; k++) {
      NirNode one = neuron(node, k * each, widest.data().length);
      List<Float> values = one.fields().values().stream().map(t -> t.data()[0]).toList();
      neurons.add(known.computeIfAbsent(values, key -> SpecJson.json(shared.apply(one))));
    }
    ObjectNode layer = neurons.getFirst().deepCopy();
    for (String constant : CONSTANTS) {
      if (layer.has(constant)) {
        var list = layer.putArray(constant);
        neurons.forEach(neuron -> list.add(neuron.get(constant)));
      }
    }
    for (ObjectNode neuron : neurons) {
      if (!without(neuron).equals(without(neurons.getFirst()))) {
        throw node.invalid(
            null, "has neurons that differ in more than " + String.join(", ", CONSTANTS));
      }
    }
    return (NeuronSpec) SpecJson.layer(layer);
  }

  private static ObjectNode without(ObjectNode neuron) {
    ObjectNode other = neuron.deepCopy();
    CONSTANTS.forEach(other::remove);
    return other;
  }

  private static NirNode neuron(NirNode node, int k, int n) {
    var fields = new LinkedHashMap<String, Tensor>();
    node.fields()
        .forEach(
            (name, tensor) ->
                fields.put(
                    name,
                    new Tensor(
                        new int[] {1},
                        new float[] {tensor.data()[tensor.data().length == n ? k : 0]})));
    return new NirNode(node.path(), node.type(), fields, node.metadata());
  }

  private static boolean byChannel(NirNode node, Tensor widest) {
    int n = widest.data().length;
    int each = n / widest.shape()[0];
    for (Tensor tensor : node.fields().values()) {
      for (int k = 0; tensor.data().length == n && k < n; k++) {
        if (tensor.data()[k] != tensor.data()[k / each * each]) {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * The node for a layer, with an array for each constant.
   *
   * @param shared writes a layer whose neurons share their constants
   */
  static NirNode write(
      String path, NeuronSpec layer, Shape shape, BiFunction<NeuronSpec, Shape, NirNode> shared) {
    if (layer.constants().values().stream().allMatch(constant -> constant.uniform() != null)) {
      return shared.apply(layer, shape);
    }
    Map<String, float[]> values = new LinkedHashMap<>();
    String type = "";
    ObjectNode json = SpecJson.json(layer);
    int n = shape.size();
    for (int k = 0; k < n; k++) {
      NirNode node = shared.apply(neuron(layer, json, k, n), Shape.of(1));
      type = node.type();
      for (var field : node.fields().entrySet()) {
        values.computeIfAbsent(field.getKey(), key -> new float[n])[k] = field.getValue().data()[0];
      }
    }
    var fields = new LinkedHashMap<String, Tensor>();
    int[] dims = shape.dims().stream().mapToInt(d -> d).toArray();
    values.forEach((name, data) -> fields.put(name, new Tensor(dims, data)));
    return new NirNode(path, type, fields, Map.of());
  }

  /** A layer in which all neurons have the constants of the first. */
  static NeuronSpec first(NeuronSpec layer) {
    return neuron(layer, SpecJson.json(layer), 0, 1);
  }

  private static NeuronSpec neuron(NeuronSpec layer, ObjectNode json, int k, int n) {
    ObjectNode one = json.deepCopy();
    for (var constant : layer.constants().entrySet()) {
      one.put(constant.getKey(), value(constant.getValue(), k, n));
    }
    return (NeuronSpec) SpecJson.layer(one);
  }

  private static double value(Constant constant, int k, int n) {
    int size = constant.values().size();
    return constant.values().get(size == 1 || n == 1 ? 0 : (int) ((long) k * size / n));
  }
}
