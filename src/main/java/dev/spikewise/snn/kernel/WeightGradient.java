package dev.spikewise.snn.kernel;

import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * The dense gradient of a convolution's weights, without taps and rows of windows that are silent.
 */
final class WeightGradient {

  private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

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

  /** Rows of the output that have a gradient. */
  private final ActiveRows loud;

  /** By window of such a row: where it starts in the input, and where its gradient lies. */
  private final int[] loudOrigins;

  private final int[] loudOutputs;
  private final ConvTiles tiles;

  /** By chunk, and one past the last: its first window among those. */
  private final int[] loudStarts;

  private float[] copy = {};

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
    loud = new ActiveRows(shape.outH(), shape.outW(), shape.outC(), maxFrames, parallel);
    loudOrigins = new int[origins.length];
    loudOutputs = new int[origins.length];
    tiles = new ConvTiles(loudOrigins, loudOutputs);
    loudStarts = new int[(origins.length + CHUNK - 1) / CHUNK + 1];
  }

  /** Adds to gw, after {@link ActiveRows#measure} of x. */
  void run(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    int rows = frames * shape.windows();
    float[] gradients = withRoom(gy, gyAt, gyAt + rows * shape.outC());
    int gradientsAt = gradients == gy ? gyAt : 0;
    listLoudWindows(gradients, gradientsAt, frames);
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
            int first = loudStarts[r / CHUNK];
            int last = loudStarts[r / CHUNK + 1];
            if (first < last) {
              walk.moveTo(r, Math.min(rows, r + CHUNK));
              for (int g = 0; g < shape.groups(); g++) {
                int from = xAt + g * groupIn;
                addTiles(x, from, gradients, gradientsAt, gw, g, walk.list, first, last);
              }
            }
          }
        });
  }

  /** Leaves out the windows in whose row nothing has a gradient. */
  private void listLoudWindows(float[] gy, int gyAt, int frames) {
    loud.measure(gy, gyAt, frames);
    int rows = frames * shape.windows();
    int n = 0;
    for (int r = 0; r < rows; r++) {
      if (r % CHUNK == 0) {
        loudStarts[r / CHUNK] = n;
      }
      if (loud.any(r / shape.outW())) {
        loudOrigins[n] = origins[r];
        loudOutputs[n++] = r * shape.outC();
      }
    }
    loudStarts[(rows + CHUNK - 1) / CHUNK] = n;
  }

  private void addTiles(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int g,
      TapList list,
      int first,
      int last) {
    for (int tile = 0; tile < channels.count; tile++) {
      int c = channels.first(tile);
      int gyFrom = gyAt + g * groupOut + c;
      int gwFrom = g * taps * groupOut + c;
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
   * Values {@code from..end-1} with room for a vector behind them, where {@link ConvTiles} needs
   * it: in the array itself, or in a copy that begins at 0.
   */
  private float[] withRoom(float[] values, int from, int end) {
    if (groupOut >= LANES || end + LANES <= values.length) {
      return values;
    }
    if (copy.length < end - from + LANES) {
      copy = new float[end - from + LANES];
    }
    System.arraycopy(values, from, copy, 0, end - from);
    return copy;
  }
}
