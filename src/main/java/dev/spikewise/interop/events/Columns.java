package dev.spikewise.interop.events;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Builds a recording from the columns of a file: identifies them by name or by their values, checks
 * them, converts times to microseconds and sorts the events.
 */
final class Columns {

  /** Names of the columns, and alternative names in other tools. */
  private static final Map<String, List<String>> NAMES =
      Map.of(
          "x", List.of("x", "xs"),
          "y", List.of("y", "ys"),
          "p", List.of("p", "ps", "polarity", "polarities", "pol"),
          "t", List.of("t", "ts", "timestamp", "timestamps", "time"));

  /** Column orders in use: rows of N-MNIST and tonic, and of v2e. */
  private static final List<List<String>> ORDERS =
      List.of(
          List.of("x", "y", "t", "p"), List.of("x", "y", "p", "t"), List.of("t", "x", "y", "p"));

  private static final double TICK_TOLERANCE = 1e-3;

  private final EventOptions options;
  private final Set<String> assumed = new LinkedHashSet<>();
  private @Nullable TimeUnit unit;

  /**
   * @param unit unit stated by the format; null when it states none
   */
  Columns(EventOptions options, @Nullable TimeUnit unit) {
    this.options = options;
    this.unit = unit == null ? options.timeUnit() : unit;
  }

  /** Whether {@code names} include all four columns. */
  static boolean complete(Set<String> names) {
    return NAMES.values().stream().allMatch(known -> known.stream().anyMatch(names::contains));
  }

  /**
   * Refuses files with more than one recording, because the choice of one would be a guess.
   *
   * @param recordings their names in the file
   */
  static void requireOne(Collection<String> recordings) {
    if (recordings.size() > 1) {
      throw new IllegalArgumentException(
          "it contains %d recordings (%s): write each to a file of its own"
              .formatted(
                  recordings.size(),
                  recordings.stream().limit(8).collect(Collectors.joining(", "))));
    }
  }

  /** Whether a column of this name is one of the four. */
  static boolean known(String name) {
    return NAMES.values().stream().anyMatch(known -> known.contains(name));
  }

  /** A recording of columns with names. */
  EventRecording named(Map<String, Column> columns) {
    var found = new LinkedHashMap<String, Column>();
    for (var name : List.of("x", "y", "p", "t")) {
      var known = NAMES.getOrDefault(name, List.of());
      var column = known.stream().filter(columns::containsKey).findFirst();
      found.put(
          name,
          columns.get(
              column.orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "has no column %s (also named %s): its columns are %s"
                              .formatted(
                                  name,
                                  String.join(", ", known.subList(1, known.size())),
                                  columns.keySet())))));
    }
    return recording(found);
  }

  /** A recording of four columns without names. */
  EventRecording unnamed(List<Column> columns) {
    if (columns.size() != 4) {
      throw new IllegalArgumentException(
          "an array without column names must have shape [n, 4] but has "
              + columns.size()
              + " columns");
    }
    return recording(
        named(columns, options.columns() == null ? order(columns) : options.columns()));
  }

  private static Map<String, Column> named(List<Column> columns, List<String> order) {
    var named = new LinkedHashMap<String, Column>();
    for (int c = 0; c < order.size(); c++) {
      named.put(order.get(c), columns.get(c));
    }
    return named;
  }

  private List<String> order(List<Column> columns) {
    if (columns.getFirst().length() == 0) {
      return ORDERS.getFirst();
    }
    var possible = possible(columns, options.width(), options.height());
    if (possible.isEmpty()) {
      // So that events outside of the frame are named as such.
      possible = possible(columns, Integer.MAX_VALUE, Integer.MAX_VALUE);
    }
    if (possible.size() != 1) {
      throw new IllegalArgumentException(
          "the values do not determine the order of the four columns: give the parameter columns,"
              + " such as columns=x,y,p,t");
    }
    assumed.add("columns: " + String.join(",", possible.getFirst()) + ", from their values");
    return possible.getFirst();
  }

  private static List<List<String>> possible(List<Column> columns, int width, int height) {
    return ORDERS.stream().filter(order -> canBe(named(columns, order), width, height)).toList();
  }

  private static boolean canBe(Map<String, Column> named, int width, int height) {
    return named.get("p") instanceof Column p
        && named.get("t") instanceof Column t
        && named.get("x") instanceof Column x
        && named.get("y") instanceof Column y
        && isPolarity(p)
        && !isPolarity(t)
        && doesNotDecrease(t)
        && isPlace(x, width)
        && isPlace(y, height);
  }

  private static boolean isPolarity(Column column) {
    return column.isWhole()
        && IntStream.range(0, column.length()).allMatch(i -> Math.abs(column.whole(i)) <= 1);
  }

  private static boolean doesNotDecrease(Column column) {
    return IntStream.range(1, column.length())
        .allMatch(i -> column.value(i) >= column.value(i - 1));
  }

  private static boolean isPlace(Column column, int size) {
    return column.isWhole()
        && IntStream.range(0, column.length())
            .allMatch(i -> column.whole(i) >= 0 && column.whole(i) < size);
  }

  private EventRecording recording(Map<String, Column> columns) {
    int n = -1;
    for (var column : columns.entrySet()) {
      n = n < 0 ? column.getValue().length() : n;
      if (column.getValue().length() != n) {
        throw new IllegalArgumentException("its columns have different lengths");
      }
    }
    return sorted(
        places("x", columns),
        places("y", columns),
        polarities(columns),
        microseconds(column("t", columns)),
        null);
  }

  private static Column column(String name, Map<String, Column> columns) {
    var column = columns.get(name);
    if (column == null) {
      throw new IllegalArgumentException("has no column " + name);
    }
    return column;
  }

  private static int[] places(String name, Map<String, Column> columns) {
    var column = column(name, columns);
    if (!column.isWhole()) {
      throw new IllegalArgumentException("column " + name + " contains fractions of pixels");
    }
    return IntStream.range(0, column.length()).map(i -> Math.toIntExact(column.whole(i))).toArray();
  }

  private static byte[] polarities(Map<String, Column> columns) {
    var column = column("p", columns);
    var polarities = new byte[column.length()];
    boolean zero = false;
    boolean negative = false;
    for (int i = 0; i < polarities.length; i++) {
      double value = column.value(i);
      if (value != 0 && value != 1 && value != -1) {
        throw new IllegalArgumentException(
            "column p must contain polarities 0 and 1, or -1 and 1, but contains "
                + value
                + ": for MATLAB's 1 and 2, subtract 1 from p, and from x and y if they count from"
                + " 1");
      }
      zero |= value == 0;
      negative |= value < 0;
      polarities[i] = (byte) (value > 0 ? 1 : 0);
    }
    if (zero && negative) {
      throw new IllegalArgumentException(
          "column p contains -1, 0 and 1: polarities must be 0 and 1, or -1 and 1; remove events"
              + " without polarity");
    }
    return polarities;
  }

  private boolean unitKnown = true;

  private long[] microseconds(Column column) {
    if (unit == null) {
      unitKnown = false;
      unit = guess(column);
    }
    var times = new long[column.length()];
    for (int i = 0; i < times.length; i++) {
      times[i] =
          switch (unit) {
            case US -> column.isWhole() ? column.whole(i) : Math.round(column.value(i));
            case NS -> Math.floorDiv(column.whole(i), 1000);
            case MS, S -> Math.round(column.value(i) * unit.microseconds());
          };
    }
    return times;
  }

  /** Event cameras count microseconds, so the fractional digits of a float reveal its unit. */
  private TimeUnit guess(Column column) {
    TimeUnit guess;
    if (column.isWhole()) {
      guess = TimeUnit.US;
      assumed.add("time_unit: us, because all times are whole numbers");
    } else if (!column.isShortFloat() && wholeTicks(column, 1e3)) {
      guess = TimeUnit.MS;
      assumed.add("time_unit: ms, because all times are multiples of 0.001");
    } else if (!column.isShortFloat() && wholeTicks(column, 1e6)) {
      guess = TimeUnit.S;
      assumed.add("time_unit: s, because all times are multiples of 0.000001");
    } else {
      throw new IllegalArgumentException(
          "column t contains fractions of an unknown unit: give time_unit, one of "
              + String.join(", ", TimeUnit.words()));
    }
    return guess;
  }

  private static boolean wholeTicks(Column column, double perUnit) {
    for (int i = 0; i < column.length(); i++) {
      double ticks = column.value(i) * perUnit;
      if (Math.abs(ticks - Math.rint(ticks)) > TICK_TOLERANCE) {
        return false;
      }
    }
    return true;
  }

  /**
   * A recording of checked values.
   *
   * @param start null for the first event's time
   */
  EventRecording sorted(int[] x, int[] y, byte[] polarity, long[] t, @Nullable Long start) {
    int late = 0;
    long last = Long.MIN_VALUE;
    for (long time : t) {
      late += time < last ? 1 : 0;
      last = Math.max(last, time);
    }
    if (late > 0) {
      // Stable: events of the same microsecond keep the order of the file.
      var order =
          IntStream.range(0, t.length)
              .boxed()
              .sorted(Comparator.comparingLong(i -> t[i]))
              .mapToInt(i -> i)
              .toArray();
      return recording(order, x, y, polarity, t, start, late);
    }
    return new EventRecording(x, y, polarity, t, start(t, start), 0, unitKnown, assumed, null);
  }

  private EventRecording recording(
      int[] order, int[] x, int[] y, byte[] polarity, long[] t, @Nullable Long start, int late) {
    var sortedPolarity = new byte[order.length];
    for (int i = 0; i < order.length; i++) {
      sortedPolarity[i] = polarity[order[i]];
    }
    var times = Arrays.stream(order).mapToLong(i -> t[i]).toArray();
    return new EventRecording(
        Arrays.stream(order).map(i -> x[i]).toArray(),
        Arrays.stream(order).map(i -> y[i]).toArray(),
        sortedPolarity,
        times,
        start(times, start),
        late,
        unitKnown,
        assumed,
        null);
  }

  private static long start(long[] sorted, @Nullable Long start) {
    return start != null ? start : sorted.length == 0 ? 0 : sorted[0];
  }

  /** Collects events one by one, for formats that have no columns. */
  static final class Builder {

    private final EventOptions options;
    private int[] places = new int[0];
    private long[] times = new long[0];
    private int size;

    Builder(EventOptions options) {
      this.options = options;
    }

    void add(int x, int y, int polarity, long t) {
      if (size == times.length) {
        EventOptions.requireFew(size + 1L);
        int capacity = Math.max(1024, 2 * size);
        options.events(Math.min(capacity - size, EventOptions.MAX_EVENTS - size));
        times = Arrays.copyOf(times, capacity);
        places = Arrays.copyOf(places, 3 * capacity);
      }
      places[3 * size] = x;
      places[3 * size + 1] = y;
      places[3 * size + 2] = polarity;
      times[size++] = t;
    }

    /**
     * @param start time of the start in microseconds; null for the first event's time
     */
    EventRecording build(@Nullable Long start) {
      var x = new int[size];
      var y = new int[size];
      var polarity = new byte[size];
      for (int i = 0; i < size; i++) {
        x[i] = places[3 * i];
        y[i] = places[3 * i + 1];
        polarity[i] = (byte) places[3 * i + 2];
      }
      return new Columns(options, TimeUnit.US)
          .sorted(x, y, polarity, Arrays.copyOf(times, size), start);
    }
  }
}
