package dev.spikewise.interop.nir;

import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import io.jhdf.HdfFile;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import io.jhdf.api.Node;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the nodes of a NIR file in the order in which its edges join them. Trusts nothing in the
 * file.
 */
final class NirGraph {

  /** Most bytes that all arrays may take together, packed or not: those of 64 Mi float32 values. */
  private static final long MAX_BYTES = 4L << 26;

  private static final int MAX_NODES = 4096;
  private static final int MAX_DEPTH = 8;
  private static final int MAX_TEXT = 4096;

  /** Most that deflate makes of a byte. */
  private static final long DEFLATE = 1032;

  private long bytesLeft = MAX_BYTES;
  private final Map<String, NirNode> nodes = new LinkedHashMap<>();
  private final Map<String, Set<String>> successors = new LinkedHashMap<>();
  private final Map<String, Integer> predecessors = new LinkedHashMap<>();

  private NirGraph() {}

  /**
   * The graph's own metadata, then its nodes from Input to Output.
   *
   * @throws UnreadableFileException where it is no whole NIR file
   * @throws InvalidSpecException naming the node that makes it something else than a sequence
   */
  static List<NirNode> read(byte[] file) {
    try (HdfFile hdf = HdfFile.fromBytes(file)) {
      var graph = new NirGraph();
      NirNode root = graph.readGraph(group(hdf, "node"), "/node", 0);
      var sequence = new ArrayList<>(List.of(root));
      sequence.addAll(graph.sequence());
      return sequence;
    } catch (InvalidSpecException | UnreadableFileException e) {
      throw e;
    } catch (RuntimeException | StackOverflowError e) {
      throw new UnreadableFileException("not a whole NIR file: " + e.getMessage(), e);
    }
  }

  /** Adds a graph's nodes and edges under their paths, those of graphs within it too. */
  private NirNode readGraph(Group graph, String path, int depth) {
    if (depth > MAX_DEPTH) {
      throw new InvalidSpecException(path, "is a graph more than " + MAX_DEPTH + " levels deep");
    }
    for (Node child : group(graph, "nodes")) {
      String at = path + "/nodes/" + child.getName();
      if (nodes.size() >= MAX_NODES) {
        throw new InvalidSpecException(at, "is one node too many; there may be " + MAX_NODES);
      }
      Group node = asGroup(child, at);
      nodes.put(
          at,
          text(node, "type").equals("NIRGraph") ? readGraph(node, at, depth + 1) : node(node, at));
    }
    Dataset edges = dataset(graph, "edges");
    long[] shape = edges.getDimensionsAsLong();
    if (shape.length != 2 || shape[1] != 2 || shape[0] > 2L * MAX_NODES) {
      throw new InvalidSpecException(
          path + "/edges", "must be pairs of node names, at most " + 2 * MAX_NODES);
    }
    for (long row = 0; row < shape[0]; row++) {
      // Row by row, because many names may be one and the same long text in the file.
      Object[] names =
          (Object[]) ((Object[]) edges.getData(new long[] {row, 0}, new int[] {1, 2}))[0];
      String from = port(path, (String) names[0], "Output");
      String to = port(path, (String) names[1], "Input");
      if (successors.computeIfAbsent(from, key -> new LinkedHashSet<>()).add(to)) {
        predecessors.merge(to, 1, Integer::sum);
      }
    }
    return node(graph, path);
  }

  /** The node that an edge ends at; in a graph within the graph its Input or Output. */
  private String port(String path, String name, String type) {
    String at = path + "/nodes/" + name;
    NirNode node = nodes.get(at);
    if (node == null || name.length() > MAX_TEXT) {
      throw new InvalidSpecException(
          path + "/edges", "names a node that is not there: " + shorten(name));
    }
    while (node.type().equals("NIRGraph")) {
      String inner = at + "/nodes/";
      List<NirNode> ports =
          nodes.values().stream()
              .filter(n -> n.type().equals(type) && n.path().startsWith(inner))
              .filter(n -> n.path().indexOf('/', inner.length()) < 0)
              .toList();
      if (ports.size() != 1) {
        throw node.invalid(null, "has " + ports.size() + " " + type + " nodes, not one");
      }
      node = ports.getFirst();
      at = node.path();
    }
    return at;
  }

  private List<NirNode> sequence() {
    nodes.values().removeIf(n -> n.type().equals("NIRGraph"));
    List<NirNode> starts =
        nodes.values().stream()
            .filter(n -> n.type().equals("Input") && !predecessors.containsKey(n.path()))
            .toList();
    if (starts.size() != 1) {
      throw new InvalidSpecException(
          "/node/nodes", "must have one Input node, has " + starts.size());
    }
    var sequence = new ArrayList<NirNode>();
    var passed = new HashSet<String>();
    @Nullable NirNode node = starts.getFirst();
    while (node != null) {
      var next = new LinkedHashSet<>(successors.getOrDefault(node.path(), Set.of()));
      int before = predecessors.getOrDefault(node.path(), 0);
      NirNode back = wayBack(node, next);
      if (back != null) {
        next.remove(back.path());
        before--;
        passed.add(back.path());
      }
      if (next.size() > 1 || before > 1 || !passed.add(node.path())) {
        throw node.invalid(
            null,
            "is joined with more than two others (after it "
                + next
                + "); a network here is a sequence of layers without branches, where neurons may lead back to"
                + " themselves through one Affine or Linear node");
      }
      sequence.add(back == null ? node : node.withWayBack(back));
      node = next.isEmpty() ? null : nodes.get(next.iterator().next());
    }
    if (!sequence.getLast().type().equals("Output")) {
      throw sequence.getLast().invalid(null, "leads nowhere, and is no Output node");
    }
    for (NirNode each : nodes.values()) {
      if (!passed.contains(each.path())) {
        throw each.invalid(null, "is not on the way from Input to Output");
      }
    }
    return sequence;
  }

  /** The weights that lie between a node and itself, and nowhere else. */
  private @Nullable NirNode wayBack(NirNode node, Set<String> next) {
    return next.stream()
        .filter(at -> successors.getOrDefault(at, Set.of()).equals(Set.of(node.path())))
        .filter(at -> predecessors.getOrDefault(at, 0) == 1)
        .map(nodes::get)
        .filter(back -> back.type().equals("Affine") || back.type().equals("Linear"))
        .findFirst()
        .orElse(null);
  }

  private NirNode node(Group group, String path) {
    var fields = new LinkedHashMap<String, Tensor>();
    var metadata = new LinkedHashMap<String, String>();
    for (Node child : group) {
      if (child.getName().equals("metadata")) {
        for (Node item : asGroup(child, path + "/metadata")) {
          if (item instanceof Dataset dataset && value(dataset, path) instanceof String text) {
            metadata.put(item.getName(), text);
          }
        }
      } else if (child instanceof Dataset dataset
          && !Set.of("edges", "type").contains(child.getName())) {
        if (value(dataset, path) instanceof Tensor tensor) {
          fields.put(child.getName(), tensor);
        }
      }
    }
    return new NirNode(path, text(group, "type"), fields, metadata);
  }

  private String text(Group group, String name) {
    if (value(dataset(group, name), name) instanceof String text) {
      return text;
    }
    throw new UnreadableFileException("not a NIR file: " + group.getPath() + name + " is no text");
  }

  /** A String, a Tensor of numbers, or null for what is neither. */
  private @Nullable Object value(Dataset dataset, String path) {
    long bytes = Math.max(1, dataset.getSizeInBytes());
    if (!dataset.getFilters().isEmpty()) {
      bytes = Math.max(bytes, DEFLATE * dataset.getStorageInBytes());
    }
    if (bytes > bytesLeft || dataset.getFilters().size() > 2) {
      throw new InvalidSpecException(
          path + "/" + dataset.getName(), "takes more than the " + bytesLeft + " bytes left");
    }
    bytesLeft -= bytes;
    Object data = dataset.isScalar() ? dataset.getData() : dataset.getDataFlat();
    if (data instanceof String text) {
      return shorten(text);
    }
    int[] shape = dataset.getDimensions();
    float[] values =
        switch (data) {
          case Number n -> new float[] {n.floatValue()};
          case float[] floats -> floats;
          case double[] doubles -> floats(doubles.length, i -> (float) doubles[i]);
          case long[] longs -> floats(longs.length, i -> longs[i]);
          case int[] ints -> floats(ints.length, i -> ints[i]);
          case short[] shorts -> floats(shorts.length, i -> shorts[i]);
          case byte[] signed -> floats(signed.length, i -> signed[i]);
          case null, default -> null;
        };
    return values == null ? null : new Tensor(data instanceof Number ? new int[0] : shape, values);
  }

  private interface FloatAt {
    float get(int i);
  }

  private static float[] floats(int n, FloatAt source) {
    var floats = new float[n];
    for (int i = 0; i < n; i++) {
      floats[i] = source.get(i);
    }
    return floats;
  }

  private static String shorten(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) : text;
  }

  private static Group group(Group parent, String name) {
    Node child = parent.getChildren().get(name);
    if (child == null) {
      throw new UnreadableFileException(
          "not a NIR file: it has no group " + parent.getPath() + name);
    }
    return asGroup(child, parent.getPath() + name);
  }

  private static Group asGroup(Node node, String path) {
    // A link could lead into another file of this machine.
    if (node.isLink() || !(node instanceof Group group)) {
      throw new UnreadableFileException("not a NIR file: " + path + " is no group");
    }
    return group;
  }

  private static Dataset dataset(Group parent, String name) {
    if (parent.getChildren().get(name) instanceof Dataset dataset) {
      return dataset;
    }
    throw new UnreadableFileException("not a NIR file: it has no " + parent.getPath() + name);
  }
}
