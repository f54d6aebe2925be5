package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A fully connected layer on the Vector API: products of matrices whose rows are the frames of all
 * samples and time steps at hand.
 *
 * <p>Forward and for the gradient of the weights, only the values of x that are not 0 are visited
 * ({@link LinearTiles}) where they are few; otherwise {@link ConvTiles} multiply everything. The
 * input's gradient is always such a dense product, as gradients of surrogates are not sparse.
 * Weights and gradients are copied into panels of as many columns as a tile has: rows whose
 * distance is a large power of two would share the same few sets of the first-level cache.
 */
final class VectorLinear implements Kernels.Conv {

  private static final int LANES = Species.FLOATS.length();

  /** Time to visit an event, in units of its share of a dense tile. */
  private static final double EVENT = 3;

  /** Fewer rows than this do not pay for copying weights into panels. */
  private static final int FEW_ROWS = 32;

  /** Rows whose input stays in the second cache while the panels go by. */
  private static final int ROWS = 16 * ConvTiles.ROWS;

  /** Input features whose weights' gradients a task sums; a multiple of all vector lengths. */
  private static final int FEATURES = 64;

  /** Least number of tasks for several threads to share. */
  private static final int TASKS = 16;

  private final ConvShape shape;
  private final int inputs;
  private final int outputs;
  private final int maxFrames;
  private final Parallel parallel;

  /** By tile of the output: its first column and its vectors. */
  private final int[] columns;

  private final int[] widths;
  private final int tiles;

  /** Bias, with room for the widest tile behind it. */
  private final float[] start;

  private float[] panels = {};

  /** Events of the rows of x, row by row. */
  private int[] places = {};

  private float[] values = {};
  private final int[] starts;

  /** By feature of x: the frames where it is not 0, and its values there. */
  private int[] framesOf = {};

  private float[] valuesOf = {};

  private @Nullable Product forward;
  private @Nullable Product backward;

  /** Sums up the dense gradient of the weights. */
  private @Nullable VectorConv dense;

  private boolean held;

  VectorLinear(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.maxFrames = maxFrames;
    this.parallel = parallel;
    inputs = shape.inC();
    outputs = shape.outC();
    int vectors = (outputs + LANES - 1) / LANES;
    columns = new int[vectors / LinearTiles.WIDEST + 3];
    widths = new int[columns.length];
    int tile = 0;
    for (int v = 0; v < vectors; tile++) {
      columns[tile] = v * LANES;
      widths[tile] = Math.min(LinearTiles.WIDEST, Integer.highestOneBit(vectors - v));
      v += widths[tile];
    }
    tiles = tile;
    start = new float[(vectors + 2) * LANES];
    starts = new int[maxFrames + 1];
  }

  static boolean suits(ConvShape shape) {
    return shape.groups() == 1
        && shape.inH() == 1
        && shape.inW() == 1
        && shape.kH() == 1
        && shape.kW() == 1
        && !shape.padded();
  }

  @Override
  public void forward(
      float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
    Arrays.fill(start, 0);
    if (bias != null) {
      System.arraycopy(bias, 0, start, 0, outputs);
    }
    long events = countEvents(x, xAt, frames);
    if (frames >= FEW_ROWS && events * EVENT > (double) frames * inputs) {
      if (forward == null) {
        forward = new Product(inputs, outputs);
      }
      forward.pack(w, outputs, 1);
      forward.run(x, xAt, y, yAt, frames);
      return;
    }
    listEvents(x, xAt, frames, (int) events);
    packRows(w, 0, inputs, frames >= FEW_ROWS);
    int parts = Math.min(frames, Math.ceilDiv(TASKS, tiles));
    parallel.run(
        tiles * parts,
        task -> {
          int tile = task / parts;
          int last = Parallel.start(frames, task % parts + 1, parts);
          float[] sums = partialSums(tile);
          for (int r = Parallel.start(frames, task % parts, parts); r < last; r++) {
            forwardRow(tile, r, w, y, yAt + r * outputs, frames >= FEW_ROWS, sums);
          }
        });
  }

  /** Memory for the sums of a tile that is wider than the columns that are left, else none. */
  private float[] partialSums(int tile) {
    int width = widths[tile] * LANES;
    return columns[tile] + width > outputs ? new float[width] : new float[0];
  }

  private void forwardRow(
      int tile, int r, float[] w, float[] y, int yAt, boolean packed, float[] sums) {
    int width = widths[tile];
    int column = columns[tile];
    int n = Math.min(width * LANES, outputs - column);
    boolean whole = n == width * LANES;
    boolean direct = whole && !packed;
    float[] m = direct ? w : panels;
    int mAt = direct ? column : column * inputs;
    int stride = direct ? outputs : width * LANES;
    if (whole) {
      System.arraycopy(start, column, y, yAt + column, n);
      LinearTiles.gather(
          width, places, values, starts[r], starts[r + 1], m, mAt, stride, y, yAt + column);
    } else {
      System.arraycopy(start, column, sums, 0, n);
      LinearTiles.gather(width, places, values, starts[r], starts[r + 1], m, mAt, stride, sums, 0);
      System.arraycopy(sums, 0, y, yAt + column, n);
    }
  }

  /** Leaves the number of events before each row in {@link #starts}. */
  private long countEvents(float[] x, int xAt, int frames) {
    int parts = Math.min(frames, TASKS);
    parallel.run(
        parts,
        part -> {
          int last = Parallel.start(frames, part + 1, parts);
          for (int r = Parallel.start(frames, part, parts); r < last; r++) {
            starts[r + 1] = LinearTiles.count(x, xAt + r * inputs, inputs);
          }
        });
    for (int r = 0; r < frames; r++) {
      starts[r + 1] += starts[r];
    }
    return starts[frames];
  }

  private void listEvents(float[] x, int xAt, int frames, int events) {
    if (places.length < events) {
      int size = Math.min(maxFrames * inputs, events + events / 4);
      places = new int[size];
      values = new float[size];
    }
    int parts = Math.min(frames, TASKS);
    parallel.run(
        parts,
        part -> {
          int last = Parallel.start(frames, part + 1, parts);
          for (int r = Parallel.start(frames, part, parts); r < last; r++) {
            LinearTiles.list(x, xAt + r * inputs, inputs, places, values, starts[r]);
          }
        });
  }

  /**
   * Copies rows of a matrix [rows, outputs] into {@link #panels}, one for each tile, with zeros
   * behind the last column.
   *
   * @param all whether whole tiles are copied, too
   */
  private void packRows(float[] m, int mAt, int rows, boolean all) {
    int last = tiles - 1;
    int size = rows * (columns[last] + widths[last] * LANES);
    if (panels.length < size) {
      panels = new float[size];
    }
    boolean partial = columns[last] + widths[last] * LANES > outputs;
    if (!all) {
      if (partial) {
        packTile(m, mAt, rows, last, 0, rows);
      }
      return;
    }
    int parts = Math.ceilDiv(TASKS, tiles);
    parallel.run(
        tiles * parts,
        task -> {
          int part = task % parts;
          int from = Parallel.start(rows, part, parts);
          packTile(m, mAt, rows, task / parts, from, Parallel.start(rows, part + 1, parts));
        });
  }

  private void packTile(float[] m, int mAt, int rows, int tile, int from, int to) {
    int width = widths[tile] * LANES;
    int n = Math.min(width, outputs - columns[tile]);
    for (int r = from; r < to; r++) {
      int at = columns[tile] * rows + r * width;
      System.arraycopy(m, mAt + r * outputs + columns[tile], panels, at, n);
      Arrays.fill(panels, at + n, at + width, 0);
    }
  }

  @Override
  public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    int tasks = Math.ceilDiv(inputs, FEATURES);
    int size = inputs * frames;
    if (countEvents(x, xAt, frames) * EVENT > (double) frames * inputs) {
      if (dense == null) {
        dense = new VectorConv(shape, maxFrames, parallel);
      }
      dense.weightGradient(x, xAt, gy, gyAt, gw, frames);
      return;
    }
    if (framesOf.length < size) {
      framesOf = new int[size];
      valuesOf = new float[size];
    }
    packRows(gy, gyAt, frames, true);
    parallel.run(
        tasks,
        task -> {
          int first = task * FEATURES;
          int last = Math.min(inputs, first + FEATURES);
          var ends = new int[last - first];
          listFrames(x, xAt, frames, first, last, ends);
          for (int tile = 0; tile < tiles; tile++) {
            float[] sums = partialSums(tile);
            for (int i = first; i < last; i++) {
              gradientRow(tile, i * frames, ends[i - first], frames, gw, i * outputs, sums);
            }
          }
        });
  }

  /** Lists the frames where each of the features {@code first..last-1} is not 0. */
  private void listFrames(float[] x, int xAt, int frames, int first, int last, int[] ends) {
    for (int i = first; i < last; i++) {
      ends[i - first] = i * frames;
    }
    int n = last - first;
    var places = new int[n];
    var found = new float[n];
    for (int r = 0; r < frames; r++) {
      int count = LinearTiles.list(x, xAt + r * inputs + first, n, places, found, 0);
      for (int e = 0; e < count; e++) {
        int at = ends[places[e]]++;
        framesOf[at] = r;
        valuesOf[at] = found[e];
      }
    }
  }

  private void gradientRow(
      int tile, int from, int to, int frames, float[] gw, int gwAt, float[] sums) {
    if (from == to) {
      return;
    }
    int width = widths[tile];
    int column = columns[tile];
    int n = Math.min(width * LANES, outputs - column);
    int panel = column * frames;
    int stride = width * LANES;
    int at = gwAt + column;
    if (n == width * LANES) {
      LinearTiles.gather(width, framesOf, valuesOf, from, to, panels, panel, stride, gw, at);
    } else {
      System.arraycopy(gw, at, sums, 0, n);
      LinearTiles.gather(width, framesOf, valuesOf, from, to, panels, panel, stride, sums, 0);
      System.arraycopy(sums, 0, gw, at, n);
    }
  }

  @Override
  public void holdWeights(float[] w) {
    product().pack(w, 1, outputs);
    held = true;
  }

  @Override
  public void releaseWeights() {
    held = false;
  }

  private Product product() {
    if (backward == null) {
      backward = new Product(outputs, inputs);
    }
    return backward;
  }

  @Override
  public void inputGradient(
      float[] gy,
      int gyAt,
      float[] w,
      float[] gx,
      int gxAt,
      int frames,
      float @Nullable [] activeX,
      int xAt) {
    Product product = product();
    if (!held) {
      product.pack(w, 1, outputs);
    }
    product.run(gy, gyAt, gx, gxAt, frames);
  }

  /** y = start + a b for a [frames, depth] and b [depth, columns], all of it multiplied. */
  private final class Product {
    private final int depth;
    private final int columns;
    private final ChannelTiles tiles;
    private final float[] panels;
    private final float[] zeros;
    private final ConvTiles kernels;
    private final TapRuns run;
    private final TapList pairs;
    private final @Nullable TapList[] singles;

    Product(int depth, int columns) {
      this.depth = depth;
      this.columns = columns;
      tiles = new ChannelTiles(columns);
      panels = new float[depth * tiles.count * 2 * LANES + 2 * LANES];
      zeros = new float[columns + 2 * LANES];
      var rows = new int[maxFrames];
      var results = new int[maxFrames];
      Arrays.setAll(rows, r -> r * depth);
      Arrays.setAll(results, r -> r * columns);
      kernels = new ConvTiles(rows, results);
      run = new TapRuns(1, 2 * LANES);
      run.add(0, 0, depth);
      pairs = new TapList(depth);
      singles = new TapList[TASKS + Math.ceilDiv(maxFrames, ConvTiles.ROWS)];
      for (int k = 0; k < depth; k++) {
        pairs.add(k, k * 2 * LANES);
      }
    }

    private int panel(int tile) {
      return tile * depth * 2 * LANES;
    }

    /** Copies b[k][c] = m[k * row + c * column] into panels of a tile's columns. */
    void pack(float[] m, int row, int column) {
      parallel.run(tiles.count, tile -> packPanel(m, row, column, tile));
    }

    private void packPanel(float[] m, int row, int column, int tile) {
      int c = tiles.first(tile);
      int width = tiles.isPair(tile) ? 2 * LANES : LANES;
      int n = Math.min(width, columns - c);
      int to = panel(tile);
      if (column == 1) {
        for (int k = 0; k < depth; k++) {
          System.arraycopy(m, k * row + c, panels, to + k * width, n);
        }
        return;
      }
      for (int k = 0; k < depth; k += LANES) {
        int end = Math.min(depth, k + LANES);
        for (int i = 0; i < n; i++) {
          int from = (c + i) * column;
          for (int j = k; j < end; j++) {
            panels[to + j * width + i] = m[from + j * row];
          }
        }
      }
    }

    void run(float[] a, int aAt, float[] y, int yAt, int frames) {
      float[] initial = this == forward ? start : zeros;
      int share = frames >= 2 * ROWS ? ROWS : frames;
      int chunks = Math.ceilDiv(frames, share);
      int groups = Math.min(tiles.count, Math.ceilDiv(TASKS, chunks));
      parallel.run(
          chunks * groups,
          task -> {
            int chunk = task / groups;
            int last = Math.min(frames, (chunk + 1) * share);
            int to = Parallel.start(tiles.count, task % groups + 1, groups);
            for (int tile = Parallel.start(tiles.count, task % groups, groups); tile < to; tile++) {
              if (tiles.isPair(tile)) {
                rows(a, aAt, tile, initial, y, yAt, chunk * share, last);
              } else {
                narrowRows(a, aAt, tile, initial, y, yAt, chunk * share, last, tapsOf(task));
              }
            }
          });
    }

    private void rows(
        float[] a, int aAt, int tile, float[] initial, float[] y, int yAt, int first, int last) {
      int c = tiles.first(tile);
      int b = panel(tile);
      for (int r = first; r < last; r += ConvTiles.ROWS) {
        if (ConvTiles.RUNS) {
          kernels.forwardRuns6x2(a, aAt, panels, b, initial, c, y, yAt, r, last, run);
        } else {
          kernels.forward6x2(a, aAt, panels, b, initial, c, y, yAt, r, last, pairs);
        }
      }
    }

    /** A list of its own, as it holds a task's sums: several tasks may share the rows. */
    private TapList tapsOf(int task) {
      TapList taps = singles[task];
      if (taps == null) {
        taps = new TapList(depth);
        for (int k = 0; k < depth; k++) {
          taps.add(k, k * LANES);
        }
        singles[task] = taps;
      }
      return taps;
    }

    private void narrowRows(
        float[] a,
        int aAt,
        int tile,
        float[] initial,
        float[] y,
        int yAt,
        int first,
        int last,
        TapList taps) {
      int c = tiles.first(tile);
      int n = tiles.lanes();
      for (int r = first; r < last; r += ConvTiles.ROWS) {
        kernels.forward6x1(a, aAt, panels, panel(tile), initial, c, y, yAt, r, last, taps, n);
      }
    }
  }
}
