package dev.spikewise.plot;

import dev.spikewise.plot.Picture.Anchor;
import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.plot.Picture.Point;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Draws the graph of a network from top to bottom. A row stands for a few consecutive layers, with
 * text beside it; edges run in lanes to the left. The drawing therefore fits the width of a phone
 * for any number of branches.
 */
public final class GraphPlot {

  private static final int ROW = 40;
  private static final int LANE = 18;
  private static final int MARGIN = 18;
  private static final int TEXT = 13;
  private static final int SMALL = 11;

  /** Maximum number of layers per row and of rows per drawing. */
  private static final int LAYERS = 3;

  private static final int ROWS = 150;

  /** Maximum number of characters per line. */
  private static final int CHARACTERS = 42;

  private static final int TEXT_WIDTH = 290;
  private static final int BENDS = 12;

  private final Graph graph;
  private final List<Row> rows = new ArrayList<>();

  /** Row of each layer by its index; {@link Graph#INPUT_INDEX} stands for the model's input. */
  private final Map<Integer, Integer> rowOf = new HashMap<>();

  /** Consecutive layers; empty for the model's input. */
  private record Row(List<Graph.Vertex> layers) {
    List<Integer> inputs() {
      return layers.isEmpty() ? List.of() : layers.getFirst().inputs();
    }
  }

  /** Share of each layer in the network's synops; empty where it is not drawn. */
  private final Map<String, Double> shares;

  private GraphPlot(Graph graph, Map<String, Double> shares) {
    this.graph = graph;
    this.shares = shares;
    rows.add(new Row(List.of()));
    rowOf.put(Graph.INPUT_INDEX, 0);
    for (Graph.Vertex vertex : graph.order()) {
      Row last = rows.getLast();
      if (continues(last, vertex)) {
        last.layers().add(vertex);
      } else {
        rows.add(new Row(new ArrayList<>(List.of(vertex))));
      }
      rowOf.put(vertex.index(), rows.size() - 1);
    }
  }

  /** Draws the graph of a network. */
  public static Picture of(Graph graph) {
    return of(graph, Map.of());
  }

  /**
   * The same with a bar behind each row, as long as the share of its layers in the synops.
   *
   * @param shares share (0..1) of each layer that causes synops, by its name
   */
  public static Picture of(Graph graph, Map<String, Double> shares) {
    return new GraphPlot(graph, shares).draw();
  }

  private int rowOf(int layer) {
    return Objects.requireNonNull(rowOf.get(layer));
  }

  /** Whether the last layer of a row is the only input of a layer, which is its only reader. */
  private boolean continues(Row row, Graph.Vertex vertex) {
    if (row.layers().isEmpty() || row.layers().size() == LAYERS) {
      return false;
    }
    Graph.Vertex before = row.layers().getLast();
    return vertex.inputs().equals(List.of(before.index()))
        && graph.consumers(before.index()).size() == 1
        && !endsRow(before.spec());
  }

  private static boolean endsRow(LayerSpec layer) {
    return layer instanceof NeuronSpec
        || layer instanceof RectifierSpec
        || layer instanceof JoinSpec;
  }

  private Picture draw() {
    int shown = Math.min(rows.size(), ROWS);
    int[] lanes = lanes();
    int most = Arrays.stream(lanes).limit(shown).max().orElse(0);
    var marks = new ArrayList<Mark>();
    for (int row = 0; row < shown; row++) {
      for (int input : rows.get(row).inputs()) {
        marks.add(edge(rowOf(input), row, lanes));
      }
    }
    double left = MARGIN + (most + 1) * LANE;
    for (int row = 0; row < shown; row++) {
      marks.addAll(node(row, at(lanes[row], row), left));
    }
    int height = shown * ROW + MARGIN;
    if (shown < rows.size()) {
      long hidden = rows.stream().skip(shown).mapToLong(row -> row.layers().size()).sum();
      String more = "and " + hidden + " more layers, which the table lists";
      marks.add(new Label(new Point(left, height), more, Anchor.START, Ink.MUTED, SMALL, false));
      height += MARGIN;
    }
    return new Picture((int) left + TEXT_WIDTH, height, title(), marks);
  }

  private String title() {
    long joins = graph.layers().stream().filter(v -> v.spec() instanceof JoinSpec).count();
    return "Graph of %d layers, %d of which join branches".formatted(graph.layers().size(), joins);
  }

  private static Point at(int lane, int row) {
    return new Point(MARGIN + lane * LANE, MARGIN + row * ROW + 2);
  }

  /**
   * Assigns a lane to each row. A row keeps its lane until the last row that reads it; that row
   * continues in the same lane.
   */
  private int[] lanes() {
    var lastReader = new int[rows.size()];
    for (int row = 0; row < rows.size(); row++) {
      for (int input : rows.get(row).inputs()) {
        lastReader[rowOf(input)] = row;
      }
    }
    var lanes = new int[rows.size()];
    var free = new TreeSet<Integer>();
    int used = 0;
    for (int row = 0; row < rows.size(); row++) {
      for (int input : rows.get(row).inputs().stream().distinct().toList()) {
        if (lastReader[rowOf(input)] == row) {
          free.add(lanes[rowOf(input)]);
        }
      }
      if (free.isEmpty()) {
        free.add(used++);
      }
      lanes[row] = free.removeFirst();
    }
    return lanes;
  }

  /**
   * An edge runs down the lane of the row that is read and turns to the reader's lane in the last
   * row.
   */
  private static Curve edge(int from, int to, int[] lanes) {
    var points = new ArrayList<Point>();
    points.add(at(lanes[from], from));
    Point start = at(lanes[from], to - 1);
    Point end = at(lanes[to], to);
    if (lanes[from] != lanes[to]) {
      for (int i = 0; i <= BENDS; i++) {
        double t = (double) i / BENDS;
        double x = start.x() + (end.x() - start.x()) * (1 - Math.cos(Math.PI * t)) / 2;
        points.add(new Point(x, start.y() + (end.y() - start.y()) * t));
      }
    } else {
      points.add(end);
    }
    return new Curve(points, Ink.MUTED, 1.6, false);
  }

  private List<Mark> node(int number, Point at, double left) {
    Row row = rows.get(number);
    if (row.layers().isEmpty()) {
      return List.of(
          new Dot(at, 4, Ink.TEXT),
          label(left, at.y(), Graph.INPUT, true),
          small(left, at.y(), shape(graph.inputShape())));
    }
    var marks = new ArrayList<Mark>();
    double share = row.layers().stream().mapToDouble(v -> shares.getOrDefault(v.name(), 0.0)).sum();
    if (share > 0) {
      double right = left - 6 + share * (TEXT_WIDTH - 2);
      double top = at.y() - 14;
      double bottom = at.y() + 20;
      marks.add(
          new Area(
              List.of(
                  new Point(left - 6, top),
                  new Point(right, top),
                  new Point(right, bottom),
                  new Point(left - 6, bottom)),
              Ink.BLUE));
      marks.add(
          new Label(
              new Point(left + TEXT_WIDTH - 12, at.y() + 1),
              Math.round(100 * share) + "\u202f%",
              Anchor.END,
              Ink.TEXT,
              SMALL,
              false));
    }
    marks.addAll(text(row, at, left));
    return marks;
  }

  private List<Mark> text(Row row, Point at, double left) {
    Graph.Vertex first = row.layers().getFirst();
    Graph.Vertex last = row.layers().getLast();
    boolean spikes = row.layers().stream().anyMatch(v -> v.spec() instanceof NeuronSpec.Spiking);
    Ink ink = first.spec() instanceof JoinSpec ? Ink.ROSE : spikes ? Ink.BLUE : Ink.MUTED;
    String types =
        row.layers().stream().map(v -> v.spec().typeName()).collect(Collectors.joining(" · "));
    String shape = " · " + shape(last.shape());
    String names =
        first == last
            ? shortened(first.name(), CHARACTERS - shape.length())
            : ends(first.name(), last.name(), CHARACTERS - shape.length());
    return List.of(
        new Dot(at, first.spec() instanceof JoinSpec ? 6 : 5, ink),
        label(left, at.y(), shortened(types, CHARACTERS), last == graph.output()),
        small(left, at.y(), names + shape));
  }

  private static String ends(String first, String last, int length) {
    int half = (length - 4) / 2;
    return shortened(first, half) + " to " + shortened(last, half);
  }

  /** Shortens a long text in the middle, because the ends of nested names distinguish them. */
  static String shortened(String text, int length) {
    if (text.length() <= length) {
      return text;
    }
    int half = (length - 1) / 2;
    return text.substring(0, half) + "…" + text.substring(text.length() - half);
  }

  private static Label label(double x, double y, String text, boolean bold) {
    return new Label(new Point(x, y + 1), text, Anchor.START, Ink.TEXT, TEXT, bold);
  }

  private static Label small(double x, double y, String text) {
    return new Label(new Point(x, y + 15), text, Anchor.START, Ink.MUTED, SMALL, false);
  }

  private static String shape(Shape shape) {
    return shape.dims().stream().map(String::valueOf).collect(Collectors.joining(" × "));
  }
}
