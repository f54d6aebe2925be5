package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
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

  Graph(Shape inputShape, List<Vertex> order, int output) {
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
    return new GraphBuilder(model, mistakes).build();
  }
}
