package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * The dense gradient of a convolution's weights, without taps and rows of windows that are silent.
 */
final class WeightGradient {

  private static final int LANES = Species.FLOATS.length();

  /** Windows that are summed at a time, while their taps are listed once. */
  private static final int CHUNK = 64;

  /** Each has its own taps, so no sum is split. */
  private static final int TASKS = 8;

  private final ConvShape shape;
  private final Parallel parallel;
  private final ActiveRows active;
  private final int[] offsets;
  private final int[] origins;
  private final int taps;
  private final int groupIn;
  private final int groupOut;
  private final ChannelTiles channels;
  private final @Nullable ActiveTaps[] tapsOfTask = new ActiveTaps[TASKS];
  private final float[][] sums = new float[TASKS][2 * ConvTiles.ROWS * LANES];

  /** Rows of the output that have a gradient. */
  private final ActiveRows gradientRows;

  /** Offset in the input of each window of such a row; below, the offset of its gradient. */
  private final int[] activeOrigins;

  private final int[] activeOutputs;
  private final ConvTiles tiles;

  /** By chunk, and one past the last: its first window among those. */
  private final int[] activeStarts;

  /**
   * @param active rows of the padded input
   * @param offsets by tap: its distance from the start of a window
   * @param origins by window of every frame: where it starts
   */
  WeightGradient(
      ConvShape shape,
      ActiveRows active,
      int[] offsets,
      int[] origins,
      int maxFrames,
      Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.active = active;
    this.offsets = offsets;
    this.origins = origins;
    taps = shape.taps();
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    channels = new ChannelTiles(groupOut);
    gradientRows = new ActiveRows(shape.outH(), shape.outW(), shape.outC(), maxFrames, parallel);
    activeOrigins = new int[origins.length];
    activeOutputs = new int[origins.length];
    tiles = new ConvTiles(activeOrigins, activeOutputs);
    activeStarts = new int[(origins.length + CHUNK - 1) / CHUNK + 1];
  }

  /** Adds to gw, after {@link ActiveRows#measure} of x; gy has room for a vector behind it. */
  void run(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    int rows = frames * shape.windows();
    listActiveWindows(gy, gyAt, frames);
    int share = Math.max(2 * ConvTiles.ROWS, (taps + TASKS - 1) / TASKS);
    parallel.run(
        (taps + share - 1) / share,
        task -> {
          ActiveTaps walk = tapsOfTask[task];
          if (walk == null) {
            int end = Math.min(taps, (task + 1) * share);
            walk = new ActiveTaps(shape, active, offsets, task * share, end);
            tapsOfTask[task] = walk;
          }
          for (int r = 0; r < rows; r += CHUNK) {
            int first = activeStarts[r / CHUNK];
            int last = activeStarts[r / CHUNK + 1];
            if (first < last) {
              walk.moveTo(r, Math.min(rows, r + CHUNK));
              for (int g = 0; g < shape.groups(); g++) {
                int from = xAt + g * groupIn;
                addTiles(x, from, gy, gyAt, gw, g, walk, sums[task], first, last);
              }
            }
          }
        });
  }

  /** Leaves out the windows in whose row nothing has a gradient. */
  private void listActiveWindows(float[] gy, int gyAt, int frames) {
    gradientRows.measure(gy, gyAt, frames);
    int rows = frames * shape.windows();
    int n = 0;
    for (int r = 0, row = 0; r < rows; row++) {
      boolean any = gradientRows.any(row);
      for (int end = r + shape.outW(); r < end; r++) {
        if (r % CHUNK == 0) {
          activeStarts[r / CHUNK] = n;
        }
        if (any) {
          activeOrigins[n] = origins[r];
          activeOutputs[n++] = r * shape.outC();
        }
      }
    }
    activeStarts[(rows + CHUNK - 1) / CHUNK] = n;
  }

  private void addTiles(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int g,
      ActiveTaps walk,
      float[] sums,
      int first,
      int last) {
    TapList list = walk.list;
    for (int tile = 0; tile < channels.count; tile++) {
      int c = channels.first(tile);
      int gyFrom = gyAt + g * groupOut + c;
      int gwFrom = g * taps * groupOut + c;
      if (channels.isPair(tile) && walk.inRuns()) {
        addRuns(x, xAt, gy, gyFrom, gw, gwFrom, walk.runs, sums, first, last);
        continue;
      }
      for (int i = 0; i < list.count; i += ConvTiles.ROWS) {
        if (channels.isPair(tile)) {
          tiles.weights6x2(x, xAt, gy, gyFrom, gw, gwFrom, list, i, first, last);
        } else {
          int skip = channels.skip(tile);
          int lanes = channels.lanes();
          tiles.weights6x1(x, xAt, gy, gyFrom, gw, gwFrom, list, i, first, last, skip, lanes);
        }
      }
    }
  }

  /**
   * Tiles of six taps that are neighbours in memory; the last tile of a run may begin before the
   * run. Shapes with fewer neighbouring taps are computed by {@link PlaneConv}.
   */
  private void addRuns(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int gwAt,
      TapRuns runs,
      float[] sums,
      int first,
      int last) {
    for (int run = 0; run < runs.count; run++) {
      int length = runs.lengths[run];
      int tap = runs.weights[run] / runs.step;
      for (int i = 0; i < length; i += ConvTiles.ROWS) {
        int start = Math.clamp(length - ConvTiles.ROWS, -(tap % shape.together()), i);
        int input = xAt + runs.inputs[run] + start;
        int weight = gwAt + (tap + start) * runs.step;
        int from = i - start;
        int to = Math.min(ConvTiles.ROWS, length - start);
        tiles.weightsRun6x2(x, input, gy, gyAt, gw, weight, runs.step, from, to, first, last, sums);
      }
    }
  }
}
