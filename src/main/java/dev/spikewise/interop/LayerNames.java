package dev.spikewise.interop;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the layers that a state_dict's modules are where their names say nothing: a state_dict of
 * nested modules for layers that are named by their index, or the other way round.
 */
final class LayerNames {

  /**
   * Arrays that neurons hold beside what is trained. {@code num_batches_tracked} may be missing
   * too.
   */
  private static final Set<String> OPTIONAL =
      Set.of("spike_threshold", "min_v_mem", "num_batches_tracked");

  /** Most names that an answer lists. */
  private static final int MOST_NAMES = 20;

  private final List<Graph.Vertex> layers;
  private final Map<String, Map<String, Tensor>> modules = new LinkedHashMap<>();

  /**
   * @param found arrays of which none has a name that the model knows
   */
  LayerNames(ModelSpec model, Map<String, Tensor> found) {
    layers = model.graph().layers();
    found.forEach(
        (name, tensor) -> {
          int dot = name.lastIndexOf('.');
          int back = name.indexOf(".rec_connect.");
          int end = back >= 0 ? back : dot;
          modules
              .computeIfAbsent(end < 0 ? "" : name.substring(0, end), key -> new LinkedHashMap<>())
              .put(name.substring(end + 1), tensor);
        });
  }

  /**
   * The arrays under the names of the layers that they fit, or null where they do not fit.
   *
   * @param byOrder whether modules that fit several layers are meant in the order of the layers
   * @throws InvalidSpecException where a module fits several layers, and order is not to decide
   */
  @Nullable Map<String, Tensor> renamed(boolean byOrder) {
    Map<String, String> names = byIndex();
    if (names == null) {
      names = byShape(byOrder);
    }
    if (names == null) {
      return null;
    }
    var renamed = new LinkedHashMap<String, Tensor>();
    for (var module : modules.entrySet()) {
      String layer = names.get(module.getKey());
      if (layer != null) {
        module.getValue().forEach((array, tensor) -> renamed.put(layer + "." + array, tensor));
      }
    }
    return renamed;
  }

  /** Modules that are numbered are the layers with these numbers, if they fit them. */
  private @Nullable Map<String, String> byIndex() {
    var names = new LinkedHashMap<String, String>();
    for (var module : modules.entrySet()) {
      String number = module.getKey();
      if (!number.matches("\\d{1,5}") || Integer.parseInt(number) >= layers.size()) {
        return null;
      }
      Graph.Vertex layer = layers.get(Integer.parseInt(number));
      if (!signature(module.getValue()).equals(signature(layer)) && !isNeurons(module, layer)) {
        return null;
      }
      names.put(number, layer.name());
    }
    return names;
  }

  private static boolean isNeurons(
      Map.Entry<String, Map<String, Tensor>> module, Graph.Vertex layer) {
    return layer.spec() instanceof NeuronSpec && signature(module.getValue()).isEmpty();
  }

  private @Nullable Map<String, String> byShape(boolean byOrder) {
    Map<String, List<String>> alike = new LinkedHashMap<>();
    for (var module : modules.entrySet()) {
      String signature = signature(module.getValue());
      if (!signature.isEmpty()) {
        alike.computeIfAbsent(signature, key -> new ArrayList<>()).add(module.getKey());
      }
    }
    Map<String, List<Graph.Vertex>> fitting = new LinkedHashMap<>();
    for (Graph.Vertex layer : layers) {
      String signature = signature(layer);
      if (!signature.isEmpty()) {
        fitting.computeIfAbsent(signature, key -> new ArrayList<>()).add(layer);
      }
    }
    var names = new LinkedHashMap<String, String>();
    var ambiguous = new ArrayList<List<String>>();
    for (var group : fitting.entrySet()) {
      List<String> candidates = alike.remove(group.getKey());
      if (candidates == null && group.getValue().stream().allMatch(LayerNames::mayBeMissing)) {
        continue;
      }
      if (candidates == null || candidates.size() != group.getValue().size()) {
        return null;
      }
      if (candidates.size() > 1 && !byOrder) {
        ambiguous.add(candidates);
      }
      for (int i = 0; i < candidates.size(); i++) {
        names.put(candidates.get(i), group.getValue().get(i).name());
      }
    }
    if (!alike.isEmpty()) {
      return null;
    }
    if (!ambiguous.isEmpty()) {
      throw ambiguous(ambiguous.getFirst(), names);
    }
    return names;
  }

  private static InvalidSpecException ambiguous(List<String> alike, Map<String, String> names) {
    return new InvalidSpecException(
        "/" + alike.getFirst(),
        "could be any of the layers "
            + alike.stream().limit(MOST_NAMES).map(names::get).collect(Collectors.joining(", "))
            + ", as could "
            + alike.stream().skip(1).limit(MOST_NAMES).collect(Collectors.joining(", "))
            + ": name the arrays and the layers alike, or send an .npz file with ?by_order=true,"
            + " which takes modules of the same shapes in the order of the layers");
  }

  private static boolean mayBeMissing(Graph.Vertex layer) {
    return layer.spec() instanceof NeuronSpec neurons
        && neurons
            .timeConstants()
            .keySet()
            .containsAll(layer.spec().parameters(layer.inputShape()).keySet());
  }

  /** Names and shapes of a layer's arrays, in one order. */
  private static String signature(Graph.Vertex layer) {
    var shapes = new LinkedHashMap<>(layer.spec().parameters(layer.inputShape()));
    shapes.putAll(layer.spec().buffers(layer.inputShape()));
    var arrays = new TreeMap<String, String>();
    shapes.forEach(
        (name, shape) -> arrays.put(name, shape(shape.dims().stream().mapToInt(d -> d).toArray())));
    arrays.keySet().removeAll(OPTIONAL);
    return arrays.isEmpty() ? "" : arrays.toString();
  }

  private static String signature(Map<String, Tensor> module) {
    var arrays = new TreeMap<String, String>();
    module.forEach((name, tensor) -> arrays.put(name, shape(tensor.shape())));
    arrays.keySet().removeAll(OPTIONAL);
    arrays.keySet().removeAll(Weights.STATE);
    return arrays.isEmpty() ? "" : arrays.toString();
  }

  /** One number is the same with any number of dimensions of 1. */
  private static String shape(int[] dims) {
    return Arrays.stream(dims).allMatch(d -> d == 1) ? "[]" : Arrays.toString(dims);
  }
}
