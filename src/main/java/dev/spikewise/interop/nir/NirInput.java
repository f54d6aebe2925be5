package dev.spikewise.interop.nir;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Size2;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Determines the shape of a network's input, which not every file states. */
final class NirInput {

  private NirInput() {}

  /**
   * The shape without the batch: that of the Input node, or the input shape of the first node.
   *
   * @param about metadata of the file
   * @param assumptions list to which an assumption about the shape is added
   */
  static List<Integer> shape(NirGraph graph, Map<String, String> about, List<String> assumptions) {
    NirNode first = graph.order().getFirst();
    Tensor dims =
        switch (first.type()) {
          case "Input" -> first.tensor("shape");
          case "Flatten" -> first.tensor("input_type");
          case "Affine", "Linear" -> dims(NodeLayers.weightShape(first, 2)[1]);
          case "Conv2d" -> {
            Size2 size = first.size("input_shape");
            int channels =
                NodeLayers.inChannels(NodeLayers.weightShape(first, 4), first.integer("groups", 1));
            yield dims(channels, size.h(), size.w());
          }
          case "Conv1d" ->
              dims(
                  NodeLayers.inChannels(
                      NodeLayers.weightShape(first, 3), first.integer("groups", 1)),
                  first.integer("input_shape", 0));
          case "IF", "LIF", "CubaLIF", "LI", "CubaLI", "I", "Scale", "Threshold" ->
              dims(first.fields().values().iterator().next().shape());
          default ->
              throw new InvalidSpecException(
                  "/node/nodes",
                  "has no Input node, and a " + first.type() + " does not state its input shape");
        };
    var shape = new ArrayList<Integer>();
    for (float d : dims.data()) {
      shape.add((int) d);
    }
    if (!first.type().equals("Input")) {
      assumptions.add(
          "The file has no Input node: the input shape "
              + shape
              + " is that of its first node, "
              + first.path());
    } else if (!about.containsKey("dialect")
        && shape.size() == rank(graph) + 1
        && shape.getFirst() == 1) {
      // Some exporters include the batch size of their sample input.
      shape.removeFirst();
    }
    return shape;
  }

  /** Number of dimensions of the input, as the first node takes it that takes only one number. */
  private static int rank(NirGraph graph) {
    for (NirNode node : graph.order()) {
      switch (node.type()) {
        case "Affine", "Linear" -> {
          return 1;
        }
        case "Conv1d" -> {
          return 2;
        }
        case "Conv2d", "SumPool2d", "AvgPool2d" -> {
          return 3;
        }
        case "Flatten" -> {
          Tensor type = node.fields().get("input_type");
          if (type != null) {
            return type.data().length;
          }
        }
        default -> {}
      }
    }
    return 1;
  }

  private static Tensor dims(int... dims) {
    var data = new float[dims.length];
    for (int i = 0; i < dims.length; i++) {
      data[i] = dims[i];
    }
    return new Tensor(new int[] {dims.length}, data);
  }
}
