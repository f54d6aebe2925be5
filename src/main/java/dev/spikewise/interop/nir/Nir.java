package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.interop.Weights;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.snn.TrainedModel;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
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
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import io.jhdf.HdfFile;
import io.jhdf.api.WritableGroup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Array;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ObjectNode;

/**
 * The Neuromorphic Intermediate Representation, <a
 * href="https://doi.org/10.1038/s41467-024-52259-9">Pedersen et al. 2024</a>, in HDF5 files. What
 * NIR has no word for ({@code spike_fn}, {@code reset_fn}, {@code min_v_mem}, ...) is kept in each
 * node's metadata, and believed when read only while it still says the same as the node's own
 * fields.
 */
public final class Nir {

  /** Version of the reference implementation whose files these are like. */
  private static final String VERSION = "1.0.7";

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

  /** Nodes that nir up to 1.0.4 cannot read with metadata of their own: the graph keeps theirs. */
  private static final Set<String> WITHOUT_METADATA = Set.of("Conv2d", "AvgPool2d");

  private static final String OF_NODE = "node.";

  private Nir() {}

  /**
   * Reads a sequential network.
   *
   * @param dialect whose file it is; if null, the one its metadata names, else sinabs
   * @throws UnreadableFileException where {@code file} is no whole NIR file
   * @throws InvalidSpecException naming the node that has no counterpart here
   */
  public static NirModel read(byte[] file, @Nullable NirDialect dialect) {
    List<NirNode> nodes = NirGraph.read(file);
    Map<String, String> about = nodes.getFirst().metadata();
    NirDialect its = dialect == null ? dialect(about.get("dialect")) : dialect;
    var layers = new ArrayList<LayerSpec>();
    var paths = new ArrayList<String>();
    var tensors = new LinkedHashMap<String, Tensor>();
    List<Integer> inputShape = inputShape(nodes.get(1));
    float area = 1;
    for (NirNode bare : nodes.subList(2, nodes.size())) {
      NirNode node = withMetadata(bare, about);
      while (about.containsKey("layer." + layers.size())) {
        layers.add(timeLayer(nodes.getFirst(), about.getOrDefault("layer." + layers.size(), "")));
        paths.add(node.path());
      }
      LayerSpec layer = layer(node, its);
      NirNode back = node.wayBack();
      if (back != null) {
        if (!(layer instanceof NeuronSpec.Recurrent recurrent)) {
          throw node.invalid(null, "leads back to itself, which only spiking neurons can do here");
        }
        readWayBack(back, recurrent, its, layers, tensors);
      }
      if (layer == null) {
        continue;
      }
      if (layer instanceof PoolSpec pool) {
        area *= area(pool, node.type());
      }
      if (layer instanceof SynapticSpec synaptic) {
        Tensor weight = node.tensor("weight");
        float[] data = weight.data().clone();
        for (int i = 0; i < data.length; i++) {
          data[i] /= area;
        }
        tensors.put(layers.size() + ".weight", new Tensor(weight.shape(), data));
        if (synaptic.bias()) {
          tensors.put(layers.size() + ".bias", node.tensor("bias"));
        }
        area = 1;
      }
      layers.add(layer);
      paths.add(node.path());
    }
    var model = ModelSpec.sequence(about.get("name"), inputShape, layers);
    return checked(model, new StateDict(tensors), paths);
  }

  /**
   * Adds the weights between neurons that come next. Elsewhere their bias is there from the first
   * step on, here from the second: it becomes part of the bias before the neurons.
   */
  private static void readWayBack(
      NirNode back,
      NeuronSpec.Recurrent neurons,
      NirDialect dialect,
      List<LayerSpec> layers,
      Map<String, Tensor> tensors) {
    String name = layers.size() + ".rec_connect.";
    tensors.put(name + "weight", dialect.back(back.tensor("weight")));
    int n = weightShape(back, 2)[0];
    if (neurons.recurrentBias()) {
      tensors.put(name + "bias", new Tensor(new int[] {n}, new float[n]));
    }
    if (!hasNonzeroBias(back)) {
      return;
    }
    if (dialect == NirDialect.LAVA) {
      throw back.invalid("bias", "must be 0 in the dialect LAVA, whose importer leaves it out");
    }
    if (layers.isEmpty()
        || !(layers.getLast() instanceof SynapticSpec.Linear linear)
        || linear.outFeatures() != n) {
      throw back.invalid("bias", "must be 0 where there is no Affine or Linear before the neurons");
    }
    int before = layers.size() - 1;
    var sum = back.tensor("bias").data().clone();
    var own =
        tensors.getOrDefault(before + ".bias", new Tensor(new int[] {n}, new float[n])).data();
    for (int k = 0; k < Math.min(sum.length, own.length); k++) {
      sum[k] += own[k];
    }
    layers.set(before, new SynapticSpec.Linear(linear.inFeatures(), linear.outFeatures(), true));
    tensors.put(before + ".bias", new Tensor(new int[] {sum.length}, sum));
  }

  private static NirNode withMetadata(NirNode node, Map<String, String> about) {
    String kept = about.get(OF_NODE + node.path().replaceFirst("^/node/nodes/", ""));
    if (kept == null || !node.metadata().isEmpty()) {
      return node;
    }
    try {
      return SpecJson.read(kept) instanceof ObjectNode json
          ? new NirNode(node.path(), node.type(), node.fields(), metadata(json), node.wayBack())
          : node;
    } catch (JacksonException e) {
      return node;
    }
  }

  /** A mistake in a layer is one in its node. */
  private static NirModel checked(ModelSpec model, StateDict weights, List<String> paths) {
    var mistakes = new Mistakes();
    model.check(mistakes);
    if (mistakes.isEmpty()) {
      return new NirModel(model, Weights.of(model, weights));
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

  private static List<Integer> inputShape(NirNode input) {
    var shape = new ArrayList<Integer>();
    for (float d : input.tensor("shape").data()) {
      shape.add((int) d);
    }
    // Some exporters leave the batch of their sample input in.
    if ((shape.size() == 2 || shape.size() == 4) && shape.getFirst() == 1) {
      shape.removeFirst();
    }
    return shape;
  }

  private static LayerSpec timeLayer(NirNode graph, String name) {
    return switch (name) {
      case "FlattenTime" -> new ShapeSpec.FlattenTime();
      case "UnflattenTime" -> new ShapeSpec.UnflattenTime();
      default -> throw graph.invalid("metadata", "names an unknown layer " + name);
    };
  }

  /** The layer that a node means; null for the inputs and outputs of graphs within the graph. */
  private static @Nullable LayerSpec layer(NirNode node, NirDialect dialect) {
    return switch (node.type()) {
      case "Input", "Output" -> null;
      case "Conv2d" -> {
        int[] shape = weightShape(node, 4);
        int groups = node.integer("groups", 1);
        yield new SynapticSpec.Conv2d(
            inChannels(shape, groups),
            shape[0],
            new Size2(shape[2], shape[3]),
            node.size("stride"),
            node.size("padding"),
            node.size("dilation"),
            groups,
            hasBias(node));
      }
      case "Conv1d" -> {
        int[] shape = weightShape(node, 3);
        int groups = node.integer("groups", 1);
        yield new SynapticSpec.Conv1d(
            inChannels(shape, groups),
            shape[0],
            shape[2],
            node.integer("stride", 1),
            node.integer("padding", 0),
            node.integer("dilation", 1),
            groups,
            hasBias(node));
      }
      case "Affine", "Linear" -> linear(node, hasBias(node));
      case "SumPool2d" -> {
        if (!node.size("padding").equals(Size2.ZERO)) {
          throw node.invalid("padding", "of a SumPool2d must be 0, was " + node.size("padding"));
        }
        var fallback = new PoolSpec.SumPool2d(node.size("kernel_size"), node.size("stride"), false);
        yield pool(node, fallback);
      }
      case "AvgPool2d" -> {
        var fallback =
            new PoolSpec.AvgPool2d(
                node.size("kernel_size"), node.size("stride"), node.size("padding"));
        yield pool(node, fallback);
      }
      case "Flatten" -> {
        int start = node.integer("start_dim", 1);
        int end = node.integer("end_dim", -1);
        if (start < 0 || start > 1 || end != -1 && end < 2) {
          throw node.invalid(
              null,
              "flattens dimensions " + start + " to " + end + "; it must flatten all of them");
        }
        yield new ShapeSpec.Flatten();
      }
      case "NIRGraph" -> throw node.invalid(null, "is a graph without nodes");
      // Where a node's fields were changed after it was written, they count.
      case "LI" ->
          remembered(node) instanceof NeuronSpec.ExpLeak leak && says(node, leak, dialect)
              ? leak
              : dialect.readLeak(node);
      default ->
          remembered(node) instanceof NeuronSpec.Spiking spiking
                  && spiking instanceof NeuronSpec.Recurrent == (node.wayBack() != null)
                  && says(node, spiking, dialect)
              ? spiking
              : spiking(node, dialect);
    };
  }

  private static LayerSpec spiking(NirNode node, NirDialect dialect) {
    NeuronSpec.Spiking neurons = dialect.read(node);
    if (node.wayBack() == null) {
      return neurons;
    }
    // The recurrent layers have the options of those without a way back, under the same names.
    ObjectNode json = SpecJson.json(neurons).put("type", neurons.typeName() + "Recurrent");
    json.set("rec_connect", SpecJson.json(linear(node.wayBack(), false)));
    return SpecJson.layer(json);
  }

  private static SynapticSpec.Linear linear(NirNode node, boolean bias) {
    int[] shape = weightShape(node, 2);
    return new SynapticSpec.Linear(shape[1], shape[0], bias);
  }

  private static int[] weightShape(NirNode node, int dimensions) {
    int[] shape = node.tensor("weight").shape();
    if (shape.length != dimensions) {
      throw node.invalid(
          "weight", "must have " + dimensions + " dimensions, has " + Arrays.toString(shape));
    }
    return shape;
  }

  private static int inChannels(int[] weight, int groups) {
    return Math.multiplyExact(weight[1], Math.max(1, Math.min(groups, 1 << 12)));
  }

  /**
   * NIR's Conv2d always has a bias: one of zeros means none, unless the metadata says that it is
   * there to be trained.
   */
  private static boolean hasBias(NirNode node) {
    return hasNonzeroBias(node)
        || node.fields().containsKey("bias") && Objects.equals(node.metadata().get("bias"), "true");
  }

  private static boolean hasNonzeroBias(NirNode node) {
    Tensor bias = node.fields().get("bias");
    return bias != null && !isZero(bias);
  }

  private static boolean isZero(Tensor tensor) {
    for (float value : tensor.data()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  /** The pool that a node stands for, which may be one of the other kind. */
  private static PoolSpec pool(NirNode node, PoolSpec itself) {
    return switch (remembered(node)) {
      case PoolSpec.SumPool2d sum when sameWindows(sum, itself) -> sum;
      case PoolSpec.AvgPool2d average when sameWindows(average, itself) -> average;
      case null, default -> itself;
    };
  }

  /** How often what a node of this type makes goes into what the layer makes. */
  private static float area(PoolSpec pool, String type) {
    float window = (float) pool.kernelSize().h() * pool.kernelSize().w();
    return pool.typeName().equals(type) ? 1 : type.equals("AvgPool2d") ? window : 1 / window;
  }

  private static boolean sameWindows(PoolSpec a, PoolSpec b) {
    return a.kernelSize().equals(b.kernelSize())
        && a.stride().equals(b.stride())
        && a.padding().equals(b.padding());
  }

  private static boolean says(NirNode node, NeuronSpec layer, NirDialect dialect) {
    try {
      NirNode written = dialect.write(node.path(), layer, Shape.of(1));
      return written.type().equals(node.type())
          && written.fields().entrySet().stream()
              .allMatch(
                  f -> {
                    float value = node.uniform(f.getKey());
                    return Math.abs(f.getValue().data()[0] - value) <= 1e-5 * Math.abs(value);
                  });
    } catch (InvalidSpecException e) {
      return false;
    }
  }

  /** The layer that the metadata describes, or null. */
  private static @Nullable LayerSpec remembered(NirNode node) {
    ObjectNode json = SpecJson.object();
    try {
      node.metadata()
          .forEach(
              (name, text) ->
                  json.set(name, name.equals("type") ? SpecJson.text(text) : SpecJson.read(text)));
      return json.has("type") ? SpecJson.layer(json) : null;
    } catch (JacksonException | IllegalArgumentException e) {
      return null;
    }
  }

  /**
   * Writes a network so that {@code dialect}'s importer reads what it computes here, as far as NIR
   * can say it: spikes and resets are the importer's own. Dropout is left out, and a BatchNorm2d
   * becomes part of its Conv2d.
   *
   * @throws InvalidSpecException naming the layer that the dialect has no node for, or a weight
   *     that does not fit
   */
  public static byte[] write(ModelSpec model, StateDict weights, NirDialect dialect) {
    var used = new TrainedModel(model, Weights.of(model, weights)).merged();
    try {
      Path file = Files.createTempFile("spikewise", ".nir");
      try {
        try (var hdf = HdfFile.write(file)) {
          hdf.putDataset("version", VERSION);
          write(hdf.putGroup("node"), used.spec(), used.weights(), dialect);
        }
        return Files.readAllBytes(file);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(
      WritableGroup graph, ModelSpec model, StateDict weights, NirDialect dialect) {
    graph.putDataset("type", "NIRGraph");
    WritableGroup about = graph.putGroup("metadata");
    about.putDataset("dialect", dialect.name());
    if (model.name() != null && !model.name().isEmpty()) {
      about.putDataset("name", model.name());
    }
    WritableGroup nodes = graph.putGroup("nodes");
    List<Shape> shapes = model.graph().plainShapes();
    var names = new ArrayList<String>();
    names.add("input");
    put(nodes, "input", "Input", Map.of("shape", dims(shapes.getFirst())), Map.of());
    float area = 1;
    for (int i = 0; i < model.layers().size(); i++) {
      LayerSpec layer =
          model.layers().get(i) instanceof NeuronSpec neuron
              ? trained(i, neuron, weights)
              : model.layers().get(i);
      String name = Integer.toString(i);
      if (layer instanceof ShapeSpec.FlattenTime || layer instanceof ShapeSpec.UnflattenTime) {
        about.putDataset("layer." + i, layer.typeName());
        continue;
      }
      if (layer instanceof NeuronSpec.Spiking && area != 1) {
        throw new InvalidSpecException(
            "/layers/" + i,
            dialect
                + " knows no such pool, and there are no weights before these spikes to make up for"
                + " it");
      }
      dialect.check("/layers/" + i, layer, shapes.get(i), biased(i, weights));
      String type = type(i, layer, dialect);
      ObjectNode json = SpecJson.json(layer).put("type", layer.typeName());
      boolean apart = WITHOUT_METADATA.contains(type);
      if (apart) {
        about.putDataset(OF_NODE + name, SpecJson.write(json));
      }
      var fields = fields(i, layer, shapes.get(i), weights, area, dialect);
      if (layer instanceof NeuronSpec.Recurrent) {
        WritableGroup inner = nodes.putGroup(name);
        putRecurrent(inner, i, type, shapes.get(i), fields, metadata(json), weights, dialect);
      } else {
        put(nodes, name, type, fields, apart ? Map.of() : metadata(json));
      }
      names.add(name);
      if (layer instanceof PoolSpec pool) {
        area *= area(pool, type);
      } else if (layer instanceof SynapticSpec) {
        area = 1;
      }
    }
    names.add("output");
    put(nodes, "output", "Output", Map.of("shape", dims(shapes.getLast())), Map.of());
    var edges = new String[names.size() - 1][];
    Arrays.setAll(edges, i -> new String[] {names.get(i), names.get(i + 1)});
    graph.putDataset("edges", edges);
  }

  /** A graph of its own, as snnTorch's exporter writes RLeaky and RSynaptic. */
  private static void putRecurrent(
      WritableGroup graph,
      int i,
      String type,
      Shape shape,
      Map<String, Tensor> fields,
      Map<String, String> metadata,
      StateDict weights,
      NirDialect dialect) {
    Tensor weight = Objects.requireNonNull(weights.tensors().get(i + ".rec_connect.weight"));
    if (!Arrays.equals(weight.data(), dialect.back(weight).data())) {
      throw new InvalidSpecException(
          "/layers/" + i + "/rec_connect/weight",
          "must be whole 32nds from -4 to 127/32 for Lava, which rounds them");
    }
    Tensor bias = weights.tensors().get(i + ".rec_connect.bias");
    if (bias != null && !isZero(bias)) {
      throw new InvalidSpecException(
          "/layers/" + i + "/rec_connect/bias",
          "must be 0 in NIR: here it is there from the second step on, for snnTorch from the first");
    }
    graph.putDataset("type", "NIRGraph");
    WritableGroup nodes = graph.putGroup("nodes");
    put(nodes, "input", "Input", Map.of("shape", dims(shape)), Map.of());
    put(nodes, "lif", type, fields, metadata);
    put(nodes, "w_rec", "Linear", Map.of("weight", weight), Map.of());
    put(nodes, "output", "Output", Map.of("shape", dims(shape)), Map.of());
    graph.putDataset(
        "edges",
        new String[][] {{"input", "lif"}, {"lif", "w_rec"}, {"w_rec", "lif"}, {"lif", "output"}});
  }

  private static String type(int i, LayerSpec layer, NirDialect dialect) {
    return switch (layer) {
      case SynapticSpec.Linear linear -> "Affine";
      case SynapticSpec.Conv1d conv when dialect != NirDialect.SINABS ->
          throw new InvalidSpecException("/layers/" + i, "Conv1d can be written for sinabs alone");
      case PoolSpec pool -> dialect.pool(pool);
      case NeuronSpec neuron -> dialect.write("/layers/" + i, neuron, Shape.of(1)).type();
      default -> layer.typeName();
    };
  }

  private static Map<String, Tensor> fields(
      int i, LayerSpec layer, Shape input, StateDict weights, float area, NirDialect dialect) {
    return switch (layer) {
      case NeuronSpec neuron -> dialect.write("/layers/" + i, neuron, input).fields();
      case RectifierSpec _,
          PoolSpec.SpikingMaxPooling2dLayer _,
          NormSpec.BatchNorm2d _,
          JoinSpec _,
          DropoutSpec _ ->
          throw new InvalidSpecException(
              "/layers/" + i, layer.typeName() + " cannot be written to NIR");
      case SynapticSpec.Conv2d conv ->
          convolution(
              weights(i, weights, area),
              vector(input.dim(1), input.dim(2)),
              pair(conv.stride()),
              pair(conv.padding()),
              pair(conv.dilation()),
              conv.groups());
      case SynapticSpec.Conv1d conv ->
          convolution(
              weights(i, weights, area),
              scalar(input.dim(1)),
              scalar(conv.stride()),
              scalar(conv.padding()),
              scalar(conv.dilation()),
              conv.groups());
      case SynapticSpec.Linear linear -> weights(i, weights, area);
      case PoolSpec pool ->
          Map.of(
              "kernel_size",
              pair(pool.kernelSize()),
              "stride",
              pair(pool.stride()),
              "padding",
              pair(pool.padding()));
      case ShapeSpec.Flatten flatten ->
          Map.of(
              "start_dim",
              scalar(dialect.flattenStart()),
              "end_dim",
              scalar(-1),
              "input_type",
              dims(input));
      case ShapeSpec.FlattenTime none -> Map.of();
      case ShapeSpec.UnflattenTime none -> Map.of();
    };
  }

  private static Map<String, Tensor> convolution(
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

  private static boolean biased(int i, StateDict weights) {
    Tensor bias = weights.tensors().get(i + ".bias");
    return bias != null && !isZero(bias);
  }

  /** The layer with its time constants as they were trained. */
  private static LayerSpec trained(int i, NeuronSpec layer, StateDict weights) {
    ObjectNode json = SpecJson.json(layer);
    for (String which : List.of("mem", "syn")) {
      Tensor tau = weights.tensors().get(i + ".tau_" + which);
      Tensor alpha = weights.tensors().get(i + ".alpha_" + which);
      if (tau != null) {
        json.put("tau_" + which, tau.data()[0]);
      } else if (alpha != null) {
        json.put("tau_" + which, -1 / Math.log(alpha.data()[0]));
      }
    }
    return SpecJson.layer(json);
  }

  private static Map<String, Tensor> weights(int i, StateDict weights, float area) {
    Tensor weight = Objects.requireNonNull(weights.tensors().get(i + ".weight"));
    var scaled = weight.data().clone();
    for (int k = 0; k < scaled.length; k++) {
      scaled[k] *= area;
    }
    int out = weight.shape()[0];
    Tensor bias =
        weights.tensors().getOrDefault(i + ".bias", new Tensor(new int[] {out}, new float[out]));
    return Map.of("weight", new Tensor(weight.shape(), scaled), "bias", bias);
  }

  private static Map<String, String> metadata(ObjectNode layer) {
    var metadata = new LinkedHashMap<String, String>();
    layer
        .properties()
        .forEach(
            p ->
                metadata.put(
                    p.getKey(),
                    p.getKey().equals("type")
                        ? p.getValue().asString("")
                        : SpecJson.write(p.getValue())));
    return metadata;
  }

  private static void put(
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

  private static Tensor dims(Shape shape) {
    return vector(shape.dims().stream().mapToInt(d -> d).toArray());
  }

  private static Tensor pair(Size2 size) {
    return vector(size.h(), size.w());
  }

  private static Tensor vector(int... values) {
    var floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = values[i];
    }
    return new Tensor(new int[] {values.length}, floats);
  }

  private static Tensor scalar(int value) {
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
}
