package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.interop.Weights;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ObjectNode;

/** Reads a network from a NIR file. */
public final class NirReader {

  /** Potential of the neurons that stand for an integrator stays the same in float32. */
  private static final double NO_LEAK_TAU = 1e9;

  /**
   * The output of a node.
   *
   * @param layer index of the layer that puts it out, or {@link Graph#INPUT_INDEX}
   * @param area factor from the node's output to the layer's output
   * @param exclusive whether the layer's output is read only as this signal
   */
  private record Signal(int layer, float area, boolean exclusive) {}

  private final NirGraph graph;
  private final NirDialect dialect;
  private final Map<String, String> about;
  private final RememberedNeurons remembered;
  private final List<LayerSpec> layers = new ArrayList<>();
  private final List<String> names = new ArrayList<>();
  private final List<List<Integer>> inputs = new ArrayList<>();
  private final List<String> paths = new ArrayList<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, Signal> signals = new HashMap<>();
  private final Map<List<Integer>, Integer> sums = new HashMap<>();
  private final MovingNodes moving;
  private final Map<String, Integer> concatenations = new HashMap<>();
  private final List<String> assumptions = new ArrayList<>();

  private NirReader(NirGraph graph, @Nullable NirDialect dialect) {
    this.graph = graph;
    about = graph.root().metadata();
    this.dialect = dialect == null ? dialect(about.get("dialect")) : dialect;
    remembered = new RememberedNeurons(this.dialect);
    moving = new MovingNodes(graph, about);
  }

  /**
   * Reads a network.
   *
   * @param dialect whose file it is; if null, the one its metadata names, else sinabs
   * @throws UnreadableFileException if {@code file} is truncated or not a NIR file
   * @throws InvalidSpecException if a node has no equivalent layer; the message names it
   */
  public static NirModel read(byte[] file, @Nullable NirDialect dialect) {
    return read(file, dialect, _ -> {});
  }

  /**
   * Same as the method without {@code reserve}, with a memory limit.
   *
   * @param reserve called with the size of compressed arrays in bytes before they are unpacked; may
   *     throw
   */
  public static NirModel read(byte[] file, @Nullable NirDialect dialect, LongConsumer reserve) {
    return read(NirGraph.read(file, reserve), dialect);
  }

  static NirModel read(NirGraph graph, @Nullable NirDialect dialect) {
    return new NirReader(graph, dialect).model();
  }

  private NirModel model() {
    List<Integer> inputShape = NirInput.shape(graph, about, assumptions);
    for (NirNode bare : graph.order()) {
      NirNode node = withMetadata(bare);
      Signal in = timeLayers(input(node), node.path());
      Signal out = add(node, in);
      signals.put(
          node.path(),
          new Signal(
              out.layer(),
              out.area(),
              (out.exclusive() || out.layer() != in.layer())
                  && graph.readers().getOrDefault(node.path(), 0) <= 1));
    }
    NirNode last = graph.order().getLast();
    settle(Objects.requireNonNull(signals.get(last.path())), last);
    var nodes = new ArrayList<Node>();
    for (int i = 0; i < layers.size(); i++) {
      String name = names.get(i).equals(Integer.toString(i)) ? null : names.get(i);
      List<String> its =
          inputs.get(i).equals(List.of(i - 1))
              ? null
              : inputs.get(i).stream()
                  .map(input -> input == Graph.INPUT_INDEX ? Graph.INPUT : names.get(input))
                  .toList();
      nodes.add(new Node(name, its, layers.get(i)));
    }
    return checked(new ModelSpec(about.get("name"), inputShape, nodes, null));
  }

  /** Reports mistakes in a layer at its node. */
  private NirModel checked(ModelSpec model) {
    var mistakes = new Mistakes();
    model.check(mistakes);
    if (mistakes.isEmpty()) {
      return new NirModel(
          model, Weights.of(model, new StateDict(tensors)), List.copyOf(assumptions));
    }
    throw new InvalidSpecException(
        mistakes.list().stream()
            .map(
                m -> {
                  String[] pointer = m.pointer().split("/", 4);
                  return pointer.length > 2 && pointer[1].equals("layers")
                      ? new Mistake(
                          paths.get(Integer.parseInt(pointer[2]))
                              + (pointer.length > 3 ? "/" + pointer[3] : ""),
                          m.detail())
                      : m;
                })
            .toList());
  }

  private static NirDialect dialect(@Nullable String name) {
    return Arrays.stream(NirDialect.values())
        .filter(d -> d.name().equals(name))
        .findFirst()
        .orElse(NirDialect.SINABS);
  }

  private NirNode withMetadata(NirNode node) {
    String kept = about.get(NirWriter.OF_NODE + node.path().replaceFirst("^/node/nodes/", ""));
    if (kept == null || !node.metadata().isEmpty()) {
      return node;
    }
    try {
      return SpecJson.read(kept) instanceof ObjectNode json
          ? node.withMetadata(NirWriter.metadata(json))
          : node;
    } catch (JacksonException e) {
      return node;
    }
  }

  /** The input of a node: the sum of its sources. */
  private Signal input(NirNode node) {
    var sources = new ArrayList<Signal>();
    var joined = new HashSet<String>();
    for (String path : graph.sources().getOrDefault(node.path(), Set.of())) {
      MovingNodes.Concatenation whole = moving.concatenation(path);
      if (whole == null) {
        sources.add(signal(path));
      } else if (joined.add(whole.name())) {
        sources.add(new Signal(concatenated(whole), 1, false));
      }
    }
    if (sources.isEmpty()) {
      return new Signal(Graph.INPUT_INDEX, 1, true);
    }
    if (sources.size() == 1) {
      return sources.getFirst();
    }
    float area = sources.getFirst().area();
    if (sources.stream().anyMatch(signal -> signal.area() != area)) {
      throw node.invalid(null, "adds signals that are scaled differently");
    }
    List<Integer> added = sources.stream().map(Signal::layer).sorted().toList();
    if (added.stream().distinct().count() < added.size()) {
      throw node.invalid(null, "adds the same signal twice");
    }
    Integer known = sums.get(added);
    if (known == null) {
      String name = about.getOrDefault(NirWriter.SUM_BEFORE + nameOf(node), nameOf(node) + "_add");
      known = addLayer(new JoinSpec.Add(), name, added, node.path());
      sums.put(added, known);
    }
    return new Signal(known, area, false);
  }

  private Signal signal(String path) {
    return Objects.requireNonNull(signals.get(path));
  }

  private int concatenated(MovingNodes.Concatenation whole) {
    Integer known = concatenations.get(whole.name());
    if (known != null) {
      return known;
    }
    var parts = new ArrayList<Integer>();
    for (NirNode part : whole.parts()) {
      Signal signal = signal(part.path());
      if (signal.area() != 1) {
        throw part.invalid(null, "moves a scaled signal into a concatenation");
      }
      parts.add(signal.layer());
    }
    int index =
        addLayer(new JoinSpec.Concat(1), whole.name(), parts, whole.parts().getFirst().path());
    concatenations.put(whole.name(), index);
    return index;
  }

  /** Layers that only say where time is, which NIR has no nodes for. */
  private Signal timeLayers(Signal in, String path) {
    Signal signal = in;
    while (about.containsKey(NirWriter.TIME_LAYER + layers.size())) {
      String type = about.getOrDefault(NirWriter.TIME_LAYER + layers.size(), "");
      LayerSpec layer =
          switch (type) {
            case "FlattenTime" -> new ShapeSpec.FlattenTime();
            case "UnflattenTime" -> new ShapeSpec.UnflattenTime();
            case "Identity" -> new ShapeSpec.Identity();
            default -> throw graph.root().invalid("metadata", "names an unknown layer " + type);
          };
      int index = addLayer(layer, Integer.toString(layers.size()), List.of(signal.layer()), path);
      signal = new Signal(index, signal.area(), signal.exclusive());
    }
    return signal;
  }

  private int addLayer(LayerSpec layer, String name, List<Integer> its, String path) {
    layers.add(layer);
    inputs.add(its);
    paths.add(path);
    String unique = name;
    while (names.contains(unique) || unique.equals(Graph.INPUT)) {
      unique += "_";
    }
    names.add(unique);
    return layers.size() - 1;
  }

  /** A node's name; in a graph within the graph, behind that graph's name and a dot. */
  private String nameOf(NirNode node) {
    String path = node.path();
    int inner;
    while ((inner = path.lastIndexOf("/nodes/")) > "/node".length() && isAlone(path, inner)) {
      path = path.substring(0, inner);
    }
    return path.substring("/node/nodes/".length())
        .replace("/nodes/", ".")
        .replaceAll("[/~\\p{Cntrl}]|^\\.|\\.$|(?<=\\.)\\.", "_");
  }

  /** Whether a node is all that a graph within the graph holds, apart from its ends. */
  private boolean isAlone(String path, int inner) {
    String group = path.substring(0, inner + "/nodes/".length());
    return graph.order().stream()
            .filter(n -> n.path().startsWith(group))
            .filter(n -> !Set.of("Input", "Output").contains(n.type()))
            .count()
        == 1;
  }

  /** Adds the layer that a node means, if any; returns the node's output. */
  private Signal add(NirNode node, Signal in) {
    Float factor = moving.factor(node);
    if (factor != null) {
      return new Signal(in.layer(), in.area() / factor, in.exclusive());
    }
    if (node.wayBack() != null && !RememberedNeurons.isSpiking(node)) {
      throw node.invalid(null, "leads back to itself, which only spiking neurons can do here");
    }
    return switch (node.type()) {
      case "Input", "Output" -> in;
      case "Scale" -> scaled(node, in);
      case "Conv2d", "Conv1d", "Affine", "Linear" -> addSynapses(node, in);
      case "SumPool2d", "AvgPool2d" -> {
        PoolSpec pool = NodeLayers.pool(node);
        yield new Signal(
            append(pool, node, in), in.area() * NodeLayers.area(pool, node.type()), true);
      }
      case "Flatten" -> new Signal(append(NodeLayers.flatten(node), node, in), in.area(), true);
      case "NIRGraph" -> throw node.invalid(null, "is a graph without nodes");
      default -> addNeurons(node, in);
    };
  }

  private int append(LayerSpec layer, NirNode node, Signal in) {
    return addLayer(layer, nameOf(node), List.of(in.layer()), node.path());
  }

  private Signal addSynapses(NirNode node, Signal in) {
    SynapticSpec synaptic = NodeLayers.synaptic(node);
    int index = append(synaptic, node, in);
    Tensor weight = node.tensor("weight");
    float[] data = weight.data().clone();
    for (int i = 0; i < data.length; i++) {
      data[i] /= in.area();
    }
    tensors.put(names.get(index) + ".weight", new Tensor(weight.shape(), data));
    if (synaptic.bias()) {
      tensors.put(names.get(index) + ".bias", node.tensor("bias"));
    }
    return new Signal(index, 1, true);
  }

  /**
   * Multiplies a signal: a single factor is merged into the weights that read it, several factors
   * into the rows of the weights before it.
   */
  private Signal scaled(NirNode node, Signal in) {
    if (node.isUniform("scale")) {
      float factor = node.uniform("scale");
      if (factor == 0) {
        throw node.invalid("scale", "must not be 0");
      }
      return new Signal(in.layer(), in.area() / factor, in.exclusive());
    }
    float[] scale = node.tensor("scale").data();
    SynapticSpec before = soleSynapses(in);
    if (before == null) {
      throw node.invalid(
          "scale", "differs between values, which needs weights right before it to multiply");
    }
    Tensor weight = Objects.requireNonNull(tensors.get(names.get(in.layer()) + ".weight"));
    int rows = weight.shape()[0];
    int each = scale.length / rows;
    for (int i = 0; i < scale.length; i++) {
      if (each * rows != scale.length || scale[i] != scale[i / each * each]) {
        throw node.invalid("scale", "must have one value for each of the " + rows + " channels");
      }
    }
    multiply(in.layer(), row -> scale[row * each]);
    return in;
  }

  /** The factor of each row of weights. */
  private interface Factor {
    float of(int row);
  }

  private void multiply(int layer, Factor factor) {
    for (String array : List.of(".weight", ".bias")) {
      Tensor tensor = tensors.get(names.get(layer) + array);
      if (tensor != null) {
        float[] data = tensor.data().clone();
        int each = data.length / tensor.shape()[0];
        for (int i = 0; i < data.length; i++) {
          data[i] *= factor.of(i / each);
        }
        tensors.put(names.get(layer) + array, new Tensor(tensor.shape(), data));
      }
    }
  }

  /** The synapses whose output a signal is, if it is all that reads them. */
  private @Nullable SynapticSpec soleSynapses(Signal signal) {
    return signal.layer() != Graph.INPUT_INDEX
            && signal.exclusive()
            && layers.get(signal.layer()) instanceof SynapticSpec synaptic
        ? synaptic
        : null;
  }

  /** The signal without a scale. */
  private Signal settle(Signal in, NirNode node) {
    if (in.area() == 1) {
      return in;
    }
    if (soleSynapses(in) == null) {
      throw node.invalid(
          null, "reads a scaled signal, and there are no weights to make up for the scale");
    }
    multiply(in.layer(), row -> 1 / in.area());
    return new Signal(in.layer(), 1, in.exclusive());
  }

  private Signal addNeurons(NirNode node, Signal in) {
    switch (node.type()) {
      case "LI", "CubaLI", "I" -> {
        return addLeak(node, soleSynapses(in) == null ? in : settle(in, node));
      }
      default -> {}
    }
    // A scale is merged into the weights before it or, without weights, into thresholds.
    boolean apart = node.wayBack() == null && soleSynapses(in) == null && in.area() > 0;
    Signal read = apart ? in : settle(in, node);
    float scale = read.area();
    if (node.type().equals("Threshold")) {
      return new Signal(
          append(Potentials.scaled(NirDialect.readThreshold(node), scale), node, read), 1, true);
    }
    LayerSpec neurons =
        remembered.neurons(node, () -> spiking(node), scale) instanceof NeuronSpec.Spiking kept
            ? kept
            : scale == 1
                ? spiking(node)
                : Potentials.scaled((NeuronSpec.Spiking) spiking(node), scale);
    int index = append(neurons, node, read);
    if (node.wayBack() != null && neurons instanceof NeuronSpec.Recurrent recurrent) {
      readWayBack(node.wayBack(), index, recurrent, read);
    }
    return new Signal(index, 1, true);
  }

  /** Adds neurons that do not spike, whose output is scaled as their input. */
  private Signal addLeak(NirNode node, Signal in) {
    NirDialect.ScaledLeak read =
        switch (node.type()) {
          case "CubaLI" -> dialect.readCubaLeak(node);
          case "I" -> {
            dialect.checkIntegrator(node);
            yield new NirDialect.ScaledLeak(
                new NeuronSpec.ExpLeak(Constant.of(NO_LEAK_TAU), null, false, false, null), 1);
          }
          default -> new NirDialect.ScaledLeak(dialect.readLeak(node), 1);
        };
    // If a node's fields were changed after it was written, they take precedence.
    return remembered.neurons(node, read::layer, 1) instanceof NeuronSpec.ExpLeak kept
        ? new Signal(append(kept, node, in), in.area(), true)
        : new Signal(append(read.layer(), node, in), (float) (in.area() / read.scale()), true);
  }

  /**
   * Adds the weights from neurons back to themselves. Other libraries add their bias from the first
   * time step on, recurrent layers here from the second; it is therefore merged into the bias
   * before the neurons.
   */
  private void readWayBack(NirNode back, int index, NeuronSpec.Recurrent neurons, Signal in) {
    String name = names.get(index) + ".rec_connect.";
    tensors.put(name + "weight", dialect.back(back.tensor("weight")));
    int n = NodeLayers.weightShape(back, 2)[0];
    if (neurons.recurrentBias()) {
      tensors.put(name + "bias", new Tensor(new int[] {n}, new float[n]));
    }
    if (!NodeLayers.hasNonzeroBias(back)) {
      return;
    }
    if (dialect == NirDialect.LAVA) {
      throw back.invalid("bias", "must be 0 in the dialect LAVA, whose importer leaves it out");
    }
    if (!(soleSynapses(in) instanceof SynapticSpec.Linear linear) || linear.outFeatures() != n) {
      throw back.invalid("bias", "must be 0 where there is no Affine or Linear before the neurons");
    }
    String before = names.get(in.layer()) + ".bias";
    var sum = back.tensor("bias").data().clone();
    var own = tensors.getOrDefault(before, new Tensor(new int[] {n}, new float[n])).data();
    for (int k = 0; k < Math.min(sum.length, own.length); k++) {
      sum[k] += own[k];
    }
    layers.set(
        in.layer(), new SynapticSpec.Linear(linear.inFeatures(), linear.outFeatures(), true));
    tensors.put(before, new Tensor(new int[] {sum.length}, sum));
  }

  private LayerSpec spiking(NirNode node) {
    NeuronSpec.Spiking neurons = dialect.read(node);
    if (node.wayBack() == null) {
      return neurons;
    }
    // Recurrent layers have the same options as the other layers, except those of the backward
    // pass, which a file does not contain.
    ObjectNode json = SpecJson.json(neurons).put("type", neurons.typeName() + "Recurrent");
    json.remove(List.of("train_constants", "detach_reset"));
    json.set("rec_connect", SpecJson.json(NodeLayers.linear(node.wayBack(), false)));
    return SpecJson.layer(json);
  }
}
