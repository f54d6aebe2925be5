package dev.spikewise.interop.nir;

import static dev.spikewise.interop.nir.NodeGroup.convolution;
import static dev.spikewise.interop.nir.NodeGroup.dims;
import static dev.spikewise.interop.nir.NodeGroup.pair;
import static dev.spikewise.interop.nir.NodeGroup.put;
import static dev.spikewise.interop.nir.NodeGroup.scalar;
import static dev.spikewise.interop.nir.NodeGroup.vector;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.interop.Weights;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
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
import io.jhdf.HdfFile;
import io.jhdf.api.WritableGroup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes networks as NIR files. Options that NIR cannot express ({@code spike_fn}, {@code
 * reset_fn}, {@code min_v_mem}, ...) are stored in each node's metadata. The reader uses them only
 * if they agree with the node's own fields.
 */
public final class NirWriter {

  /** Metadata of the graph: another node's metadata, the type of a layer, the name of a sum. */
  static final String OF_NODE = "node.";

  static final String TIME_LAYER = "layer.";
  static final String SUM_BEFORE = "sum.";

  /** The same: a node that puts its input into a part of a Concat, whose name it gives. */
  static final String PART = "part.";

  /** The same: a node that only multiplies its input. */
  static final String FACTOR = "factor.";

  /** Most weights of a node that only moves or multiplies its input. */
  private static final long MOST_MOVING = 1 << 24;

  /** Version of the reference implementation whose files these are like. */
  private static final String VERSION = "1.0.7";

  /** Nodes that nir up to 1.0.4 cannot read with metadata of their own: the graph keeps theirs. */
  private static final Set<String> WITHOUT_METADATA = Set.of("Conv2d", "AvgPool2d");

  /**
   * The output of a layer in the file.
   *
   * @param nodes names of the nodes whose outputs add up to it
   * @param area factor from the nodes' output to the layer's output
   */
  private record Signal(List<String> nodes, float area) {}

  private final Graph network;
  private final StateDict weights;
  private final NirDialect dialect;
  private final WritableGroup about;
  private final WritableGroup nodes;
  private final Map<Integer, Signal> signals = new HashMap<>();
  private final List<String[]> edges = new ArrayList<>();

  /** Names of nodes that are no layers. */
  private final Set<String> helpers = new HashSet<>(Set.of(Graph.INPUT));

  private NirWriter(WritableGroup graph, TrainedModel model, NirDialect dialect) {
    network = model.spec().graph();
    weights = model.weights();
    this.dialect = dialect;
    graph.putDataset("type", "NIRGraph");
    about = graph.putGroup("metadata");
    about.putDataset("dialect", dialect.name());
    String name = model.spec().name();
    if (name != null && !name.isEmpty()) {
      about.putDataset("name", name);
    }
    nodes = graph.putGroup("nodes");
  }

  /**
   * Writes a network so that {@code dialect}'s importer computes the same as this network, as far
   * as NIR can express it: spike and reset functions are those of the importer. Dropout is left
   * out, and a BatchNorm2d becomes part of its Conv2d.
   *
   * @throws InvalidSpecException if the dialect has no node for a layer or cannot represent a
   *     weight; the message names it
   */
  public static byte[] write(ModelSpec model, StateDict weights, NirDialect dialect) {
    var trained = new TrainedModel(model, Weights.of(model, weights));
    var used =
        model.layers().stream()
                .anyMatch(layer -> layer instanceof DropoutSpec || layer instanceof NormSpec)
            ? trained.merged()
            : trained;
    try {
      Path file = Files.createTempFile("spikewise", ".nir");
      try {
        try (var hdf = HdfFile.write(file)) {
          hdf.putDataset("version", VERSION);
          WritableGroup graph = hdf.putGroup("node");
          graph.putDataset("edges", new NirWriter(graph, used, dialect).edges());
        }
        return Files.readAllBytes(file);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String[][] edges() {
    checkNames();
    put(nodes, Graph.INPUT, "Input", Map.of("shape", dims(network.inputShape())), Map.of());
    signals.put(Graph.INPUT_INDEX, new Signal(List.of(Graph.INPUT), 1));
    for (Graph.Vertex vertex : network.order()) {
      signals.put(vertex.index(), write(vertex));
    }
    Graph.Vertex last = network.output();
    String name = unusedName("output");
    put(nodes, name, "Output", Map.of("shape", dims(last.shape())), Map.of());
    Signal out = unscaled(signal(last.index()), last.index(), last, last.shape());
    connect(last.index(), out, name);
    return edges.toArray(String[][]::new);
  }

  /** PyTorch's importers write an underscore for each dot. */
  private void checkNames() {
    var seen = new HashSet<String>();
    for (Graph.Vertex vertex : network.order()) {
      if (!seen.add(vertex.name().replace('.', '_'))) {
        throw new InvalidSpecException(
            "/layers/" + vertex.index() + "/name",
            "must differ from the other names by more than dots and underscores to be written to"
                + " NIR, but was "
                + vertex.name());
      }
    }
  }

  /** A name like {@code wanted} that no node has. */
  private String unusedName(String wanted) {
    String name = wanted;
    while (taken(name)) {
      name += "_";
    }
    helpers.add(name);
    return name;
  }

  private boolean taken(String name) {
    return helpers.contains(name)
        || network.order().stream()
            .map(vertex -> vertex.name().replace('.', '_'))
            .anyMatch(name.replace('.', '_')::equals);
  }

  private Signal signal(int layer) {
    return Objects.requireNonNull(signals.get(layer));
  }

  private static InvalidSpecException refused(Graph.Vertex vertex, String detail) {
    return new InvalidSpecException("/layers/" + vertex.index(), detail);
  }

  /** Connects the output of the layer {@code from} to the node {@code to}. */
  private void connect(int from, String to) {
    connect(from, signal(from), to);
  }

  private void connect(int from, Signal signal, String to) {
    signal.nodes().forEach(node -> edges.add(new String[] {node, to}));
    if (signal.nodes().size() > 1
        && from != Graph.INPUT_INDEX
        && network.layer(from).spec() instanceof JoinSpec.Add) {
      about.putDataset(SUM_BEFORE + to, network.layer(from).name());
    }
  }

  /** Writes the node of a layer, if it has one; returns the layer's output. */
  private Signal write(Graph.Vertex vertex) {
    Signal in = signal(vertex.input());
    switch (vertex.spec()) {
      case ShapeSpec.FlattenTime _, ShapeSpec.UnflattenTime _, ShapeSpec.Identity _ -> {
        if (network.isSequence()) {
          about.putDataset(TIME_LAYER + vertex.index(), vertex.spec().typeName());
        }
        return in;
      }
      case JoinSpec.Add _ -> {
        return sum(vertex);
      }
      case JoinSpec.Concat _ -> {
        return concatenation(vertex);
      }
      default -> {}
    }
    LayerSpec layer =
        vertex.spec() instanceof NeuronSpec neuron ? trained(vertex, neuron) : vertex.spec();
    NeuronSpec unit = null;
    if (layer instanceof NeuronSpec.Recurrent) {
      in = unscaled(in, vertex, vertex.inputShape());
    } else if (layer instanceof NeuronSpec.Spiking spiking && in.area() != 1) {
      unit = Potentials.scaled(spiking, 1 / in.area());
    }
    String at = "/layers/" + vertex.index();
    dialect.check(at, layer, vertex.inputShape(), isBiased(vertex));
    String type = type(at, layer);
    ObjectNode json = SpecJson.json(layer).put("type", layer.typeName());
    boolean apart = WITHOUT_METADATA.contains(type);
    if (apart) {
      about.putDataset(OF_NODE + vertex.name(), SpecJson.write(json));
    }
    var fields = fields(vertex, unit == null ? layer : unit, in.area());
    if (layer instanceof NeuronSpec.Recurrent) {
      putRecurrent(vertex, type, fields, metadata(json));
    } else {
      put(nodes, vertex.name(), type, fields, apart ? Map.of() : metadata(json));
    }
    connect(vertex.input(), in, vertex.name());
    float area =
        switch (layer) {
          case PoolSpec pool -> in.area() * NodeLayers.area(pool, type);
          case SynapticSpec _, NeuronSpec.Spiking _ -> 1;
          default -> in.area();
        };
    return new Signal(List.of(vertex.name()), area);
  }

  /** NIR has no node for a sum: whatever reads it has an edge from each of its parts. */
  private Signal sum(Graph.Vertex vertex) {
    boolean alike =
        vertex.inputs().stream().map(this::signal).mapToDouble(Signal::area).distinct().count()
            == 1;
    var parts = new ArrayList<String>();
    for (int input : vertex.inputs()) {
      Signal part = signal(input);
      parts.addAll((alike ? part : unscaled(part, input, vertex, vertex.shape())).nodes());
    }
    if (new HashSet<>(parts).size() < parts.size()) {
      throw refused(vertex, "adds the same signal twice, which NIR's edges cannot say");
    }
    return new Signal(List.copyOf(parts), alike ? signal(vertex.input()).area() : 1);
  }

  /**
   * NIR has no node for a concatenation either: it is the sum of its parts, each moved to its
   * channels by weights of 0 and 1.
   */
  private Signal concatenation(Graph.Vertex vertex) {
    if (dialect == NirDialect.LAVA) {
      throw refused(vertex, "Concat cannot be written for Lava");
    }
    var parts = new ArrayList<String>();
    int first = 0;
    for (int input : vertex.inputs()) {
      Shape part = input == Graph.INPUT_INDEX ? network.inputShape() : network.layer(input).shape();
      String name = unusedName(vertex.name() + "_" + parts.size());
      moving(vertex, name, part, first, vertex.shape().dim(0), signal(input).area());
      about.putDataset(PART + name, vertex.name());
      connect(input, name);
      parts.add(name);
      first += part.dim(0);
    }
    return new Signal(List.copyOf(parts), 1);
  }

  /** The signal that {@code reader} takes for itself, multiplied if it is scaled. */
  private Signal unscaled(Signal in, Graph.Vertex reader, Shape shape) {
    return unscaled(in, reader.input(), reader, shape);
  }

  private Signal unscaled(Signal in, int from, Graph.Vertex reader, Shape shape) {
    if (in.area() == 1) {
      return in;
    }
    String name = unusedName(reader.name() + "_factor");
    moving(reader, name, shape, 0, shape.dim(0), in.area());
    about.putDataset(FACTOR + name, "");
    connect(from, in, name);
    return new Signal(List.of(name), 1);
  }

  /**
   * Adds weights that copy each input channel to one output channel, times a factor.
   *
   * @param first channel of the output that the input's first goes to
   */
  private void moving(
      Graph.Vertex vertex, String name, Shape input, int first, int outputs, float factor) {
    int inputs = input.dim(0);
    if ((long) inputs * outputs > MOST_MOVING) {
      throw refused(
          vertex,
          "has %d channels, too many to be written to NIR, which has no %s"
              .formatted(outputs, vertex.spec().typeName()));
    }
    var weight = new float[outputs * inputs];
    for (int channel = 0; channel < inputs; channel++) {
      weight[(first + channel) * inputs + channel] = factor;
    }
    Tensor bias = new Tensor(new int[] {outputs}, new float[outputs]);
    switch (input.rank()) {
      case 1 ->
          put(
              nodes,
              name,
              "Affine",
              Map.of("weight", new Tensor(new int[] {outputs, inputs}, weight), "bias", bias),
              Map.of());
      case 3 ->
          put(
              nodes,
              name,
              "Conv2d",
              convolution(
                  Map.of(
                      "weight",
                      new Tensor(new int[] {outputs, inputs, 1, 1}, weight),
                      "bias",
                      bias),
                  vector(input.dim(1), input.dim(2)),
                  pair(Size2.ONE),
                  pair(Size2.ZERO),
                  pair(Size2.ONE),
                  1),
              Map.of());
      default ->
          throw refused(
              vertex,
              vertex.spec().typeName()
                  + " of (C, L) signals cannot be written to NIR; flatten them"
                  + " before");
    }
  }

  /** A graph of its own, as snnTorch's exporter writes RLeaky and RSynaptic. */
  private void putRecurrent(
      Graph.Vertex vertex, String type, Map<String, Tensor> fields, Map<String, String> metadata) {
    String at = "/layers/" + vertex.index();
    Tensor weight =
        Objects.requireNonNull(weights.tensors().get(vertex.name() + ".rec_connect.weight"));
    if (!Arrays.equals(weight.data(), dialect.back(weight).data())) {
      throw new InvalidSpecException(
          at + "/rec_connect/weight",
          "must be whole 32nds from -4 to 127/32 for Lava, which rounds them");
    }
    Tensor bias = weights.tensors().get(vertex.name() + ".rec_connect.bias");
    if (bias != null && !isZero(bias)) {
      throw new InvalidSpecException(
          at + "/rec_connect/bias",
          "must be 0 in NIR: here it is there from the second step on, for snnTorch from the"
              + " first");
    }
    WritableGroup graph = nodes.putGroup(vertex.name());
    graph.putDataset("type", "NIRGraph");
    WritableGroup inner = graph.putGroup("nodes");
    put(inner, "input", "Input", Map.of("shape", dims(vertex.inputShape())), Map.of());
    put(inner, "lif", type, fields, metadata);
    put(inner, "w_rec", "Linear", Map.of("weight", weight), Map.of());
    put(inner, "output", "Output", Map.of("shape", dims(vertex.shape())), Map.of());
    graph.putDataset(
        "edges",
        new String[][] {{"input", "lif"}, {"lif", "w_rec"}, {"w_rec", "lif"}, {"lif", "output"}});
  }

  private String type(String at, LayerSpec layer) {
    return switch (layer) {
      case SynapticSpec.Linear _ -> "Affine";
      case SynapticSpec.Conv1d _ when dialect != NirDialect.SINABS ->
          throw new InvalidSpecException(at, "Conv1d can be written for sinabs alone");
      case PoolSpec pool -> dialect.pool(pool);
      case NeuronSpec neuron -> dialect.type(at, neuron);
      default -> layer.typeName();
    };
  }

  private Map<String, Tensor> fields(Graph.Vertex vertex, LayerSpec layer, float area) {
    Shape input = vertex.inputShape();
    return switch (layer) {
      case NeuronSpec neuron -> dialect.write("/layers/" + vertex.index(), neuron, input).fields();
      case RectifierSpec _,
          PoolSpec.SpikingMaxPooling2dLayer _,
          PoolSpec.MaxPool2d _,
          ReducedPoolSpec _,
          SynapticSpec.ConvTranspose2d _,
          ShapeSpec.Upsample _,
          NormSpec _,
          JoinSpec _,
          DropoutSpec _ ->
          throw refused(vertex, layer.typeName() + " cannot be written to NIR");
      case SynapticSpec.Conv2d conv ->
          convolution(
              weights(vertex, area),
              vector(input.dim(1), input.dim(2)),
              pair(conv.stride()),
              pair(conv.padding()),
              pair(conv.dilation()),
              conv.groups());
      case SynapticSpec.Conv1d conv ->
          convolution(
              weights(vertex, area),
              scalar(input.dim(1)),
              scalar(conv.stride()),
              scalar(conv.padding().size()),
              scalar(conv.dilation()),
              conv.groups());
      case SynapticSpec.Linear _ -> weights(vertex, area);
      case PoolSpec pool when pool.ceilMode() ->
          throw refused(vertex, "ceil_mode must be false to be written to NIR");
      case PoolSpec.AvgPool2d pool when !pool.countIncludePad() ->
          throw refused(vertex, "count_include_pad must be true to be written to NIR");
      case PoolSpec pool ->
          Map.of(
              "kernel_size",
              pair(pool.kernelSize()),
              "stride",
              pair(pool.stride()),
              "padding",
              pair(pool.padding()));
      case ShapeSpec.Flatten flatten when !flatten.joinsAll(input) ->
          throw refused(vertex, "Flatten can be written to NIR only where it joins all dimensions");
      case ShapeSpec.Flatten _ ->
          Map.of(
              "start_dim",
              scalar(dialect.flattenStart()),
              "end_dim",
              scalar(-1),
              "input_type",
              dims(input));
      case ShapeSpec.FlattenTime _ -> Map.of();
      case ShapeSpec.Identity _ -> Map.of();
      case ShapeSpec.UnflattenTime _ -> Map.of();
    };
  }

  private boolean isBiased(Graph.Vertex vertex) {
    Tensor bias = weights.tensors().get(vertex.name() + ".bias");
    return bias != null && !isZero(bias);
  }

  static boolean isZero(Tensor tensor) {
    for (float value : tensor.data()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  /** The layer with its time constants as they were trained. */
  private LayerSpec trained(Graph.Vertex vertex, NeuronSpec layer) {
    ObjectNode json = SpecJson.json(layer);
    for (String which : List.of("mem", "syn")) {
      Tensor tau = weights.tensors().get(vertex.name() + ".tau_" + which);
      Tensor alpha = weights.tensors().get(vertex.name() + ".alpha_" + which);
      if (tau != null) {
        SpecJson.put(json, "tau_" + which, tau, value -> value);
      } else if (alpha != null) {
        SpecJson.put(json, "tau_" + which, alpha, value -> -1 / Math.log(value));
      }
    }
    return SpecJson.layer(json);
  }

  private Map<String, Tensor> weights(Graph.Vertex vertex, float area) {
    Tensor weight = Objects.requireNonNull(weights.tensors().get(vertex.name() + ".weight"));
    var scaled = weight.data().clone();
    for (int k = 0; k < scaled.length; k++) {
      scaled[k] *= area;
    }
    int out = weight.shape()[0];
    Tensor bias =
        weights
            .tensors()
            .getOrDefault(vertex.name() + ".bias", new Tensor(new int[] {out}, new float[out]));
    return Map.of("weight", new Tensor(weight.shape(), scaled), "bias", bias);
  }

  static Map<String, String> metadata(ObjectNode layer) {
    var metadata = new LinkedHashMap<String, String>();
    layer
        .properties()
        .forEach(
            p -> {
              // The node's own fields are the lists of constants.
              if (PerNeuron.CONSTANTS.contains(p.getKey()) && p.getValue().isArray()) {
                return;
              }
              metadata.put(
                  p.getKey(),
                  p.getKey().equals("type")
                      ? p.getValue().asString("")
                      : SpecJson.write(p.getValue()));
            });
    return metadata;
  }
}
