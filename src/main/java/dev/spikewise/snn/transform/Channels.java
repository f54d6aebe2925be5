package dev.spikewise.snn.transform;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ChannelPruning;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.ReducedPoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The channels of a network that can be removed. Each output channel of a layer with weights is
 * followed through the graph; channels that an Add joins are one unit, which is removed in all
 * layers at once.
 */
public final class Channels {

  private final ModelSpec model;
  private final Graph graph;

  /** Parent of each unit in a forest of joined units. */
  private final List<Integer> parents = new ArrayList<>();

  /** Why a unit must stay, by the root of its tree. */
  private final Map<Integer, String> fixed = new HashMap<>();

  /** Unit of each entry of a value's first dimension, by the index of its layer. */
  private final Map<Integer, int[]> values = new HashMap<>();

  public Channels(ModelSpec model) {
    this.model = model;
    graph = model.graph();
    values.put(Graph.INPUT_INDEX, units(graph.inputShape().dim(0)));
    fix(Graph.INPUT_INDEX, "they are joined with the model's input");
    graph.order().forEach(layer -> values.put(layer.index(), follow(layer)));
    fix(graph.output().index(), "they are the model's output");
  }

  private int[] units(int count) {
    return IntStream.range(0, count)
        .map(
            _ -> {
              parents.add(parents.size());
              return parents.size() - 1;
            })
        .toArray();
  }

  private int[] follow(Graph.Vertex layer) {
    int[] in = values(layer.input());
    return switch (layer.spec()) {
      case SynapticSpec synaptic -> {
        int[] out = units(layer.shape().dim(0));
        if (groups(synaptic) > 1) {
          fix(in, "layer " + layer.name() + ", which reads them, has groups");
          fix(out, "the layer has groups");
        }
        yield out;
      }
      case NeuronSpec neuron -> {
        if (neuron instanceof NeuronSpec.Recurrent) {
          fix(in, "layer " + layer.name() + " is recurrent");
        } else if (neuron.constants().values().stream().anyMatch(c -> !c.shared())
            || neuron.parameters(layer.inputShape()).values().stream()
                .anyMatch(s -> s.size() > 1)) {
          fix(in, "neurons of layer " + layer.name() + " have constants of their own");
        }
        yield in;
      }
      case NormSpec.Batch _, DropoutSpec _, RectifierSpec _, PoolSpec _, ReducedPoolSpec _ -> in;
      case NormSpec.Frame _ -> {
        fix(in, "layer " + layer.name() + " normalises over them");
        yield in;
      }
      case ShapeSpec.Flatten _ -> repeated(in, layer.shape().dim(0));
      case ShapeSpec _ -> in;
      case JoinSpec.Add _ -> {
        for (int input : layer.inputs()) {
          for (int i = 0; i < in.length; i++) {
            join(in[i], values(input)[i]);
          }
        }
        yield in;
      }
      case JoinSpec.Concat _ ->
          layer.inputs().stream().flatMapToInt(input -> Arrays.stream(values(input))).toArray();
    };
  }

  /** A flattened channel has as many entries as it has positions. */
  private static int[] repeated(int[] units, int length) {
    int each = length / units.length;
    return IntStream.range(0, length).map(i -> units[i / each]).toArray();
  }

  private static int groups(SynapticSpec layer) {
    return switch (layer) {
      case SynapticSpec.Conv2d conv -> conv.groups();
      case SynapticSpec.Conv1d conv -> conv.groups();
      case SynapticSpec.ConvTranspose2d conv -> conv.groups();
      case SynapticSpec.Linear _ -> 1;
    };
  }

  private int[] values(int layer) {
    return Objects.requireNonNull(values.get(layer));
  }

  private int root(int unit) {
    int at = unit;
    while (parents.get(at) != at) {
      at = parents.get(at);
    }
    return at;
  }

  private void join(int one, int other) {
    int kept = Math.min(root(one), root(other));
    int gone = Math.max(root(one), root(other));
    if (kept != gone) {
      parents.set(gone, kept);
      String why = fixed.get(gone);
      if (why != null) {
        fixed.putIfAbsent(kept, why);
      }
    }
  }

  private void fix(int layer, String why) {
    fix(values(layer), why);
  }

  private void fix(int[] units, String why) {
    Arrays.stream(units).forEach(unit -> fixed.putIfAbsent(root(unit), why));
  }

  private List<Graph.Vertex> synaptic() {
    return graph.order().stream().filter(layer -> layer.spec() instanceof SynapticSpec).toList();
  }

  /** Why the channels of a layer with weights cannot be removed; null where they can. */
  public @Nullable String reason(String layer) {
    return synaptic().stream()
        .filter(vertex -> vertex.name().equals(layer))
        .flatMapToInt(vertex -> Arrays.stream(values(vertex.index())))
        .mapToObj(unit -> fixed.get(root(unit)))
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  /** Names of the layers whose channels can be removed. */
  public List<String> removable() {
    return synaptic().stream()
        .map(Graph.Vertex::name)
        .filter(name -> reason(name) == null)
        .toList();
  }

  /** A network with fewer channels, and what remains of each tensor. */
  public record Smaller(TrainedModel model, Map<String, Slice> slices) {

    /** What remains of the state of an optimiser. */
    public StateDict optimizer(StateDict state, StateDict weights) {
      var tensors = new LinkedHashMap<String, Tensor>();
      state
          .tensors()
          .forEach(
              (name, tensor) -> {
                String parameter = name.substring(0, name.lastIndexOf('.'));
                var slice = slices.get(parameter);
                var whole = weights.tensors().get(parameter);
                boolean like = whole != null && Arrays.equals(whole.shape(), tensor.shape());
                tensors.put(name, slice == null || !like ? tensor : slice.of(tensor));
              });
      return new StateDict(tensors);
    }
  }

  /**
   * Remaining entries of the first dimensions of a tensor.
   *
   * @param kept indices along the first and the second dimension; null for all
   */
  public record Slice(int[] @Nullable [] kept) {

    Tensor of(Tensor tensor) {
      int[] shape = tensor.shape().clone();
      float[] data = tensor.data();
      int outer = 1;
      for (int d = 0; d < kept.length; d++) {
        int[] indices = kept[d];
        if (indices != null) {
          int inner = 1;
          for (int k = d + 1; k < shape.length; k++) {
            inner *= shape[k];
          }
          var smaller = new float[outer * indices.length * inner];
          for (int o = 0; o < outer; o++) {
            for (int i = 0; i < indices.length; i++) {
              int from = (o * shape[d] + indices[i]) * inner;
              System.arraycopy(data, from, smaller, (o * indices.length + i) * inner, inner);
            }
          }
          data = smaller;
          shape[d] = indices.length;
        }
        outer *= shape[d];
      }
      return new Tensor(shape, data);
    }
  }

  /**
   * Removes the channels with the smallest norms, so that a fraction of the {@code original}
   * network's channels has been removed altogether; of equal norms, the first. At least one channel
   * of each layer remains.
   *
   * @return the smaller network; null where nothing is to be removed
   */
  public @Nullable Smaller remove(
      ChannelPruning how, double fraction, StateDict weights, ModelSpec original) {
    var whole = original.equals(model) ? this : new Channels(original);
    var norms = norms(how.norm(), weights);
    var left = new HashMap<Integer, Integer>();
    synaptic().forEach(layer -> left.put(layer.index(), roots(layer).length));
    var removed = new boolean[parents.size()];
    boolean any = false;
    for (List<Graph.Vertex> group : groups(how.layers())) {
      int[] units = units(group);
      int before = whole.units(group).length;
      int count = (int) Math.rint(fraction * before) - (before - units.length);
      var sorted =
          Arrays.stream(units)
              .boxed()
              .sorted(
                  (one, other) -> {
                    int order =
                        Double.compare(
                            norms.getOrDefault(one, 0.0), norms.getOrDefault(other, 0.0));
                    return order == 0 ? Integer.compare(one, other) : order;
                  })
              .toList();
      for (int unit : sorted) {
        var its =
            group.stream()
                .filter(layer -> Arrays.stream(roots(layer)).anyMatch(root -> root == unit))
                .toList();
        if (count > 0
            && its.stream()
                .allMatch(layer -> Objects.requireNonNull(left.get(layer.index())) > 1)) {
          its.forEach(layer -> left.merge(layer.index(), -1, Integer::sum));
          removed[unit] = true;
          any = true;
          count--;
        }
      }
    }
    return any ? without(removed, weights) : null;
  }

  /** Units of the layers of this network at the places of {@code group}'s. */
  private int[] units(List<Graph.Vertex> group) {
    return group.stream()
        .flatMapToInt(layer -> Arrays.stream(roots(graph.layer(layer.index()))))
        .distinct()
        .toArray();
  }

  private int[] roots(Graph.Vertex layer) {
    return Arrays.stream(values(layer.index())).map(this::root).distinct().toArray();
  }

  /** Layers whose channels are removed together. */
  private List<List<Graph.Vertex>> groups(@Nullable List<String> names) {
    var groups = new ArrayList<List<Graph.Vertex>>();
    var layers = synaptic().stream().filter(layer -> reason(layer.name()) == null).toList();
    for (Graph.Vertex layer : layers) {
      var joined = new ArrayList<>(List.of(layer));
      for (List<Graph.Vertex> group : List.copyOf(groups)) {
        if (group.stream().anyMatch(other -> share(layer, other))) {
          groups.remove(group);
          joined.addAll(group);
        }
      }
      groups.add(joined);
    }
    return groups.stream()
        .filter(
            group ->
                names == null || group.stream().anyMatch(layer -> names.contains(layer.name())))
        .toList();
  }

  private boolean share(Graph.Vertex one, Graph.Vertex other) {
    int[] others = roots(other);
    return Arrays.stream(roots(one))
        .anyMatch(root -> Arrays.stream(others).anyMatch(unit -> unit == root));
  }

  /** Norm of each unit: the sum over the layers that compute it. */
  private Map<Integer, Double> norms(ChannelPruning.Norm norm, StateDict weights) {
    var norms = new TreeMap<Integer, Double>();
    for (Graph.Vertex layer : synaptic()) {
      Tensor weight = Objects.requireNonNull(weights.tensors().get(layer.name() + ".weight"));
      boolean transposed = layer.spec() instanceof SynapticSpec.ConvTranspose2d;
      int[] units = values(layer.index());
      int[] shape = weight.shape();
      int inner = transposed ? weight.data().length / (shape[0] * shape[1]) : 1;
      var sums = new double[units.length];
      for (int i = 0; i < weight.data().length; i++) {
        int channel = transposed ? i / inner % shape[1] : i / (weight.data().length / units.length);
        double value = weight.data()[i];
        sums[channel] += norm == ChannelPruning.Norm.L1 ? Math.abs(value) : value * value;
      }
      for (int c = 0; c < units.length; c++) {
        double sum = norm == ChannelPruning.Norm.L1 ? sums[c] : Math.sqrt(sums[c]);
        norms.merge(root(units[c]), sum, Double::sum);
      }
    }
    return norms;
  }

  private int[] kept(int[] units, boolean[] removed) {
    return IntStream.range(0, units.length).filter(i -> !removed[root(units[i])]).toArray();
  }

  private Smaller without(boolean[] removed, StateDict weights) {
    var slices = new LinkedHashMap<String, Slice>();
    for (Graph.Vertex layer : graph.order()) {
      int[] out = kept(values(layer.index()), removed);
      switch (layer.spec()) {
        case SynapticSpec synaptic -> {
          if (groups(synaptic) == 1) {
            int[] in = kept(values(layer.input()), removed);
            boolean transposed = synaptic instanceof SynapticSpec.ConvTranspose2d;
            slices.put(
                layer.name() + ".weight",
                new Slice(transposed ? new int[][] {in, out} : new int[][] {out, in}));
            slices.put(layer.name() + ".bias", new Slice(new int[][] {out}));
          }
        }
        case NormSpec.Batch _ ->
            List.of("weight", "bias", "running_mean", "running_var")
                .forEach(
                    name -> slices.put(layer.name() + "." + name, new Slice(new int[][] {out})));
        default -> {}
      }
    }
    var tensors = new LinkedHashMap<String, Tensor>();
    weights
        .tensors()
        .forEach(
            (name, tensor) -> {
              var slice = slices.get(name);
              tensors.put(name, slice == null ? tensor : slice.of(tensor));
            });
    var smaller = new StateDict(tensors);
    return new Smaller(new TrainedModel(fit(model, smaller), smaller), slices);
  }

  /**
   * Returns the network that {@code weights} belong to: {@code model} with the numbers of channels
   * that they have.
   */
  public static ModelSpec fit(ModelSpec model, StateDict weights) {
    var nodes = new ArrayList<Node>();
    for (int i = 0; i < model.nodes().size(); i++) {
      Node node = model.nodes().get(i);
      nodes.add(node.with(fit(node.layer(), model.graph().layer(i).name(), weights)));
    }
    return new ModelSpec(model.name(), model.inputShape(), nodes, model.output());
  }

  private static LayerSpec fit(LayerSpec layer, String name, StateDict weights) {
    return switch (layer) {
      case SynapticSpec synaptic when groups(synaptic) == 1 -> {
        int[] shape = shape(name + ".weight", weights);
        yield synaptic instanceof SynapticSpec.ConvTranspose2d
            ? synaptic.withSizes(shape[0], shape[1])
            : synaptic.withSizes(shape[1], shape[0]);
      }
      case NormSpec.BatchNorm2d n when n.numFeatures() != null ->
          new NormSpec.BatchNorm2d(
              shape(name + ".running_mean", weights)[0],
              n.eps(),
              n.momentum(),
              n.affine(),
              n.bias());
      case NormSpec.BatchNorm1d n when n.numFeatures() != null ->
          new NormSpec.BatchNorm1d(
              shape(name + ".running_mean", weights)[0],
              n.eps(),
              n.momentum(),
              n.affine(),
              n.bias());
      default -> layer;
    };
  }

  private static int[] shape(String name, StateDict weights) {
    return Objects.requireNonNull(weights.tensors().get(name), name).shape();
  }
}
