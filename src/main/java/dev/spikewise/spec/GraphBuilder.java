package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Builds a graph in steps: names, inputs, order, output, shapes. Each step requires that those
 * before it found no mistake.
 */
final class GraphBuilder {
  private final ModelSpec model;
  private final List<Node> nodes;
  private final Mistakes mistakes;
  private final String[] names;

  /** Marks values of which some are averages of spikes and others are not. */
  private static final int MIXED = 0;

  private final Map<String, Integer> indices = new HashMap<>();
  private final List<List<Integer>> inputs = new ArrayList<>();

  GraphBuilder(ModelSpec model, Mistakes mistakes) {
    this.model = model;
    this.mistakes = mistakes;
    nodes = model.nodes();
    names = new String[nodes.size()];
  }

  private Mistakes at(int layer) {
    return mistakes.in("layers").in(layer);
  }

  @Nullable Graph build() {
    var shape = new Shape(model.inputShape());
    if (ModelSpec.tooLarge(shape, mistakes.in("input_shape"))) {
      return null;
    }
    findNames();
    if (!mistakes.isEmpty()) {
      return null;
    }
    for (int i = 0; i < nodes.size(); i++) {
      inputs.add(inputs(i));
    }
    if (!mistakes.isEmpty()) {
      return null;
    }
    List<Integer> order = order();
    if (order == null) {
      return null;
    }
    int output = output();
    List<Graph.Vertex> vertices = shapes(shape, order);
    if (!mistakes.isEmpty()) {
      return null;
    }
    checkKeys(vertices);
    return mistakes.isEmpty() ? new Graph(shape, vertices, output) : null;
  }

  private void findNames() {
    for (int i = 0; i < names.length; i++) {
      String given = nodes.get(i).name();
      if (given != null) {
        checkName(given, at(i));
      }
      names[i] = given == null ? Integer.toString(i) : given;
      Integer first = indices.putIfAbsent(names[i], i);
      if (first != null) {
        int named = given == null ? first : i;
        int other = given == null ? i : first;
        at(named)
            .in("name")
            .add(
                "must differ from the names of all other layers, but layer "
                    + other
                    + " is named `"
                    + shortened(names[i])
                    + "` too"
                    + (nodes.get(other).name() == null
                        ? ": a layer without a name is named after its index"
                        : ""));
      }
    }
  }

  private static void checkName(String name, Mistakes at) {
    at.require(!name.isEmpty(), "name", "must not be empty: leave it out to use the index");
    at.require(
        name.length() <= Graph.NAME_LENGTH,
        "name",
        "must have at most " + Graph.NAME_LENGTH + " characters but has " + name.length());
    at.name(name, "name");
    at.require(
        name.indexOf('/') < 0 && name.indexOf('~') < 0,
        "name",
        "must not contain `/` or `~`: separate nested names by dots, as PyTorch does");
    at.require(
        name.isEmpty() || !("." + name + ".").contains(".."),
        "name",
        "must have a name before and after each dot, but was `" + shortened(name) + "`");
    at.require(
        !name.equals(Graph.INPUT),
        "name",
        "must not be `" + Graph.INPUT + "`, which is the model's input");
  }

  private static String shortened(String name) {
    return name.length() <= Graph.NAME_LENGTH ? name : name.substring(0, 60) + "...";
  }

  private List<Integer> inputs(int i) {
    List<String> given = nodes.get(i).inputs();
    boolean joins = nodes.get(i).layer() instanceof JoinSpec;
    if (given == null) {
      at(i)
          .require(
              !joins,
              "inputs",
              "is missing: " + type(i) + " requires the names of at least two layers to join");
      return List.of(i - 1);
    }
    if (joins) {
      at(i)
          .require(
              given.size() >= 2,
              "inputs",
              "must name at least two layers to join, but named " + given.size());
    } else {
      at(i)
          .require(
              given.size() == 1,
              "inputs",
              "must name exactly one layer, because only Add and Concat join several, but named "
                  + given.size());
    }
    var found = new ArrayList<Integer>();
    var seen = new BitSet();
    for (int k = 0; k < given.size(); k++) {
      String name = given.get(k);
      Integer index =
          Graph.INPUT.equals(name) ? Integer.valueOf(Graph.INPUT_INDEX) : indices.get(name);
      if (index == null) {
        at(i)
            .in("inputs")
            .in(k)
            .add(
                name == null
                    ? "must be the name of a layer but was null"
                    : "must name a layer of this model or `input`, but there is no `"
                        + shortened(name)
                        + "`");
      } else if (seen.get(index + 1)) {
        at(i).in("inputs").in(k).add("must not name `" + name + "` twice");
      } else {
        seen.set(index + 1);
        found.add(index);
      }
    }
    return found;
  }

  private String type(int i) {
    return nodes.get(i).layer().typeName();
  }

  /**
   * Kahn's algorithm; among the layers that could come next, the first in the definition is taken.
   */
  private @Nullable List<Integer> order() {
    var waiting = new int[names.length];
    var readers = new ArrayList<List<Integer>>();
    for (int i = 0; i < names.length; i++) {
      readers.add(new ArrayList<>());
    }
    var ready = new PriorityQueue<Integer>();
    for (int i = 0; i < names.length; i++) {
      for (int input : inputs.get(i)) {
        if (input != Graph.INPUT_INDEX) {
          readers.get(input).add(i);
          waiting[i]++;
        }
      }
      if (waiting[i] == 0) {
        ready.add(i);
      }
    }
    var order = new ArrayList<Integer>();
    while (!ready.isEmpty()) {
      int next = ready.remove();
      order.add(next);
      for (int reader : readers.get(next)) {
        if (--waiting[reader] == 0) {
          ready.add(reader);
        }
      }
    }
    if (order.size() == names.length) {
      return order;
    }
    reportCycle(waiting);
    return null;
  }

  /**
   * Every remaining layer reads another remaining layer, so following the inputs leads into a
   * cycle.
   */
  private void reportCycle(int[] waiting) {
    var place = new int[names.length];
    Arrays.fill(place, -1);
    var path = new ArrayList<Integer>();
    int at = 0;
    while (waiting[at] == 0) {
      at++;
    }
    while (place[at] < 0) {
      place[at] = path.size();
      path.add(at);
      at =
          inputs.get(at).stream()
              .filter(input -> input != Graph.INPUT_INDEX && waiting[input] > 0)
              .findFirst()
              .orElseThrow();
    }
    var cycle = path.subList(place[at], path.size());
    String shown =
        cycle.stream()
            .limit(20)
            .map(i -> "`" + names[i] + "`")
            .collect(Collectors.joining(" reads "));
    at(Collections.min(cycle))
        .in("inputs")
        .add(
            "must not depend on the layer's own output, but "
                + shown
                + (cycle.size() > 20 ? " reads ... which reads" : " reads")
                + " `"
                + names[at]
                + "`");
  }

  private int output() {
    var read = new BitSet();
    inputs.forEach(its -> its.stream().filter(i -> i != Graph.INPUT_INDEX).forEach(read::set));
    var open = new ArrayList<Integer>();
    for (int i = 0; i < names.length; i++) {
      if (!read.get(i)) {
        open.add(i);
      }
    }
    String given = model.output();
    if (given == null) {
      if (open.size() > 1) {
        mistakes
            .in("output")
            .add(
                "is missing: no layer reads the outputs of "
                    + open.stream()
                        .limit(10)
                        .map(i -> "`" + names[i] + "`")
                        .collect(Collectors.joining(", "))
                    + "; name the one that is the model's output, and remove or join the others");
      }
      return open.getFirst();
    }
    Integer output = indices.get(given);
    if (output == null) {
      mistakes
          .in("output")
          .add("must name a layer of this model, but there is no `" + shortened(given) + "`");
      return open.getFirst();
    }
    for (int i : open) {
      if (i != output) {
        at(i)
            .add(
                "must be read by another layer, because the model's output is `"
                    + given
                    + "`: name `"
                    + names[i]
                    + "` among another layer's inputs or remove the layer");
      }
    }
    return output;
  }

  private List<Graph.Vertex> shapes(Shape input, List<Integer> order) {
    var shapes = new Shape[names.length];
    var units = new int[names.length];
    var vertices = new ArrayList<Graph.Vertex>();
    for (int i : order) {
      var its = new LinkedHashMap<String, Shape>();
      for (int from : inputs.get(i)) {
        Shape shape = from == Graph.INPUT_INDEX ? input : shapes[from];
        if (shape != null) {
          its.put(from == Graph.INPUT_INDEX ? Graph.INPUT : names[from], shape);
        }
      }
      // A layer before this one does not fit, which is reported there.
      if (its.size() == inputs.get(i).size()) {
        shapes[i] = shape(i, its);
        if (shapes[i] != null) {
          Shape first = its.firstEntry().getValue();
          int unit = unit(i, first, units);
          units[i] = unit == MIXED ? MIXED : nodes.get(i).layer().spikesPerUnit(unit, first);
          vertices.add(
              new Graph.Vertex(
                  i,
                  names[i],
                  nodes.get(i).layer(),
                  List.copyOf(inputs.get(i)),
                  List.copyOf(its.values()),
                  shapes[i],
                  unit));
        }
      }
    }
    return vertices;
  }

  /**
   * Number of spikes that a value of 1 in the input of layer {@code i} represents, or {@link
   * #MIXED}.
   */
  private int unit(int i, Shape input, int[] units) {
    int[] its =
        inputs.get(i).stream()
            .mapToInt(from -> from == Graph.INPUT_INDEX ? 1 : units[from])
            .distinct()
            .toArray();
    LayerSpec layer = nodes.get(i).layer();
    if (its.length == 1 && its[0] != MIXED) {
      return its[0];
    }
    if (layer instanceof SynapticSpec) {
      at(i)
          .add(
              "reads a mix of averaged and other spikes, so that its synaptic operations cannot"
                  + " be counted: use SumPool2d in place of AvgPool2d, or put a layer of neurons"
                  + " between the join and this layer");
    }
    // Neurons and weights output new values.
    return layer.spikesPerUnit(2, input) == 1 ? 1 : MIXED;
  }

  private @Nullable Shape shape(int i, LinkedHashMap<String, Shape> its) {
    LayerSpec layer = nodes.get(i).layer();
    Shape first = its.firstEntry().getValue();
    Shape shape =
        layer instanceof JoinSpec join
            ? join.joinedShape(its, at(i))
            : layer.outputShape(first, at(i));
    return shape == null
            || ModelSpec.tooLarge(shape, at(i))
            || layer.parameters(first).values().stream()
                .anyMatch(weights -> ModelSpec.tooLarge(weights, at(i)))
        ? null
        : shape;
  }

  /**
   * Reports names with dots that would give two parameters or two groups of synapses the same name.
   */
  private void checkKeys(List<Graph.Vertex> vertices) {
    for (Graph.Vertex vertex : vertices) {
      if (vertex.spec() instanceof NeuronSpec.Recurrent) {
        Integer other = indices.get(vertex.name() + ".rec_connect");
        if (other != null) {
          at(other)
              .in("name")
              .add(
                  "must differ from `"
                      + Objects.requireNonNull(names[other])
                      + "`, the recurrent connection of layer `"
                      + vertex.name()
                      + "`");
        }
      }
    }
  }
}
