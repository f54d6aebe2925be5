package dev.spikewise.plot;

import static java.util.Comparator.comparingLong;
import static java.util.Objects.requireNonNull;

import dev.spikewise.plot.Picture.Anchor;
import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Link;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.plot.Picture.Point;
import dev.spikewise.plot.Picture.Stroke;
import dev.spikewise.plot.Picture.Strokes;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Pareto;
import dev.spikewise.spec.Statistics;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Figures of a training. */
public final class Plots {

  private static final int WIDTH = 760;
  private static final int HEIGHT = 380;
  private static final int LEFT = 64;
  private static final int RIGHT = WIDTH - 100;
  private static final int TOP = 48;
  private static final int BOTTOM = HEIGHT - 48;
  private static final int SMALL = 12;
  private static final int LINE = 15;
  private static final int MAX_RASTER_ROWS = 256;
  private static final int MAX_RASTER_COLUMNS = 336;

  /** Average width of a bold character of size {@link #SMALL}, with the wider fonts in use. */
  private static final double BOLD_CHARACTER = 7.2;

  private Plots() {}

  private record Series(
      String name, ToDoubleFunction<EpochMetrics> figure, Ink ink, double width) {}

  /**
   * Synaptic operations per sample over the epochs, of the model and of each parameter layer.
   *
   * @param target target in synops per sample, drawn as a line; null for no line
   */
  public static Picture synops(List<EpochMetrics> epochs, @Nullable Double target) {
    var series = new ArrayList<Series>();
    if (!epochs.isEmpty()) {
      for (var layer : epochs.getFirst().parameter().keySet()) {
        series.add(
            new Series(
                "layer " + layer,
                e -> requireNonNull(e.parameter().get(layer)).synops(),
                Ink.ofLayer(series.size()),
                1.4));
      }
    }
    series.add(new Series("model", EpochMetrics::synops, Ink.TEXT, 2.6));
    return overEpochs("Synaptic operations per sample", epochs, series, target);
  }

  /**
   * Firing rate (spikes per neuron per time step) over the epochs, of the model and of each spiking
   * layer.
   */
  public static Picture firingRate(List<EpochMetrics> epochs) {
    var series = new ArrayList<Series>();
    if (!epochs.isEmpty()) {
      for (var layer : epochs.getFirst().spiking().keySet()) {
        series.add(
            new Series(
                "layer " + layer,
                e -> requireNonNull(e.spiking().get(layer)).firingRate(),
                Ink.ofLayer(series.size()),
                1.4));
      }
    }
    series.add(new Series("model", EpochMetrics::firingRate, Ink.TEXT, 2.6));
    return overEpochs("Firing rate (spikes per neuron per time step)", epochs, series, null);
  }

  private static Picture overEpochs(
      String title, List<EpochMetrics> epochs, List<Series> series, @Nullable Double target) {
    var marks = new ArrayList<Mark>();
    if (epochs.isEmpty()) {
      return empty(title, "no epoch is completed yet");
    }
    double most =
        series.stream()
            .flatMapToDouble(s -> epochs.stream().mapToDouble(s.figure))
            .filter(Double::isFinite)
            .max()
            .orElse(0);
    int last = epochs.getLast().epoch();
    var x = Axis.exactly(0, Math.max(1, last), 10, LEFT, RIGHT);
    var y = Axis.around(0, positive(Math.max(most, target == null ? 0 : target)), 6, BOTTOM, TOP);
    frame(marks, title, "epoch", x, y);
    var names = new ArrayList<Label>();
    if (target != null) {
      marks.add(
          new Curve(
              List.of(new Point(LEFT, y.at(target)), new Point(RIGHT, y.at(target))),
              Ink.TARGET,
              1.6,
              true));
      names.add(name("target", y.at(target), Ink.TARGET, false));
    }
    for (var s : series) {
      var points =
          epochs.stream()
              .filter(e -> Double.isFinite(s.figure.applyAsDouble(e)))
              .map(e -> new Point(x.at(e.epoch()), y.at(s.figure.applyAsDouble(e))))
              .toList();
      if (points.isEmpty()) {
        continue;
      }
      marks.add(
          points.size() == 1
              ? new Dot(points.getFirst(), s.width, s.ink)
              : new Curve(points, s.ink, s.width, false));
      names.add(name(s.name, points.getLast().y(), s.ink, s.ink == Ink.TEXT));
    }
    marks.addAll(apart(names));
    return new Picture(WIDTH, HEIGHT, title + " over epochs 0 to " + last, marks);
  }

  /**
   * Accuracy against synops per sample when samples end early: after each number of time steps for
   * all samples alike, and at each threshold of the confidence.
   *
   * @param overTime results of the test samples over time; null without test samples
   */
  public static Picture earlyExit(Statistics.@Nullable OverTime overTime) {
    String title = "Accuracy against synaptic operations when samples end early";
    if (overTime == null) {
      return empty(title, "no test samples with labels");
    }
    var marks = new ArrayList<Mark>();
    int steps = overTime.synops().size();
    var x = Axis.around(0, positive(overTime.synops().getLast()), 8, LEFT, RIGHT);
    double most =
        Stream.concat(
                overTime.accuracy().stream(),
                overTime.earlyExit().stream().map(Statistics.Exit::accuracy))
            .mapToDouble(accuracy -> accuracy)
            .max()
            .orElse(1);
    var y = Axis.percent(0, positive(most), 6, BOTTOM, TOP);
    frame(marks, title, "synops per sample", x, y);
    var fixed = new ArrayList<Point>();
    for (int t = 0; t < steps; t++) {
      fixed.add(new Point(x.at(overTime.synops().get(t)), y.at(100 * overTime.accuracy().get(t))));
    }
    var early =
        overTime.earlyExit().stream()
            .sorted(Comparator.comparingDouble(Statistics.Exit::synops))
            .map(exit -> new Point(x.at(exit.synops()), y.at(100 * exit.accuracy())))
            .toList();
    marks.add(new Curve(fixed, Ink.MUTED, 1.4, false));
    fixed.forEach(point -> marks.add(new Dot(point, steps > 64 ? 1.4 : 3, Ink.MUTED)));
    marks.add(new Curve(early, Ink.BLUE, 1.6, true));
    early.forEach(point -> marks.add(new Dot(point, 4, Ink.BLUE)));
    marks.add(
        new Label(
            new Point(LEFT, 42),
            "grey: after each time step \u00b7 blue: at each confidence threshold",
            Anchor.START,
            Ink.MUTED,
            SMALL,
            false));
    return new Picture(WIDTH, HEIGHT, title, marks);
  }

  private static Label name(String text, double y, Ink ink, boolean bold) {
    return new Label(new Point(RIGHT + 8, y + 4), text, Anchor.START, ink, SMALL, bold);
  }

  /** Moves overlapping names down, and the lowest ones back up when they reach the bottom. */
  private static List<Label> apart(List<Label> names) {
    var sorted =
        new ArrayList<>(names.stream().sorted(Comparator.comparing(n -> n.at().y())).toList());
    double free = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < sorted.size(); i++) {
      free = Math.max(free + LINE, sorted.get(i).at().y());
      sorted.set(i, lower(sorted.get(i), free));
    }
    free = BOTTOM + 4 + LINE;
    for (int i = sorted.size() - 1; i >= 0; i--) {
      free = Math.min(free - LINE, sorted.get(i).at().y());
      sorted.set(i, lower(sorted.get(i), free));
    }
    return sorted;
  }

  private static Label lower(Label label, double y) {
    return new Label(
        new Point(label.at().x(), y),
        label.text(),
        label.anchor(),
        label.ink(),
        label.size(),
        label.bold());
  }

  /**
   * Histograms of the firing rates of each spiking layer's neurons: before the training in outline,
   * after it filled.
   *
   * @param most maximum number of layers side by side, at least 1
   */
  public static Picture firingRateHistogram(Statistics before, Statistics after, int most) {
    var layers = List.copyOf(after.spiking().keySet());
    String title = "Firing rates of the neurons";
    if (layers.isEmpty()) {
      return empty(title, "the network has no spiking layer");
    }
    var marks = new ArrayList<Mark>();
    String legend = "share of neurons · outline: before · filled: after";
    marks.add(new Label(new Point(LEFT, 24), title, Anchor.START, Ink.TEXT, 15, true));
    marks.add(new Label(new Point(LEFT, 42), legend, Anchor.START, Ink.MUTED, SMALL, false));
    int columns = Math.min(most, layers.size());
    int panel = (WIDTH - LEFT - 24) / 2;
    int width = LEFT + columns * panel + 24;
    int height = 180;
    for (int i = 0; i < layers.size(); i++) {
      double left = LEFT + i % columns * panel;
      double top = 76 + i / columns * height;
      var name = layers.get(i);
      var now = requireNonNull(after.spiking().get(name));
      var then = before.spiking().get(name);
      var histograms =
          then == null ? List.of(now.histogram()) : List.of(then.histogram(), now.histogram());
      var x =
          Axis.around(
              0,
              positive(histograms.stream().mapToDouble(h -> h.edges().getLast()).max().orElse(0)),
              5,
              left,
              left + panel - 56);
      var y =
          Axis.around(
              0,
              positive(histograms.stream().flatMapToDouble(Plots::shares).max().orElse(0)),
              3,
              top + 118,
              top + 12 + LINE);
      frame(marks, null, i + columns >= layers.size() ? "spikes per time step" : null, x, y);
      marks.add(
          new Label(
              new Point(left, top),
              GraphPlot.shortened("layer " + name, (int) (panel / BOLD_CHARACTER) - 1),
              Anchor.START,
              Ink.ofLayer(i),
              SMALL,
              true));
      marks.add(
          new Label(
              new Point(left, top + LINE),
              "%,d neurons · %d %% silent"
                  .formatted(now.nNeurons(), Math.round(100 * now.silentRatio())),
              Anchor.START,
              Ink.MUTED,
              SMALL,
              false));
      marks.add(new Area(outline(now.histogram(), x, y), Ink.ofLayer(i)));
      marks.add(new Curve(outline(now.histogram(), x, y), Ink.ofLayer(i), 1.4, false));
      if (then != null) {
        marks.add(new Curve(outline(then.histogram(), x, y), Ink.MUTED, 1.4, false));
      }
    }
    int rows = Math.ceilDiv(layers.size(), columns);
    return new Picture(width, 70 + rows * height, title + ", " + legend, marks);
  }

  /** Share of the layer's neurons in each bin. */
  private static DoubleStream shares(Statistics.Histogram histogram) {
    double all = histogram.counts().stream().mapToLong(Long::longValue).sum();
    return histogram.counts().stream().mapToDouble(count -> count / Math.max(1, all));
  }

  private static List<Point> outline(Statistics.Histogram histogram, Axis x, Axis y) {
    var points = new ArrayList<Point>();
    double[] shares = shares(histogram).toArray();
    points.add(new Point(x.at(histogram.edges().getFirst()), y.at(0)));
    for (int bin = 0; bin < shares.length; bin++) {
      points.add(new Point(x.at(histogram.edges().get(bin)), y.at(shares[bin])));
      points.add(new Point(x.at(histogram.edges().get(bin + 1)), y.at(shares[bin])));
    }
    points.add(new Point(x.at(histogram.edges().getLast()), y.at(0)));
    return points;
  }

  /**
   * Spikes of the neurons of a layer over time. Where neurons or time steps are more than there are
   * places, neighbours share a place, which is drawn when one of them spikes.
   *
   * @param counts number of spikes, [steps, neurons]
   */
  public static Picture raster(String title, int steps, int neurons, float[] counts) {
    int rows = Math.min(neurons, MAX_RASTER_ROWS);
    int columns = Math.min(steps, MAX_RASTER_COLUMNS);
    var spikes = new boolean[rows][columns];
    long sum = 0;
    for (int t = 0; t < steps; t++) {
      for (int n = 0; n < neurons; n++) {
        float count = counts[t * neurons + n];
        sum += Math.round(count);
        if (count != 0) {
          spikes[(int) ((long) n * rows / neurons)][(int) ((long) t * columns / steps)] = true;
        }
      }
    }
    var x = Axis.exactly(0, steps, 10, LEFT, WIDTH - 24);
    var y = Axis.exactly(0, neurons, 6, BOTTOM, TOP + LINE);
    var marks = new ArrayList<Mark>();
    frame(marks, title, "time step", x, y);
    var rate =
        String.format(
            Locale.ROOT,
            "%,d spikes · %,d neurons · %.3g spikes per neuron per time step",
            sum,
            neurons,
            (double) sum / ((double) steps * neurons));
    marks.add(new Label(new Point(LEFT, 42), rate, Anchor.START, Ink.MUTED, SMALL, false));
    marks.add(new Label(new Point(LEFT - 8, 42), "neuron", Anchor.END, Ink.MUTED, SMALL, false));
    double width = (x.to() - x.from()) / columns;
    double height = (y.from() - y.to()) / rows;
    // A narrow gap tells spikes of successive steps apart where there is room for one.
    double gap = width > 3 ? Math.min(2, width / 4) : 0;
    var strokes = new ArrayList<Stroke>();
    for (int row = 0; row < rows; row++) {
      double at = y.from() - (row + 0.5) * height;
      for (int t = 0; t < columns; t++) {
        int first = t;
        while (gap == 0 && t + 1 < columns && spikes[row][t] && spikes[row][t + 1]) {
          t++;
        }
        if (spikes[row][t]) {
          strokes.add(
              new Stroke(
                  new Point(x.from() + first * width, at), x.from() + (t + 1) * width - gap));
        }
      }
    }
    double thickness = Math.min(8, height > 3 ? 0.75 * height : height);
    if (!strokes.isEmpty()) {
      marks.add(new Strokes(strokes, Ink.BLUE, thickness));
    }
    return new Picture(WIDTH, HEIGHT, title + ": " + rate, marks);
  }

  /**
   * Result of one trained network.
   *
   * @param address of its page; null where a drawing leads nowhere
   */
  public record Outcome(String name, double synops, double accuracy, @Nullable String address) {
    public Outcome(String name, double synops, double accuracy) {
      this(name, synops, accuracy, null);
    }

    private String inWords() {
      return "%s: %.3g synops per sample, accuracy %.1f %%"
          .formatted(name.isEmpty() ? "job" : name, synops, 100 * accuracy);
    }
  }

  /**
   * Accuracy (0..1) against synops per sample, with the Pareto front: the outcomes that no other
   * outcome beats in both.
   *
   * @param heldOut whether both are of the test samples
   */
  public static Picture pareto(boolean heldOut, List<Outcome> outcomes) {
    return heldOut
        ? pareto("Test accuracy against synaptic operations", "synops per test sample", outcomes)
        : pareto("Accuracy against synaptic operations", "synops per sample", outcomes);
  }

  /**
   * The same for another cost than synops.
   *
   * @param costName name of the axis of {@link Outcome#synops}
   */
  public static Picture pareto(String title, String costName, List<Outcome> outcomes) {
    if (outcomes.isEmpty()) {
      return empty(title, "no job with an accuracy has completed an epoch yet");
    }
    var marks = new ArrayList<Mark>();
    var cost = outcomes.stream().mapToDouble(Outcome::synops).summaryStatistics();
    var x = Axis.fitted(cost.getMin(), cost.getMax(), 8, LEFT, RIGHT);
    var accuracy = outcomes.stream().mapToDouble(Outcome::accuracy).summaryStatistics();
    double margin = Math.max(0.005, 0.05 * (accuracy.getMax() - accuracy.getMin()));
    var y =
        Axis.percent(
            Math.max(0, accuracy.getMin() - margin),
            Math.min(1, accuracy.getMax() + margin),
            6,
            BOTTOM,
            TOP);
    frame(marks, title, costName, x, y);
    var front = Pareto.front(outcomes, Outcome::synops, Outcome::accuracy);
    var steps = new ArrayList<Point>();
    for (var outcome : front) {
      if (!steps.isEmpty()) {
        steps.add(new Point(x.at(outcome.synops), steps.getLast().y()));
      }
      steps.add(new Point(x.at(outcome.synops), y.at(100 * outcome.accuracy)));
    }
    if (steps.size() > 1) {
      marks.add(new Curve(steps, Ink.BLUE, 1.6, true));
    }
    var dots = new ArrayList<Mark>();
    var names = new ArrayList<Label>();
    var points =
        outcomes.stream()
            .map(outcome -> new Point(x.at(outcome.synops), y.at(100 * outcome.accuracy)))
            .toList();
    for (var outcome : frontFirst(outcomes, front)) {
      var at = new Point(x.at(outcome.synops), y.at(100 * outcome.accuracy));
      var ink = front.contains(outcome) ? Ink.BLUE : Ink.MUTED;
      var mark = new Dot(at, outcome.address == null ? 4 : 5, ink);
      dots.addFirst(
          outcome.address == null
              ? mark
              : new Link(outcome.address, outcome.inWords(), List.of(mark)));
      beside(at, outcome.name, ink).stream()
          .filter(name -> names.stream().noneMatch(other -> overlap(name, other)))
          .min(comparingLong(name -> points.stream().filter(other -> hides(name, other)).count()))
          .ifPresent(names::add);
    }
    marks.addAll(dots);
    marks.addAll(names);
    return new Picture(WIDTH, HEIGHT, title, marks);
  }

  /**
   * Hypervolume of a search after each rung.
   *
   * @param epochs number of trained epochs of all trials
   * @param value hypervolume, between 0 and 1
   */
  public record Volume(long epochs, double value) {}

  /** Hypervolume of a search over the epochs that its trials have trained. */
  public static Picture hypervolume(List<Volume> volumes) {
    String title = "Hypervolume over trained epochs";
    if (volumes.isEmpty()) {
      return empty(title, "no rung is complete yet");
    }
    var marks = new ArrayList<Mark>();
    var x = Axis.around(0, positive(volumes.getLast().epochs), 8, LEFT, RIGHT);
    double most = volumes.stream().mapToDouble(Volume::value).max().orElse(0);
    var y = Axis.around(0, positive(most), 6, BOTTOM, TOP);
    frame(marks, title, "epochs of all trials", x, y);
    var steps = new ArrayList<Point>();
    for (var volume : volumes) {
      double at = x.at(volume.epochs);
      if (!steps.isEmpty()) {
        steps.add(new Point(at, steps.getLast().y()));
      }
      steps.add(new Point(at, y.at(volume.value)));
    }
    if (steps.size() > 1) {
      marks.add(new Curve(steps, Ink.BLUE, 2, false));
    }
    for (var volume : volumes) {
      marks.add(new Dot(new Point(x.at(volume.epochs), y.at(volume.value)), 3, Ink.BLUE));
    }
    return new Picture(
        WIDTH,
        HEIGHT,
        "%s: %.3g after %d epochs"
            .formatted(title, volumes.getLast().value, volumes.getLast().epochs),
        marks);
  }

  /**
   * One trained network among others, by the values that it was given and reached.
   *
   * @param address of its page
   * @param values one per axis, a number or a word; null where it has none
   * @param front whether it is on the Pareto front
   */
  public record Run(String name, String address, List<@Nullable Object> values, boolean front) {}

  /** Parallel coordinates: an axis per value, and a line per network, those of the front on top. */
  public static Picture parallel(List<String> axes, List<Run> runs) {
    String title = "Values of each job";
    if (runs.isEmpty() || axes.size() < 2) {
      return empty(title, "no job has completed an epoch yet");
    }
    var marks = new ArrayList<Mark>();
    marks.add(new Label(new Point(LEFT, 24), title, Anchor.START, Ink.TEXT, 15, true));
    double top = TOP + 3 * LINE;
    double left = LEFT + 20;
    double apart = (WIDTH - 2 * left) / (axes.size() - 1);
    var places = new ArrayList<ToDoubleFunction<@Nullable Object>>();
    for (int i = 0; i < axes.size(); i++) {
      int axis = i;
      double x = left + i * apart;
      var values = runs.stream().map(run -> run.values.get(axis)).filter(Objects::nonNull).toList();
      marks.add(new Curve(List.of(new Point(x, top), new Point(x, BOTTOM)), Ink.MUTED, 1, false));
      // Every other name is higher, so that neighbours do not overlap.
      var name = new Point(x, top - (i % 2 == 0 ? 10 + LINE : 10 + 2 * LINE));
      marks.add(new Label(name, axes.get(i), Anchor.MIDDLE, Ink.TEXT, SMALL, true));
      if (values.stream().allMatch(Number.class::isInstance)) {
        var range =
            values.stream().mapToDouble(v -> ((Number) v).doubleValue()).summaryStatistics();
        double min = range.getCount() == 0 ? 0 : range.getMin();
        double max = range.getMax() > min ? range.getMax() : min + Math.max(1, Math.abs(min));
        var scale = Axis.exactly(min, max, 4, BOTTOM, top);
        places.add(value -> value instanceof Number v ? scale.at(v.doubleValue()) : Double.NaN);
        var ends =
            range.getMax() > min
                ? List.of(min, max)
                : values.isEmpty() ? List.<Double>of() : List.of(min);
        ends.forEach(end -> marks.add(atEnd(x, scale.at(end), rounded(end))));
      } else {
        var words = values.stream().map(Object::toString).distinct().sorted().toList();
        var scale = Axis.exactly(0, Math.max(1, words.size() - 1), 4, BOTTOM, top);
        places.add(value -> value == null ? Double.NaN : scale.at(words.indexOf(value.toString())));
        for (int word = 0; word < words.size(); word++) {
          marks.add(
              word == 0 || word == words.size() - 1
                  ? atEnd(x, scale.at(word), words.get(word))
                  : beside(x, scale.at(word), words.get(word)));
        }
      }
    }
    runs.stream()
        .sorted(Comparator.comparing(Run::front))
        .forEach(
            run -> {
              var points = new ArrayList<Point>();
              for (int i = 0; i < axes.size(); i++) {
                double y = places.get(i).applyAsDouble(run.values.get(i));
                if (Double.isFinite(y)) {
                  points.add(new Point(left + i * apart, y));
                }
              }
              var ink = run.front ? Ink.BLUE : Ink.MUTED;
              marks.add(
                  new Link(
                      run.address,
                      run.name + (run.front ? ", on the Pareto front" : ""),
                      List.of(new Curve(points, ink, run.front ? 2.4 : 1.2, false))));
            });
    return new Picture(WIDTH, HEIGHT, title, marks);
  }

  private static Label beside(double x, double y, String text) {
    return new Label(new Point(x + 6, y + 4), text, Anchor.START, Ink.MUTED, SMALL, false);
  }

  /** Text above the upper end of an axis, or below its lower end. */
  private static Label atEnd(double x, double y, String text) {
    double at = y < (TOP + BOTTOM) / 2.0 ? y - 6 : y + LINE;
    return new Label(new Point(x, at), text, Anchor.MIDDLE, Ink.MUTED, SMALL, false);
  }

  /** Three digits. */
  private static String rounded(double value) {
    if (Math.abs(value) >= 1e4) {
      return new Axis(0, Math.abs(value), Math.abs(value) / 100, 0, 1, "").text(value);
    }
    return new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
  }

  /**
   * Outcomes on the front come first, so that they are labelled when there is no room for all
   * names.
   */
  private static List<Outcome> frontFirst(List<Outcome> outcomes, List<Outcome> front) {
    return Stream.concat(
            front.stream(), outcomes.stream().filter(outcome -> !front.contains(outcome)))
        .toList();
  }

  /** Candidate positions of a name around its dot, in order of preference. */
  private static List<Label> beside(Point at, String name, Ink ink) {
    double right = at.x() + 8;
    double left = at.x() - 8;
    return Stream.of(
            new Label(new Point(right, at.y() + 14), name, Anchor.START, ink, SMALL, false),
            new Label(new Point(right, at.y() - 7), name, Anchor.START, ink, SMALL, false),
            new Label(new Point(left, at.y() - 7), name, Anchor.END, ink, SMALL, false),
            new Label(new Point(left, at.y() + 14), name, Anchor.END, ink, SMALL, false))
        // The labels of the axis are below it.
        .filter(label -> label.at().y() < BOTTOM)
        .filter(label -> start(label) >= LEFT && start(label) + width(label) <= WIDTH)
        .toList();
  }

  private static boolean overlap(Label one, Label other) {
    return Math.abs(one.at().y() - other.at().y()) < LINE
        && start(one) < start(other) + width(other)
        && start(other) < start(one) + width(one);
  }

  /** Whether a label covers a dot. */
  private static boolean hides(Label label, Point dot) {
    return Math.abs(dot.y() - label.at().y() + SMALL / 3.0) < SMALL * 0.8
        && dot.x() > start(label) - 4
        && dot.x() < start(label) + width(label) + 4;
  }

  private static double start(Label label) {
    return label.anchor() == Anchor.END ? label.at().x() - width(label) : label.at().x();
  }

  /** Approximate width in a sans-serif font. */
  private static double width(Label label) {
    return 0.6 * label.size() * label.text().length();
  }

  private static double positive(double value) {
    return value > 0 ? value : 1;
  }

  private static Picture empty(String title, String why) {
    return new Picture(
        WIDTH,
        HEIGHT,
        title + ": " + why,
        List.of(
            new Label(new Point(LEFT, 24), title, Anchor.START, Ink.TEXT, 15, true),
            new Label(
                new Point(WIDTH / 2.0, HEIGHT / 2.0), why, Anchor.MIDDLE, Ink.MUTED, 14, false)));
  }

  private static void frame(
      List<Mark> marks, @Nullable String title, @Nullable String below, Axis x, Axis y) {
    if (title != null) {
      marks.add(new Label(new Point(x.from(), 24), title, Anchor.START, Ink.TEXT, 15, true));
    }
    for (double tick : y.ticks()) {
      var at = y.at(tick);
      marks.add(
          new Curve(List.of(new Point(x.from(), at), new Point(x.to(), at)), Ink.GRID, 1, false));
      marks.add(
          new Label(
              new Point(x.from() - 8, at + 4), y.text(tick), Anchor.END, Ink.MUTED, SMALL, false));
    }
    for (double tick : x.ticks()) {
      marks.add(
          new Label(
              new Point(x.at(tick), y.from() + LINE + 2),
              x.text(tick),
              Anchor.MIDDLE,
              Ink.MUTED,
              SMALL,
              false));
    }
    if (below != null) {
      marks.add(
          new Label(
              new Point((x.from() + x.to()) / 2, y.from() + 2 * LINE + 6),
              below,
              Anchor.MIDDLE,
              Ink.MUTED,
              SMALL,
              false));
    }
  }
}
