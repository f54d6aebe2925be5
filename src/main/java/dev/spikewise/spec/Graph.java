package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayDeque;
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
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The layers of a model as a directed acyclic graph: their inputs, the order of computation, and
 * the shapes between them. This class alone determines the order of layers.
 */
public final class Graph {

  /** Name of the model's own input. */
  public static final String INPUT = "input";

  /** Stands for the model's own input where layers are given by index. */
  public static final int INPUT_INDEX = -1;

  /** Maximum length of a layer's name, in characters. */
  public static final int NAME_LENGTH = 200;

  private final Shape inputShape;
  private final List<Vertex> layers;
  private final List<Vertex> order;
  private final List<List<Vertex>> consumers;
  private final Vertex output;

  /**
   * A layer and its place in the graph.
   *
   * @param index index of the layer in the model's definition
   * @param name given name, or the index
   * @param inputs indices of the layers it reads, {@link #INPUT_INDEX} for the model's input
   * @param inputShapes shape of each of {@code inputs}
   * @param shape shape of the layer's output
   * @param spikesPerUnit number of spikes that an input value of 1 represents
   */
  public record Vertex(
      int index,
      String name,
      LayerSpec spec,
      List<Integer> inputs,
      List<Shape> inputShapes,
      Shape shape,
      int spikesPerUnit) {

    /** The input of a layer with a single input. */
    public int input() {
      return inputs.getFirst();
    }

    /** Shape of the first input, which is the only one except for Add and Concat. */
    public Shape inputShape() {
      return inputShapes.getFirst();
    }
  }

  private Graph(Shape inputShape, List<Vertex> order, int output) {
    this.inputShape = inputShape;
    this.order = List.copyOf(order);
    var byIndex = new Vertex[order.size()];
    order.forEach(vertex -> byIndex[vertex.index()] = vertex);
    layers = List.of(byIndex);
    this.output = layers.get(output);
    consumers = new ArrayList<>();
    for (int i = INPUT_INDEX; i < layers.size(); i++) {
      consumers.add(new ArrayList<>());
    }
    for (Vertex vertex : order) {
      vertex.inputs().forEach(input -> consumers.get(input + 1).add(vertex));
    }
  }

  /** Shape of the model's input. */
  public Shape inputShape() {
    return inputShape;
  }

  /** The layers in the order in which they compute. */
  public List<Vertex> order() {
    return order;
  }

  /** The layers as the definition lists them. */
  public List<Vertex> layers() {
    return layers;
  }

  public Vertex layer(int index) {
    return layers.get(index);
  }

  /** Name of layer {@code index}, or of the model's input. */
  public String name(int index) {
    return index == INPUT_INDEX ? INPUT : layers.get(index).name();
  }

  /** The layers that read the output of layer {@code index}, in the order of computation. */
  public List<Vertex> consumers(int index) {
    return Collections.unmodifiableList(consumers.get(index + 1));
  }

  /** The layer whose output is the model's; no other layer reads it. */
  public Vertex output() {
    return output;
  }

  /** Whether each layer reads only the one before it in the definition. */
  public boolean isSequence() {
    return layers.stream().allMatch(layer -> layer.inputs().equals(List.of(layer.index() - 1)));
  }

  /** Whether the output of layer {@code index} depends on a layer before it of this kind. */
  public boolean isBehind(int index, Predicate<LayerSpec> kind) {
    return reach(index, vertex -> vertex.inputs().stream().filter(i -> i != INPUT_INDEX).toList())
        .anyMatch(vertex -> kind.test(vertex.spec()));
  }

  /** Whether a layer of this kind depends on the output of layer {@code index}. */
  public boolean isFollowedBy(int index, Predicate<LayerSpec> kind) {
    return followers(index).stream().anyMatch(vertex -> kind.test(vertex.spec()));
  }

  /** All layers that depend on the output of layer {@code index}. */
  public List<Vertex> followers(int index) {
    return reach(index, vertex -> consumers(vertex.index()).stream().map(Vertex::index).toList())
        .toList();
  }

  private Stream<Vertex> reach(int index, Function<Vertex, List<Integer>> next) {
    var seen = new BitSet();
    var waiting = new ArrayDeque<>(next.apply(layer(index)));
    while (!waiting.isEmpty()) {
      int at = waiting.remove();
      if (!seen.get(at)) {
        seen.set(at);
        waiting.addAll(next.apply(layer(at)));
      }
    }
    return seen.stream().mapToObj(this::layer);
  }

  /** Shapes of the input and of all layers' outputs, the order of computing. */
  public List<Shape> shapes() {
    var shapes = new ArrayList<>(List.of(inputShape));
    order.forEach(vertex -> shapes.add(vertex.shape()));
    return shapes;
  }

  /**
   * Builds the graph of a model whose layers are valid by themselves; null after reporting
   * mistakes.
   */
  static @Nullable Graph of(ModelSpec model, Mistakes mistakes) {
    return new Builder(model, mistakes).build();
  }

  /** Builds the graph in steps; each step requires that the steps before it found no mistake. */
  private static final class Builder {
    final ModelSpec model;
    final List<Node> nodes;
    final Mistakes mistakes;
    final String[] names;

    /** Marks values of which some are averages of spikes and others are not. */
    static final int MIXED = 0;

    final Map<String, Integer> indices = new HashMap<>();
    final List<List<Integer>> inputs = new ArrayList<>();

    Builder(ModelSpec model, Mistakes mistakes) {
      this.model = model;
      this.mistakes = mistakes;
      nodes = model.nodes();
      names = new String[nodes.size()];
    }

    Mistakes at(int layer) {
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
      List<Vertex> vertices = shapes(shape, order);
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
          name.length() <= NAME_LENGTH,
          "name",
          "must have at most " + NAME_LENGTH + " characters but has " + name.length());
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
          !name.equals(INPUT), "name", "must not be `" + INPUT + "`, which is the model's input");
    }

    private static String shortened(String name) {
      return name.length() <= NAME_LENGTH ? name : name.substring(0, 60) + "...";
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
        Integer index = INPUT.equals(name) ? Integer.valueOf(INPUT_INDEX) : indices.get(name);
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
     * Kahn's algorithm; among the layers that could come next, the first in the definition is
     * taken.
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
          if (input != INPUT_INDEX) {
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
                .filter(input -> input != INPUT_INDEX && waiting[input] > 0)
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
      inputs.forEach(its -> its.stream().filter(i -> i != INPUT_INDEX).forEach(read::set));
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

    private List<Vertex> shapes(Shape input, List<Integer> order) {
      var shapes = new Shape[names.length];
      var units = new int[names.length];
      var vertices = new ArrayList<Vertex>();
      for (int i : order) {
        var its = new LinkedHashMap<String, Shape>();
        for (int from : inputs.get(i)) {
          Shape shape = from == INPUT_INDEX ? input : shapes[from];
          if (shape != null) {
            its.put(from == INPUT_INDEX ? INPUT : names[from], shape);
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
                new Vertex(
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
              .mapToInt(from -> from == INPUT_INDEX ? 1 : units[from])
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
     * Reports names with dots that would give two parameters or two groups of synapses the same
     * name.
     */
    private void checkKeys(List<Vertex> vertices) {
      for (Vertex vertex : vertices) {
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
}
