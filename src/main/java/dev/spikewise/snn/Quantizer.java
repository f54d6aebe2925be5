package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rounds a network to whole numbers as sinabs' {@code discretize_conv_spike} does for a Speck.
 * Spiking neurons do not notice a common factor of their weights and thresholds, so the rounded
 * network is one of the same kind and needs no other arithmetic.
 *
 * <p>Unlike in sinabs, neurons without a {@code min_v_mem} get the lowest potential that the state
 * holds after scaling; there it goes into the scale and leaves no bit for weights below 0.5.
 */
public final class Quantizer {

  private final Quantization how;
  private final List<LayerSpec> layers = new ArrayList<>();
  private final Map<String, Tensor> tensors;
  private final Map<String, Double> scales = new LinkedHashMap<>();

  /**
   * @param model layers have the names that they have in the original; what was merged into others
   *     changes nothing any more
   * @param scales by name of the layer with weights: what they were multiplied by
   */
  public record Quantized(TrainedModel model, Map<String, Double> scales) {}

  private Quantizer(TrainedModel merged, Quantization how) {
    this.how = how;
    layers.addAll(merged.spec().layers());
    tensors = new LinkedHashMap<>(merged.weights().tensors());
  }

  /** Reports the layers that have no counterpart in whole numbers. */
  public static void check(ModelSpec model, Mistakes mistakes) {
    if (!model.graph().isSequence()) {
      mistakes.in("layers").add("must be a sequence to be quantized");
      return;
    }
    for (int i = 0; i < model.layers().size(); i++) {
      LayerSpec layer = model.layers().get(i);
      boolean weights = layer instanceof SynapticSpec;
      if (layer instanceof NeuronSpec.Spiking neurons
          && neurons.scaled(neurons.spikeThreshold(), neurons.resetFn(), 0, value -> value)
              == null) {
        mistakes
            .in("layers")
            .in(i)
            .add("cannot be quantized: the potentials of " + layer.typeName() + " have no scale");
      }
      if (layer instanceof NormSpec.Frame) {
        mistakes
            .in("layers")
            .in(i)
            .add(
                "cannot be quantized: "
                    + layer.typeName()
                    + " computes means and deviations, which have no counterpart in whole numbers");
      } else if (layer instanceof NormSpec.Batch norm
          && !norm.mergesInto(before(model.layers(), i))) {
        mistakes
            .in("layers")
            .in(i)
            .add(
                "can be quantized only with "
                    + norm.mergeable()
                    + " right before it, which it becomes part of");
      } else if (weights && !isLast(model.layers(), i) && neurons(model.layers(), i) < 0) {
        mistakes
            .in("layers")
            .in(i)
            .add(
                "cannot be quantized without spiking neurons between it and the next weights:"
                    + " its weights share a scale with their threshold");
      }
    }
  }

  private static @Nullable LayerSpec before(List<LayerSpec> layers, int i) {
    int b = i - 1;
    while (b >= 0 && layers.get(b) instanceof DropoutSpec) {
      b--;
    }
    return b < 0 ? null : layers.get(b);
  }

  /** Whether no more weights follow, so that the scale of its output does not matter. */
  private static boolean isLast(List<LayerSpec> layers, int i) {
    return layers.subList(i + 1, layers.size()).stream().noneMatch(SynapticSpec.class::isInstance);
  }

  private static boolean feedsWeights(List<LayerSpec> layers, int i) {
    return layers.subList(i + 1, layers.size()).stream()
        .dropWhile(
            next ->
                next instanceof ShapeSpec
                    || next instanceof PoolSpec.SumPool2d
                    || next instanceof PoolSpec.AvgPool2d)
        .findFirst()
        .filter(SynapticSpec.class::isInstance)
        .isPresent();
  }

  /** Index of the spiking neurons that the weights of layer {@code i} drive, or -1. */
  private static int neurons(List<LayerSpec> layers, int i) {
    for (int n = i + 1; n < layers.size(); n++) {
      switch (layers.get(n)) {
        case NeuronSpec.Spiking _ -> {
          return n;
        }
        case SynapticSpec _, RectifierSpec _, NeuronSpec.ExpLeak _ -> {
          return -1;
        }
        default -> {}
      }
    }
    return -1;
  }

  /**
   * @throws InvalidSpecException where {@link #check} finds a mistake
   */
  static Quantized quantize(TrainedModel model, Quantization how) {
    var mistakes = new Mistakes();
    check(model.spec(), mistakes);
    mistakes.throwIfAny();
    TrainedModel merged = model.merged();
    var quantizer = new Quantizer(merged, how);
    quantizer.run();
    return quantizer.unfolded(model.spec());
  }

  private void run() {
    float area = 1;
    for (int next = 0; next < layers.size(); next++) {
      int i = next;
      switch (layers.get(i)) {
        // A chip can only sum, and the next weights make up for it.
        case PoolSpec.AvgPool2d pool
            when pool.padding().equals(Size2.ZERO) && feedsWeights(layers, i) -> {
          layers.set(i, new PoolSpec.SumPool2d(pool.kernelSize(), pool.stride(), false, pool.ceilMode()));
          area *= pool.kernelSize().h() * pool.kernelSize().w();
        }
        case SynapticSpec _ -> {
          quantize(i, area);
          area = 1;
        }
        default -> {}
      }
    }
  }

  private void quantize(int i, float area) {
    int n = neurons(layers, i);
    var weights = new ArrayList<>(List.of(i + ".weight", i + ".bias"));
    if (n >= 0) {
      weights.addAll(List.of(n + ".rec_connect.weight", n + ".rec_connect.bias"));
    }
    weights.retainAll(tensors.keySet());
    tensors.computeIfPresent(i + ".weight", (_, tensor) -> divided(tensor, area));
    float scale = Float.POSITIVE_INFINITY;
    for (String name : weights) {
      scale = Math.min(scale, scale(tensor(name).data(), how.bits()));
    }
    if (n >= 0) {
      scale = Math.min(scale, scale(bounds((NeuronSpec.Spiking) layers.get(n)), how.stateBits()));
    }
    // Weights of zeros alone can have any scale.
    float factor = Float.isInfinite(scale) ? 1 : scale;
    for (String name : weights) {
      tensors.computeIfPresent(name, (_, tensor) -> rounded(tensor, factor));
    }
    if (n >= 0) {
      layers.set(n, scaled((NeuronSpec.Spiking) layers.get(n), factor));
    } else {
      layers.subList(i + 1, layers.size()).replaceAll(layer -> scaled(layer, factor));
    }
    scales.put(Integer.toString(i), (double) factor);
  }

  private Tensor tensor(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  private static Tensor divided(Tensor tensor, float by) {
    var data = tensor.data().clone();
    for (int k = 0; k < data.length; k++) {
      data[k] /= by;
    }
    return new Tensor(tensor.shape(), data);
  }

  private static Tensor rounded(Tensor tensor, float scale) {
    var data = tensor.data().clone();
    for (int k = 0; k < data.length; k++) {
      // Without the sign of a zero.
      data[k] = (float) Math.rint(data[k] * scale) + 0f;
    }
    return new Tensor(tensor.shape(), data);
  }

  private static float[] bounds(NeuronSpec.Spiking neurons) {
    float[] thresholds = neurons.spikeThreshold().floats();
    if (neurons.minVMem() == null) {
      return thresholds;
    }
    float[] bounds = Arrays.copyOf(thresholds, thresholds.length + 1);
    bounds[thresholds.length] = neurons.minVMem().floatValue();
    return bounds;
  }

  /** sinabs' determine_discretization_scale: the largest factor with which all values fit. */
  private static float scale(float[] values, int bits) {
    float lowest = -(1 << bits - 1);
    float highest = (1 << bits - 1) - 1;
    float min = Float.POSITIVE_INFINITY;
    float max = Float.NEGATIVE_INFINITY;
    for (float value : values) {
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
    return Math.abs(min) <= Math.abs(max) * (-lowest / highest)
        ? Math.abs(highest / max)
        : Math.abs(lowest / min);
  }

  /** The same neurons at {@code scale} times their potentials. */
  private LayerSpec scaled(NeuronSpec.Spiking neurons, float scale) {
    // A threshold of 0 would never come to rest.
    Constant threshold = neurons.spikeThreshold().map(value -> Math.max(1, rounded(value, scale)));
    double lowest =
        neurons.minVMem() == null ? -(1 << how.stateBits() - 1) : rounded(neurons.minVMem(), scale);
    Double value = neurons.resetFn().value();
    var reset =
        value == null
            ? neurons.resetFn()
            : new ResetFn(neurons.resetFn().kind(), rounded(value, scale));
    return Objects.requireNonNull(
        neurons.scaled(threshold, reset, lowest, number -> rounded(number, scale)));
  }

  private static LayerSpec scaled(LayerSpec layer, float scale) {
    return layer instanceof NeuronSpec.ExpLeak n && n.minVMem() != null
        ? new NeuronSpec.ExpLeak(
            n.tauMem(), n.tauSyn(), n.trainAlphas(), n.normInput(), rounded(n.minVMem(), scale))
        : layer;
  }

  private static double rounded(double value, float scale) {
    return Math.rint((float) value * scale);
  }

  /** Gives layers their old places back, and what was merged away one without an effect. */
  private Quantized unfolded(ModelSpec original) {
    var places = new ArrayList<Integer>();
    var unfolded = new ArrayList<LayerSpec>();
    for (LayerSpec layer : original.layers()) {
      if (layer instanceof DropoutSpec || layer instanceof NormSpec.Batch) {
        unfolded.add(new ShapeSpec.FlattenTime());
      } else {
        unfolded.add(layers.get(places.size()));
        places.add(unfolded.size() - 1);
      }
    }
    var moved = new LinkedHashMap<String, Tensor>();
    tensors.forEach((name, tensor) -> moved.put(moved(name, places), tensor));
    var scalesMoved = new LinkedHashMap<String, Double>();
    scales.forEach((name, scale) -> scalesMoved.put(moved(name, places), scale));
    return new Quantized(
        new TrainedModel(
            ModelSpec.sequence(original.name(), original.inputShape(), unfolded),
            new StateDict(moved)),
        scalesMoved);
  }

  private static String moved(String name, List<Integer> places) {
    String[] parts = name.split("\\.", 2);
    String place = places.get(Integer.parseInt(parts[0])).toString();
    return parts.length == 1 ? place : place + "." + parts[1];
  }
}
