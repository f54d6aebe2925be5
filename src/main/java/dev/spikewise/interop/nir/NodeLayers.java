package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ObjectNode;

/** Converts single nodes of a file to layers, independent of their neighbours. */
final class NodeLayers {

  private NodeLayers() {}

  static SynapticSpec synaptic(NirNode node) {
    int groups = node.integer("groups", 1);
    switch (node.type()) {
      case "Conv2d" -> {
        int[] shape = weightShape(node, 4);
        Size2 stride = node.size("stride");
        Size2 dilation = node.size("dilation");
        Size2 padding =
            new Size2(
                node.padding(shape[2], stride.h(), dilation.h(), () -> node.size("padding").h()),
                node.padding(shape[3], stride.w(), dilation.w(), () -> node.size("padding").w()));
        return new SynapticSpec.Conv2d(
            inChannels(shape, groups),
            shape[0],
            new Size2(shape[2], shape[3]),
            stride,
            padding,
            dilation,
            groups,
            hasBias(node));
      }
      case "Conv1d" -> {
        int[] shape = weightShape(node, 3);
        int stride = node.integer("stride", 1);
        int dilation = node.integer("dilation", 1);
        return new SynapticSpec.Conv1d(
            inChannels(shape, groups),
            shape[0],
            shape[2],
            stride,
            node.padding(shape[2], stride, dilation, () -> node.integer("padding", 0)),
            dilation,
            groups,
            hasBias(node));
      }
      default -> {
        return linear(node, hasBias(node));
      }
    }
  }

  static ShapeSpec.Flatten flatten(NirNode node) {
    int start = node.integer("start_dim", 1);
    int end = node.integer("end_dim", -1);
    if (start < 0 || start > 1 || end != -1 && end < 2) {
      throw node.invalid(
          null, "flattens dimensions " + start + " to " + end + "; it must flatten all of them");
    }
    return new ShapeSpec.Flatten();
  }

  /** The pool that a node represents, which may be of the other kind (sum or average). */
  static PoolSpec pool(NirNode node) {
    boolean sums = node.type().equals("SumPool2d");
    if (sums && !node.size("padding").equals(Size2.ZERO)) {
      throw node.invalid("padding", "of a SumPool2d must be 0 but was " + node.size("padding"));
    }
    PoolSpec itself =
        sums
            ? new PoolSpec.SumPool2d(node.size("kernel_size"), node.size("stride"), false)
            : new PoolSpec.AvgPool2d(
                node.size("kernel_size"), node.size("stride"), node.size("padding"));
    return switch (remembered(node)) {
      case PoolSpec.SumPool2d sum when sameWindows(sum, itself) -> sum;
      case PoolSpec.AvgPool2d average when sameWindows(average, itself) -> average;
      case null, default -> itself;
    };
  }

  /** How often what a node of this type makes goes into what the layer makes. */
  static float area(PoolSpec pool, String type) {
    float window = (float) pool.kernelSize().h() * pool.kernelSize().w();
    return pool.typeName().equals(type) ? 1 : type.equals("AvgPool2d") ? window : 1 / window;
  }

  private static boolean sameWindows(PoolSpec a, PoolSpec b) {
    return a.kernelSize().equals(b.kernelSize())
        && a.stride().equals(b.stride())
        && a.padding().equals(b.padding());
  }

  static SynapticSpec.Linear linear(NirNode node, boolean bias) {
    int[] shape = weightShape(node, 2);
    return new SynapticSpec.Linear(shape[1], shape[0], bias);
  }

  static int[] weightShape(NirNode node, int dimensions) {
    int[] shape = node.tensor("weight").shape();
    if (shape.length != dimensions) {
      throw node.invalid(
          "weight", "must have " + dimensions + " dimensions but has " + Arrays.toString(shape));
    }
    return shape;
  }

  static int inChannels(int[] weight, int groups) {
    return Math.multiplyExact(weight[1], Math.max(1, Math.min(groups, 1 << 12)));
  }

  /**
   * NIR's Conv2d always has a bias: one of zeros means none, unless the metadata says that it is
   * there to be trained.
   */
  static boolean hasBias(NirNode node) {
    return hasNonzeroBias(node)
        || node.fields().containsKey("bias") && Objects.equals(node.metadata().get("bias"), "true");
  }

  static boolean hasNonzeroBias(NirNode node) {
    Tensor bias = node.fields().get("bias");
    return bias != null && !NirWriter.isZero(bias);
  }

  /** The layer that the metadata describes, or null. */
  static @Nullable LayerSpec remembered(NirNode node) {
    ObjectNode json = json(node);
    try {
      return json == null ? null : SpecJson.layer(json);
    } catch (JacksonException | IllegalArgumentException e) {
      return null;
    }
  }

  static @Nullable ObjectNode json(NirNode node) {
    ObjectNode json = SpecJson.object();
    try {
      node.metadata()
          .forEach(
              (name, text) ->
                  json.set(name, name.equals("type") ? SpecJson.text(text) : SpecJson.read(text)));
      return json.has("type") ? json : null;
    } catch (JacksonException | IllegalArgumentException e) {
      return null;
    }
  }
}
