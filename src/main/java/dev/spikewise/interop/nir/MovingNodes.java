package dev.spikewise.interop.nir;

import dev.spikewise.snn.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Nodes that {@link NirWriter} adds for layers without a NIR node: weights that copy each input
 * channel to one output channel, times a factor. The reader recognises them only if their weights
 * still do so.
 */
final class MovingNodes {

  /**
   * The parts of a Concat.
   *
   * @param parts in the order of their channels
   */
  record Concatenation(String name, List<NirNode> parts) {}

  /**
   * Effect of such weights.
   *
   * @param first channel of the output that the input's first goes to
   */
  private record Move(int first, int inputs, int outputs, float factor) {}

  private final Map<String, Concatenation> byPart = new HashMap<>();
  private final Map<String, Float> factors = new HashMap<>();

  MovingNodes(NirGraph graph, Map<String, String> about) {
    Map<String, List<NirNode>> parts = new LinkedHashMap<>();
    for (NirNode node : graph.order()) {
      String name = node.path().replaceFirst("^/node/nodes/", "");
      String whole = about.get(NirWriter.PART + name);
      if (whole != null) {
        parts.computeIfAbsent(whole, key -> new ArrayList<>()).add(node);
      } else if (about.containsKey(NirWriter.FACTOR + name)) {
        Move move = move(node);
        if (move != null && move.inputs == move.outputs) {
          factors.put(node.path(), move.factor);
        }
      }
    }
    parts.forEach((name, nodes) -> join(name, nodes, graph));
  }

  private void join(String name, List<NirNode> nodes, NirGraph graph) {
    var moves = new LinkedHashMap<NirNode, Move>();
    for (NirNode node : nodes) {
      Move move = move(node);
      if (move == null) {
        return;
      }
      moves.put(node, move);
    }
    List<NirNode> sorted =
        nodes.stream().sorted((a, b) -> Integer.compare(first(moves, a), first(moves, b))).toList();
    int next = 0;
    for (NirNode node : sorted) {
      Move move = moves.get(node);
      if (move == null || move.first != next) {
        return;
      }
      next += move.inputs;
    }
    int channels = next;
    var paths = new LinkedHashSet<>(nodes.stream().map(NirNode::path).toList());
    boolean whole =
        moves.values().stream().allMatch(move -> move.outputs == channels)
            && graph.sources().values().stream()
                .allMatch(
                    read -> read.containsAll(paths) || paths.stream().noneMatch(read::contains));
    if (whole) {
      var concatenation = new Concatenation(name, sorted);
      moves.forEach(
          (node, move) -> {
            byPart.put(node.path(), concatenation);
            factors.put(node.path(), move.factor);
          });
    }
  }

  private static int first(Map<NirNode, Move> moves, NirNode node) {
    Move move = moves.get(node);
    return move == null ? 0 : move.first;
  }

  /** The concatenation that a node is a part of, or null. */
  @Nullable Concatenation concatenation(String path) {
    return byPart.get(path);
  }

  /** What a node multiplies its input with, or null where it is no such node. */
  @Nullable Float factor(NirNode node) {
    return factors.get(node.path());
  }

  /** What the weights of a node do, or null where they do more. */
  private static @Nullable Move move(NirNode node) {
    Tensor weight = node.fields().get("weight");
    boolean fits =
        weight != null
            && switch (node.type()) {
              case "Affine" -> weight.shape().length == 2;
              case "Conv2d" -> isPointwise(node, weight);
              default -> false;
            };
    if (weight == null || !fits || NodeLayers.hasNonzeroBias(node)) {
      return null;
    }
    int outputs = weight.shape()[0];
    int inputs = outputs == 0 ? 0 : weight.data().length / outputs;
    int first = -1;
    for (int k = 0; k < weight.data().length && first < 0; k++) {
      first = weight.data()[k] == 0 ? -1 : k / inputs;
    }
    if (first < 0 || first + inputs > outputs) {
      return null;
    }
    float factor = weight.data()[first * inputs];
    for (int k = 0; k < weight.data().length; k++) {
      boolean led = k / inputs - first == k % inputs;
      if (weight.data()[k] != (led ? factor : 0)) {
        return null;
      }
    }
    return factor == 0 || !Float.isFinite(factor) ? null : new Move(first, inputs, outputs, factor);
  }

  private static boolean isPointwise(NirNode node, Tensor weight) {
    return weight.shape().length == 4
        && weight.data().length == weight.shape()[0] * weight.shape()[1]
        && is(node, "stride", 1)
        && is(node, "padding", 0)
        && is(node, "groups", 1);
  }

  private static boolean is(NirNode node, String field, float value) {
    return node.fields().containsKey(field)
        && node.isUniform(field)
        && node.uniformOrInfinite(field) == value;
  }
}
