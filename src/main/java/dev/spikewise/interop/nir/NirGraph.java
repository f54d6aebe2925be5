package dev.spikewise.interop.nir;

import dev.spikewise.interop.BoundedHdf5;
import dev.spikewise.interop.FileMemory;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.tensor.Tensor;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import io.jhdf.api.Node;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The nodes of a NIR file, including those of nested graphs, and the edges between them.
 *
 * @param root the graph's own fields and metadata
 * @param order the nodes, each after those it reads; weights that lead from neurons back to
 *     themselves are part of these
 * @param sources paths of the nodes that each node reads, by its path
 * @param readers number of nodes that read each node, by its path
 */
record NirGraph(
    NirNode root,
    List<NirNode> order,
    Map<String, Set<String>> sources,
    Map<String, Integer> readers) {

  /** Maximum total size of all arrays in bytes: 64 Mi float32 values. */
  private static final long MAX_BYTES = 4L << 26;

  private static final int MAX_NODES = 4096;
  private static final int MAX_DEPTH = 8;

  /**
   * @throws UnreadableFileException if the file is truncated or not a NIR file
   * @throws InvalidSpecException if a node is not supported; the message names it
   */
  static NirGraph read(byte[] file, LongConsumer reserve) {
    try {
      return BoundedHdf5.read(
          file,
          new FileMemory(MAX_BYTES, reserve),
          hdf -> {
            var reader = new Reader();
            NirNode root = reader.readGraph(Hdf5.group(hdf, "node"), "/node", 0);
            return reader.ordered(root);
          });
    } catch (InvalidSpecException | UnreadableFileException | ProblemException e) {
      throw e;
    } catch (RuntimeException | StackOverflowError e) {
      throw new UnreadableFileException(
          "damaged or truncated, or not a NIR file: " + e.getMessage(), e);
    }
  }

  /** Trusts nothing in the file. */
  private static final class Reader {
    private final Hdf5 arrays = new Hdf5(MAX_BYTES);
    private final Map<String, NirNode> nodes = new LinkedHashMap<>();
    private final Map<String, Set<String>> successors = new LinkedHashMap<>();
    private final Map<String, Set<String>> predecessors = new LinkedHashMap<>();

    /** Adds a graph's nodes and edges under their paths, those of graphs within it too. */
    NirNode readGraph(Group graph, String path, int depth) {
      if (depth > MAX_DEPTH) {
        throw new InvalidSpecException(path, "is a graph more than " + MAX_DEPTH + " levels deep");
      }
      for (Node child : Hdf5.group(graph, "nodes")) {
        String at = path + "/nodes/" + child.getName();
        if (nodes.size() >= MAX_NODES) {
          throw new InvalidSpecException(at, "exceeds the number of nodes; at most " + MAX_NODES);
        }
        Group node = Hdf5.asGroup(child, at);
        nodes.put(
            at,
            arrays.text(node, "type").equals("NIRGraph")
                ? readGraph(node, at, depth + 1)
                : node(node, at));
      }
      for (var edge : arrays.pairs(Hdf5.dataset(graph, "edges"), path + "/edges", 2 * MAX_NODES)) {
        String from = port(path, edge.getFirst(), "Output");
        String to = port(path, edge.getLast(), "Input");
        successors.computeIfAbsent(from, key -> new LinkedHashSet<>()).add(to);
        predecessors.computeIfAbsent(to, key -> new LinkedHashSet<>()).add(from);
      }
      return node(graph, path);
    }

    /** The node that an edge ends at; in a graph within the graph its Input or Output. */
    private String port(String path, String name, String type) {
      String at = path + "/nodes/" + name;
      NirNode node = nodes.get(at);
      if (node == null) {
        throw new InvalidSpecException(
            path + "/edges", "names a node that does not exist: " + Hdf5.shorten(name));
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

    private NirNode node(Group group, String path) {
      var fields = new LinkedHashMap<String, Tensor>();
      var texts = new LinkedHashMap<String, String>();
      var metadata = new LinkedHashMap<String, String>();
      for (Node child : group) {
        if (child.getName().equals("metadata")) {
          for (Node item : Hdf5.asGroup(child, path + "/metadata")) {
            if (item instanceof Dataset dataset
                && arrays.value(dataset, path) instanceof String text) {
              metadata.put(item.getName(), text);
            }
          }
        } else if (child instanceof Dataset dataset
            && !Set.of("edges", "type").contains(child.getName())) {
          switch (arrays.value(dataset, path)) {
            case Tensor tensor -> fields.put(child.getName(), tensor);
            case String text -> texts.put(child.getName(), text);
            case null, default -> {}
          }
        }
      }
      return new NirNode(path, arrays.text(group, "type"), fields, texts, metadata, null);
    }

    NirGraph ordered(NirNode root) {
      nodes.values().removeIf(n -> n.type().equals("NIRGraph"));
      attachWaysBack();
      checkEnds();
      var waiting = new LinkedHashMap<String, Integer>();
      // Nodes without another order are sorted by their numbers or by the edges.
      var places = new LinkedHashMap<String, Integer>();
      successors.forEach(
          (from, to) -> {
            places.putIfAbsent(from, places.size());
            to.forEach(each -> places.putIfAbsent(each, places.size()));
          });
      var ready =
          new PriorityQueue<String>(
              Comparator.<String>comparingInt(NirGraph::number)
                  .thenComparingInt(at -> places.getOrDefault(at, Integer.MAX_VALUE))
                  .thenComparing(at -> at));
      for (String at : nodes.keySet()) {
        int count = predecessors.getOrDefault(at, Set.of()).size();
        waiting.put(at, count);
        if (count == 0) {
          ready.add(at);
        }
      }
      var order = new ArrayList<NirNode>();
      while (!ready.isEmpty()) {
        NirNode next = Objects.requireNonNull(nodes.get(ready.remove()));
        order.add(next);
        for (String reader : successors.getOrDefault(next.path(), Set.of())) {
          if (waiting.merge(reader, -1, Integer::sum) == 0) {
            ready.add(reader);
          }
        }
      }
      if (order.size() < nodes.size()) {
        order.forEach(node -> waiting.remove(node.path()));
        throw Objects.requireNonNull(nodes.get(waiting.keySet().iterator().next()))
            .invalid(
                null,
                "depends on its own output; only spiking neurons may lead back to themselves,"
                    + " through one Affine or Linear node");
      }
      var readers = new LinkedHashMap<String, Integer>();
      nodes.keySet().forEach(at -> readers.put(at, successors.getOrDefault(at, Set.of()).size()));
      return new NirGraph(root, order, predecessors, readers);
    }

    /** One node begins the network and one ends it; nothing lies beside the ways between them. */
    private void checkEnds() {
      var starts =
          nodes.values().stream().filter(n -> !predecessors.containsKey(n.path())).toList();
      var ends = nodes.values().stream().filter(n -> !successors.containsKey(n.path())).toList();
      List<NirNode> inputs = starts.stream().filter(n -> n.type().equals("Input")).toList();
      List<NirNode> outputs = ends.stream().filter(n -> n.type().equals("Output")).toList();
      if (inputs.size() > 1 || outputs.size() > 1) {
        throw new InvalidSpecException(
            "/node/nodes",
            "must have one Input and one Output node but has "
                + inputs.size()
                + " and "
                + outputs.size());
      }
      reject(starts, inputs, "has no input but is not an Input node");
      reject(ends, outputs, "has no successor but is not an Output node");
    }

    /** A file may leave its Input or Output node out where one node alone can be meant. */
    private static void reject(List<NirNode> found, List<NirNode> ports, String detail) {
      if (found.isEmpty()) {
        throw new InvalidSpecException("/node/nodes", "must have a first and a last node");
      }
      if (found.size() > 1) {
        NirNode other =
            found.stream().filter(node -> !ports.contains(node)).reduce((a, b) -> b).orElseThrow();
        throw other.invalid(null, detail);
      }
    }

    private void attachWaysBack() {
      for (NirNode node : List.copyOf(nodes.values())) {
        NirNode back = wayBack(node);
        if (back != null) {
          nodes.put(node.path(), node.withWayBack(back));
          nodes.remove(back.path());
          cut(node.path(), back.path());
          cut(back.path(), node.path());
        }
      }
    }

    private void cut(String from, String to) {
      remove(successors, from, to);
      remove(predecessors, to, from);
    }

    private static void remove(Map<String, Set<String>> edges, String key, String value) {
      Set<String> left = new LinkedHashSet<>(edges.getOrDefault(key, Set.of()));
      left.remove(value);
      if (left.isEmpty()) {
        edges.remove(key);
      } else {
        edges.put(key, left);
      }
    }

    /** The weights that lie between a node and itself, and nowhere else. */
    private @Nullable NirNode wayBack(NirNode node) {
      var next = new HashSet<>(successors.getOrDefault(node.path(), Set.of()));
      return next.stream()
          .filter(at -> successors.getOrDefault(at, Set.of()).equals(Set.of(node.path())))
          .filter(at -> predecessors.getOrDefault(at, Set.of()).equals(Set.of(node.path())))
          .map(nodes::get)
          .filter(back -> back != null && Set.of("Affine", "Linear").contains(back.type()))
          .findFirst()
          .orElse(null);
    }
  }

  /** The number that a node of a sequence is named after; the largest for any other name. */
  private static int number(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1);
    return name.matches("\\d{1,8}") ? Integer.parseInt(name) : Integer.MAX_VALUE;
  }
}
