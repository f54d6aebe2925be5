package dev.spikewise.snn.transform;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.network.Overlay;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rounds a network to integers as sinabs' {@code discretize_conv_spike} does for a Speck. Scaling
 * the weights and thresholds of spiking neurons by a common factor does not change their spikes, so
 * the rounded network has the same form and needs no special arithmetic.
 *
 * <p>Unlike in sinabs, neurons without {@code min_v_mem} get the lowest representable potential
 * after scaling; in sinabs it takes part in the scale and leaves no bits for weights below 0.5.
 */
public final class Quantizer {

  private final Quantization how;
  private final Rewrite rewrite;
  private final Graph graph;
  private final Map<String, Tensor> tensors;
  private final Map<String, Double> scales = new LinkedHashMap<>();

  /** Whether rounded values are divided by their scale again, so that they have their own units. */
  private final boolean inOwnUnits;

  private final Map<String, NeuronSpec> neurons = new LinkedHashMap<>();

  /**
   * @param model quantised network; layers keep their names, and layers merged into others have no
   *     effect
   * @param scales factor that the weights were multiplied by, by name of the layer
   */
  public record Quantized(TrainedModel model, Map<String, Double> scales) {}

  private Quantizer(TrainedModel model, Quantization how, boolean inOwnUnits) {
    this.how = how;
    this.inOwnUnits = inOwnUnits;
    rewrite = new Rewrite(model.spec());
    graph = rewrite.graph();
    tensors = model.merge(rewrite);
  }

  /**
   * Reports names in {@code layer_bits} that are not layers whose weights have bits of their own.
   */
  public static void check(ModelSpec model, Quantization how, Mistakes mistakes) {
    if (how.layerBits() == null) {
      return;
    }
    var known =
        model.graph().order().stream()
            .filter(layer -> layer.spec() instanceof SynapticSpec)
            .map(Graph.Vertex::name)
            .toList();
    for (String name : how.layerBits().keySet()) {
      mistakes
          .in("layer_bits")
          .require(known.contains(name), name, "must name a layer with weights, one of " + known);
    }
  }

  /** Reports the layers that cannot be quantised. */
  public static void check(ModelSpec model, Mistakes mistakes) {
    Graph graph = model.graph();
    for (Graph.Vertex layer : graph.layers()) {
      var at = mistakes.in("layers").in(layer.index());
      if (layer.spec() instanceof NeuronSpec.Spiking neurons
          && neurons.scaled(neurons.spikeThreshold(), neurons.resetFn(), 0, value -> value)
              == null) {
        at.add(
            "cannot be quantized: the potentials of " + layer.spec().typeName() + " have no scale");
      }
      if (layer.spec() instanceof NormSpec.Frame) {
        at.add(
            "cannot be quantized: "
                + layer.spec().typeName()
                + " computes means and deviations, which have no counterpart in whole numbers");
      } else if (layer.spec() instanceof NormSpec.Batch norm) {
        if (!norm.mergesInto(before(graph, layer))) {
          at.add(
              "can be quantized only with "
                  + norm.mergeable()
                  + " right before it, which it becomes part of and which no other layer reads");
        }
      } else if (layer.spec() instanceof SynapticSpec && neurons(graph, layer) == null) {
        if (graph.isFollowedBy(layer.index(), SynapticSpec.class::isInstance)) {
          at.add(
              "cannot be quantized without spiking neurons between it and the next weights or join,"
                  + " which alone read it: its weights share a scale with their threshold");
        } else if (graph.isFollowedBy(layer.index(), JoinSpec.class::isInstance)) {
          at.add(
              "cannot be quantized because its output is joined with another before spiking"
                  + " neurons, and each has a scale of its own");
        }
      }
    }
  }

  /** The layer before a norm, ignoring dropout, if the norm is its only reader; otherwise null. */
  private static @Nullable LayerSpec before(Graph graph, Graph.Vertex norm) {
    int at = norm.input();
    while (at != Graph.INPUT_INDEX && graph.consumers(at).size() == 1) {
      LayerSpec layer = graph.layer(at).spec();
      if (!(layer instanceof DropoutSpec)) {
        return layer;
      }
      at = graph.layer(at).input();
    }
    return null;
  }

  /**
   * Whether a pool is read only by layers with weights, directly or through further pools, which
   * can absorb its scale.
   */
  private boolean feedsWeights(int pool) {
    return !graph.consumers(pool).isEmpty()
        && graph.consumers(pool).stream()
            .allMatch(
                next ->
                    next.spec() instanceof SynapticSpec
                        || isScaledThrough(next.spec()) && feedsWeights(next.index()));
  }

  private static boolean isScaledThrough(LayerSpec layer) {
    return layer instanceof ShapeSpec
        || layer instanceof PoolSpec.SumPool2d
        || layer instanceof PoolSpec.AvgPool2d
        || layer instanceof DropoutSpec;
  }

  /** The spiking neurons that are the only reader of a layer with weights, or null. */
  private static Graph.@Nullable Vertex neurons(Graph graph, Graph.Vertex weights) {
    Graph.Vertex at = weights;
    while (graph.consumers(at.index()).size() == 1) {
      at = graph.consumers(at.index()).getFirst();
      switch (at.spec()) {
        case NeuronSpec.Spiking _ -> {
          return at;
        }
        case SynapticSpec _, RectifierSpec _, NeuronSpec.ExpLeak _, JoinSpec _ -> {
          return null;
        }
        default -> {}
      }
    }
    return null;
  }

  /**
   * @throws InvalidSpecException when {@link #check} finds a mistake
   */
  public static Quantized quantize(TrainedModel model, Quantization how) {
    var mistakes = new Mistakes();
    check(model.spec(), mistakes);
    mistakes.throwIfAny();
    var quantizer = new Quantizer(model, how, false);
    quantizer.run();
    return quantizer.result(model.spec());
  }

  /**
   * Returns the weights and constants of neurons of {@link #quantize}, divided by their scales, for
   * the layers of {@code model} itself: the same network, up to rounding of floats. A batch norm
   * takes the rounding of the bias that it is merged into, unless it has no bias itself.
   *
   * @throws InvalidSpecException when {@link #check} finds a mistake
   */
  public static Overlay rounded(TrainedModel model, Quantization how) {
    var mistakes = new Mistakes();
    check(model.spec(), mistakes);
    mistakes.throwIfAny();
    var quantizer = new Quantizer(model, how, true);
    var merged = Map.copyOf(quantizer.tensors);
    quantizer.run();
    return new Overlay(quantizer.unmerged(model.weights(), merged), quantizer.neurons);
  }

  /**
   * Divides the rounded weights by the factors of the batch norms that were merged into them.
   *
   * @param merged weights after merging, before rounding
   */
  private Map<String, Tensor> unmerged(StateDict original, Map<String, Tensor> merged) {
    var rounded = new LinkedHashMap<String, Tensor>();
    tensors.forEach(
        (name, tensor) -> {
          Tensor before = original.tensors().get(name);
          Tensor after = Objects.requireNonNull(merged.get(name));
          if (before == null || tensor == after) {
            return;
          }
          if (before == after) {
            rounded.put(name, tensor);
          } else if (name.endsWith(".weight")) {
            var data = tensor.data().clone();
            for (int i = 0; i < data.length; i++) {
              float factor = after.data()[i] / before.data()[i];
              data[i] =
                  factor == 0 || !Float.isFinite(factor) ? before.data()[i] : data[i] / factor;
            }
            rounded.put(name, new Tensor(tensor.shape(), data));
          }
        });
    for (Graph.Vertex layer : graph.layers()) {
      if (layer.spec() instanceof NormSpec.Batch norm && norm.bias()) {
        int into = layer.input();
        while (graph.layer(into).spec() instanceof DropoutSpec) {
          into = graph.layer(into).input();
        }
        String bias = graph.layer(into).name() + ".bias";
        float[] exact = Objects.requireNonNull(merged.get(bias)).data();
        float[] whole = tensor(bias).data();
        Tensor own = Objects.requireNonNull(original.tensors().get(layer.name() + ".bias"));
        // The norm adds its bias last, so that a change of it changes the merged bias as much.
        var changed = own.data().clone();
        for (int c = 0; c < changed.length; c++) {
          changed[c] += whole[c] - exact[c];
        }
        rounded.put(layer.name() + ".bias", new Tensor(own.shape(), changed));
      }
    }
    return rounded;
  }

  private void run() {
    var areas = new HashMap<Integer, Float>();
    for (Graph.Vertex layer : graph.order()) {
      int i = layer.index();
      float area = areas.getOrDefault(layer.input(), 1f);
      switch (rewrite.layer(i)) {
        // A chip can only sum, so an average becomes a sum and the next weights are divided by the
        // area.
        case PoolSpec.AvgPool2d pool when pool.padding().equals(Size2.ZERO) && feedsWeights(i) -> {
          if (!inOwnUnits) {
            rewrite.replace(
                i,
                new PoolSpec.SumPool2d(pool.kernelSize(), pool.stride(), false, pool.ceilMode()));
          }
          areas.put(i, area * pool.kernelSize().h() * pool.kernelSize().w());
        }
        case SynapticSpec _ -> quantize(layer, area);
        case null, default -> {
          if (isScaledThrough(layer.spec())) {
            areas.put(i, area);
          }
        }
      }
    }
  }

  private void quantize(Graph.Vertex layer, float area) {
    Graph.Vertex driven = neurons(graph, layer);
    String i = layer.name();
    var weights = new ArrayList<>(List.of(i + ".weight", i + ".bias"));
    if (driven != null) {
      String n = driven.name();
      weights.addAll(List.of(n + ".rec_connect.weight", n + ".rec_connect.bias"));
    }
    weights.retainAll(tensors.keySet());
    tensors.computeIfPresent(i + ".weight", (_, tensor) -> divided(tensor, area));
    float scale = Float.POSITIVE_INFINITY;
    for (String name : weights) {
      scale = Math.min(scale, scale(tensor(name).data(), how.bits(i)));
    }
    if (driven != null) {
      scale = Math.min(scale, scale(bounds((NeuronSpec.Spiking) driven.spec()), how.stateBits()));
    }
    // Weights that are all 0 can have any scale.
    float factor = Float.isInfinite(scale) ? 1 : scale;
    for (String name : weights) {
      float unit = !inOwnUnits ? 1 : name.equals(i + ".weight") ? area / factor : 1 / factor;
      tensors.computeIfPresent(name, (_, tensor) -> rounded(tensor, factor, unit));
    }
    if (driven != null) {
      NeuronSpec.Spiking scaled = scaled((NeuronSpec.Spiking) driven.spec(), factor);
      rewrite.replace(driven.index(), scaled);
      neurons.put(driven.name(), scaled);
    } else if (!inOwnUnits) {
      for (Graph.Vertex next : graph.followers(layer.index())) {
        LayerSpec behind = rewrite.layer(next.index());
        if (behind != null) {
          rewrite.replace(next.index(), scaled(behind, factor));
        }
      }
    }
    scales.put(i, (double) factor);
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

  private static Tensor rounded(Tensor tensor, float scale, float unit) {
    var data = tensor.data().clone();
    for (int k = 0; k < data.length; k++) {
      // Removes the sign of a negative zero.
      data[k] = ((float) Math.rint(data[k] * scale) + 0f) * unit;
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

  /** Returns the neurons with potentials multiplied by {@code scale}. */
  private NeuronSpec.Spiking scaled(NeuronSpec.Spiking neurons, float scale) {
    double unit = inOwnUnits ? 1.0 / scale : 1;
    // A threshold rounded to 0 would make neurons spike forever.
    Constant threshold =
        neurons.spikeThreshold().map(value -> unit * Math.max(1, rounded(value, scale)));
    double lowest =
        unit
            * (neurons.minVMem() == null
                ? -(1 << how.stateBits() - 1)
                : rounded(neurons.minVMem(), scale));
    Double value = neurons.resetFn().value();
    var reset =
        value == null
            ? neurons.resetFn()
            : new ResetFn(neurons.resetFn().kind(), unit * rounded(value, scale));
    return Objects.requireNonNull(
        neurons.scaled(threshold, reset, lowest, number -> unit * rounded(number, scale)));
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

  /** Rebuilds the model; layers that were merged are replaced by layers without an effect. */
  private Quantized result(ModelSpec original) {
    for (Graph.Vertex layer : graph.layers()) {
      if (rewrite.layer(layer.index()) == null) {
        rewrite.replace(layer.index(), new ShapeSpec.FlattenTime());
      }
    }
    return new Quantized(rewrite.build(original.name(), tensors), scales);
  }
}
