package dev.spikewise.interop.nir;

import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import io.jhdf.api.WritableGroup;
import java.lang.reflect.Array;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Nodes as groups of an HDF5 file, with fields of the types that nir writes. */
final class NodeGroup {

  private static final Set<String> INTEGERS =
      Set.of(
          "shape",
          "input_shape",
          "stride",
          "padding",
          "dilation",
          "groups",
          "kernel_size",
          "start_dim",
          "end_dim",
          "input_type");

  private NodeGroup() {}

  static void put(
      WritableGroup nodes,
      String name,
      String type,
      Map<String, Tensor> fields,
      Map<String, String> metadata) {
    WritableGroup node = nodes.putGroup(name);
    node.putDataset("type", type);
    fields.forEach(
        (field, tensor) -> node.putDataset(field, nested(tensor, INTEGERS.contains(field))));
    if (!metadata.isEmpty()) {
      WritableGroup group = node.putGroup("metadata");
      metadata.forEach(group::putDataset);
    }
  }

  static Tensor dims(Shape shape) {
    return vector(shape.dims().stream().mapToInt(d -> d).toArray());
  }

  static Tensor pair(Size2 size) {
    return vector(size.h(), size.w());
  }

  static Tensor vector(int... values) {
    var floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = values[i];
    }
    return new Tensor(new int[] {values.length}, floats);
  }

  static Tensor scalar(int value) {
    return new Tensor(new int[] {}, new float[] {value});
  }

  /** The arrays of arrays that jHDF writes. */
  private static Object nested(Tensor tensor, boolean integers) {
    Class<?> type = integers ? long.class : float.class;
    if (tensor.shape().length == 0) {
      return integers ? (Object) (long) tensor.data()[0] : (Object) tensor.data()[0];
    }
    Object array = Array.newInstance(type, tensor.shape());
    fill(array, tensor.data(), 0);
    return array;
  }

  private static int fill(Object array, float[] data, int from) {
    int at = from;
    for (int i = 0; i < Array.getLength(array); i++) {
      switch (array) {
        case float[] floats -> floats[i] = data[at++];
        case long[] longs -> longs[i] = (long) data[at++];
        default -> at = fill(Array.get(array, i), data, at);
      }
    }
    return at;
  }

  static Map<String, Tensor> convolution(
      Map<String, Tensor> weights,
      Tensor inputShape,
      Tensor stride,
      Tensor padding,
      Tensor dilation,
      int groups) {
    var fields = new LinkedHashMap<>(weights);
    fields.put("input_shape", inputShape);
    fields.put("stride", stride);
    fields.put("padding", padding);
    fields.put("dilation", dilation);
    fields.put("groups", scalar(groups));
    return fields;
  }
}
