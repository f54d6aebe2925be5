package dev.spikewise.snn.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Convolution on the Vector API. Two tables, where windows start and how far their taps lie,
 * describe every geometry. Dense, but for taps that are silent ({@link ConvTiles}, {@link
 * ActiveTaps}), or event-driven, where only the values that are not 0 are visited ({@link
 * ConvEvents}): whatever the measured density makes faster. Forward, both add in the same order and
 * agree bit for bit.
 */
final class VectorConv implements Kernels.Conv {

  private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

  /** Windows that a task has at least, and windows whose weight gradient is summed at a time. */
  private static final int CHUNK = 64;

  private static final int FORWARD_TASKS = 32;
  private static final int INPUT_TASKS = 32;

  /** Tasks of a weight gradient: each has its own taps, so no sum is split. */
  private static final int WEIGHT_TASKS = 8;

  /**
   * Parts of an event-driven weight gradient, added up in order. A constant, so that results do not
   * depend on the number of threads.
   */
  private static final int PARTS = 4;

  /**
   * Visiting an event takes so many times as long as its share of a dense tile (measured, see
   * src/bench).
   */
  private static final double EVENT_FORWARD = 6;

  private static final double EVENT_WEIGHTS = 6;
  private static final double EVENT_INPUT = 1.5;

  /** Adding up the lanes of an event's input gradient, in products. */
  private static final double EVENT_SUM = 8;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int taps;
  private final int windows;
  private final int groupIn;
  private final int groupOut;
  private final float @Nullable [] padded;

  /** What sums start with: the bias or 0, and room for a whole vector behind it. */
  private final float[] start;

  private final ActiveTaps active;
  private final Events events;
  private final ConvTiles tiles;
  private final ConvEvents eventLoops;
  private final int maxFrames;

  /** Vectors, or pairs of them, that a group's output channels fill. */
  private final int channelTiles;

  private final ActiveTaps.@Nullable Walk[] forwardWalks;
  private final ActiveTaps.@Nullable Walk[] weightWalks = new ActiveTaps.Walk[WEIGHT_TASKS];
  private final float[][] eventSums = new float[INPUT_TASKS][ConvEvents.GROUP * LANES];
  private @Nullable Backward backward;
  private float[] partialWeights = {};

  VectorConv(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.maxFrames = maxFrames;
    taps = shape.taps();
    windows = shape.windows();
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    int pairs = groupOut / (2 * LANES);
    channelTiles = pairs + (groupOut - pairs * 2 * LANES + LANES - 1) / LANES;
    forwardWalks = new ActiveTaps.Walk[Math.max(FORWARD_TASKS, channelTiles)];
    int[] starts = shape.windowStarts();
    var origins = new int[maxFrames * windows];
    for (int i = 0; i < origins.length; i++) {
      origins[i] = i / windows * shape.paddedSize() + starts[i % windows];
    }
    start = new float[shape.outC() + LANES];
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    active = new ActiveTaps(shape, maxFrames, parallel);
    events = new Events(shape, maxFrames, parallel);
    tiles = new ConvTiles(shape, origins);
    eventLoops = new ConvEvents(shape, events, origins);
  }

  @Override
  public void forward(
      float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    active.measure(from, at, frames);
    boolean sparse = events.possible && active.density() * EVENT_FORWARD < active.coverage();
    if (sparse) {
      events.collect(from, at, frames);
    }
    if (bias == null) {
      Arrays.fill(start, 0);
    } else {
      System.arraycopy(bias, 0, start, 0, bias.length);
    }
    int rows = frames * windows;
    int chunks = Math.clamp(FORWARD_TASKS / channelTiles, 1, (rows + CHUNK - 1) / CHUNK);
    int chunk =
        ((rows + chunks - 1) / chunks + ConvTiles.ROWS - 1) / ConvTiles.ROWS * ConvTiles.ROWS;
    parallel.run(
        sparse ? chunks : chunks * channelTiles,
        task -> {
          int first = (sparse ? task : task / channelTiles) * chunk;
          int last = Math.min(rows, first + chunk);
          if (sparse) {
            eventLoops.forward(w, start, y, yAt, first, last);
          } else {
            denseForward(task, from, at, w, start, y, yAt, first, last);
          }
        });
  }

  /** The frames with zeros around them, or {@code x} itself where no padding is asked for. */
  private float[] pad(float[] x, int xAt, int frames) {
    float[] to = padded;
    if (to == null) {
      return x;
    }
    int row = shape.inW() * shape.inC();
    parallel.run(
        frames,
        f -> {
          for (int iy = 0; iy < shape.inH(); iy++) {
            int pixel = (iy + shape.padH()) * shape.paddedW() + shape.padW();
            System.arraycopy(
                x,
                xAt + f * shape.inSize() + iy * row,
                to,
                f * shape.paddedSize() + pixel * shape.inC(),
                row);
          }
        });
    return to;
  }

  private void denseForward(
      int task,
      float[] x,
      int xAt,
      float[] w,
      float[] bias,
      float[] y,
      int yAt,
      int first,
      int last) {
    ActiveTaps.Walk walk = forwardWalks[task];
    if (walk == null) {
      walk = active.new Walk(0, taps);
      forwardWalks[task] = walk;
    }
    int c = channel(task % channelTiles);
    int lanes = Math.min(LANES, groupOut - c);
    boolean pair = c + 2 * LANES <= groupOut;
    for (int r = first; r < last; r += ConvTiles.ROWS) {
      walk.moveTo(r, Math.min(last, r + ConvTiles.ROWS));
      for (int g = 0; g < shape.groups(); g++) {
        int from = xAt + g * groupIn;
        int wAt = g * taps * groupOut + c;
        int channel = g * groupOut + c;
        if (pair) {
          tiles.forward6x2(x, from, w, wAt, bias, channel, y, yAt, r, last, walk);
        } else {
          tiles.forward6x1(x, from, w, wAt, bias, channel, y, yAt, r, last, walk, lanes);
        }
      }
    }
  }

  /** First output channel of a tile: pairs of vectors, then what is left. */
  private int channel(int tile) {
    int pairs = groupOut / (2 * LANES);
    return (tile + Math.min(tile, pairs)) * LANES;
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
    if (activeX != null && events.possible && groupOut % LANES == 0) {
      float[] from = pad(activeX, xAt, frames);
      int at = padded == null ? xAt : 0;
      active.measure(from, at, frames);
      if (eventsAreFaster()) {
        events.collect(from, at, frames);
        eventLoops.prepareInput();
        int share = (frames + INPUT_TASKS - 1) / INPUT_TASKS;
        parallel.run(
            (frames + share - 1) / share,
            task -> sparseInputGradient(gy, gyAt, w, gx, gxAt, task, share, frames));
        return;
      }
    }
    denseInputGradient(gy, gyAt, w, gx, gxAt, frames);
  }

  private void sparseInputGradient(
      float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int task, int share, int frames) {
    float[] sums = eventSums[task];
    for (int f = task * share; f < Math.min(frames, (task + 1) * share); f++) {
      eventLoops.input(gy, gyAt + f * shape.outSize(), w, gx, gxAt + f * shape.inSize(), f, sums);
    }
  }

  private boolean eventsAreFaster() {
    double products = (double) windows * shape.kH() * shape.kW() * (groupOut / LANES);
    double sums = (double) shape.inH() * shape.inW() * EVENT_SUM;
    double dense =
        (double) shape.inH()
            * shape.inW()
            * shape.kH()
            * shape.kW()
            * groupOut
            * ((groupIn + LANES - 1) / LANES);
    // Half of what reaches a convolution from above is silent too, as a rule.
    return active.density() * groupIn * (products * EVENT_INPUT + sums) < dense / 2;
  }

  /** What only the dense input gradient needs. */
  private static final class Backward {
    final ConvShape transposed;
    final VectorConv conv;
    final float[] spread;
    final float[] turned;

    Backward(ConvShape shape, int maxFrames, Parallel parallel) {
      transposed = shape.transposed();
      conv = new VectorConv(transposed, maxFrames, parallel);
      spread = new float[maxFrames * transposed.inSize()];
      turned = new float[shape.weights()];
    }
  }

  /**
   * A convolution over the output's gradient, spread by the stride, with the kernel turned around.
   */
  private void denseInputGradient(
      float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    if (backward == null) {
      backward = new Backward(shape, maxFrames, parallel);
    }
    Backward back = backward;
    int blocks = (groupIn + LANES - 1) / LANES;
    parallel.run(
        shape.kH() * shape.kW() * shape.groups() * blocks,
        task -> turn(w, back.turned, task / blocks, task % blocks * LANES));
    if (back.transposed.inSize() == shape.outSize()) {
      back.conv.forward(gy, gyAt, back.turned, null, gx, gxAt, frames);
      return;
    }
    parallel.run(
        frames,
        f -> spread(gy, gyAt + f * shape.outSize(), back.spread, f * back.transposed.inSize()));
    back.conv.forward(back.spread, 0, back.turned, null, gx, gxAt, frames);
  }

  /**
   * Turns the kernel around and swaps its input and output channels: one tap of one group, a vector
   * of input channels from {@code i} on.
   */
  private void turn(float[] w, float[] turned, int tap, int i) {
    int area = shape.kH() * shape.kW();
    int from = (tap * groupIn + i) * groupOut;
    int to = (tap / area * area + area - 1 - tap % area) * groupIn * groupOut + i;
    int n = Math.min(LANES, groupIn - i);
    for (int o = 0; o < groupOut; o++) {
      for (int k = 0; k < n; k++) {
        turned[to + o * groupIn + k] = w[from + k * groupOut + o];
      }
    }
  }

  /**
   * Puts a gradient [H', W', Cout] where the transposed convolution looks for it; the places
   * between stay 0.
   */
  private void spread(float[] gy, int gyAt, float[] spread, int at) {
    int spanH = shape.dilationH() * (shape.kH() - 1) - shape.padH();
    int spanW = shape.dilationW() * (shape.kW() - 1) - shape.padW();
    int height = shape.inH() + spanH + shape.padH();
    int width = shape.inW() + spanW + shape.padW();
    for (int oy = 0; oy < shape.outH(); oy++) {
      int row = oy * shape.strideH() + spanH;
      for (int ox = 0; ox < shape.outW() && row >= 0 && row < height; ox++) {
        int column = ox * shape.strideW() + spanW;
        if (column >= 0 && column < width) {
          System.arraycopy(
              gy,
              gyAt + (oy * shape.outW() + ox) * shape.outC(),
              spread,
              at + (row * width + column) * shape.outC(),
              shape.outC());
        }
      }
    }
  }

  @Override
  public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    active.measure(from, at, frames);
    int rows = frames * windows;
    if (events.possible && active.density() * EVENT_WEIGHTS < active.coverage()) {
      events.collect(from, at, frames);
      sparseWeightGradient(gy, gyAt, gw, rows);
      return;
    }
    int share = Math.max(2 * ConvTiles.ROWS, (taps + WEIGHT_TASKS - 1) / WEIGHT_TASKS);
    parallel.run(
        (taps + share - 1) / share,
        task -> {
          ActiveTaps.Walk walk = weightWalks[task];
          if (walk == null) {
            walk = active.new Walk(task * share, Math.min(taps, (task + 1) * share));
            weightWalks[task] = walk;
          }
          for (int r = 0; r < rows; r += CHUNK) {
            int last = Math.min(rows, r + CHUNK);
            walk.moveTo(r, last);
            for (int g = 0; g < shape.groups(); g++) {
              denseWeights(from, at + g * groupIn, gy, gyAt, gw, g, walk, r, last);
            }
          }
        });
  }

  private void denseWeights(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int g,
      ActiveTaps.Walk walk,
      int first,
      int last) {
    for (int tile = 0; tile < channelTiles; tile++) {
      int c = channel(tile);
      int gyFrom = gyAt + g * groupOut + c;
      int gwFrom = g * taps * groupOut + c;
      for (int i = 0; i < walk.count; i += ConvTiles.ROWS) {
        if (c + 2 * LANES <= groupOut) {
          tiles.weights6x2(x, xAt, gy, gyFrom, gw, gwFrom, walk, i, first, last);
        } else {
          int lanes = Math.min(LANES, groupOut - c);
          tiles.weights6x1(x, xAt, gy, gyFrom, gw, gwFrom, walk, i, first, last, lanes);
        }
      }
    }
  }

  private void sparseWeightGradient(float[] gy, int gyAt, float[] gw, int rows) {
    if (partialWeights.length == 0) {
      partialWeights = new float[PARTS * gw.length];
    }
    float[] sums = partialWeights;
    parallel.run(
        PARTS,
        part -> {
          Arrays.fill(sums, part * gw.length, (part + 1) * gw.length, 0);
          int last = (int) ((long) rows * (part + 1) / PARTS);
          for (int r = (int) ((long) rows * part / PARTS); r < last; r++) {
            eventLoops.weights(gy, gyAt + r * groupOut, sums, part * gw.length, r);
          }
        });
    for (int part = 0; part < PARTS; part++) {
      for (int i = 0; i < gw.length; i++) {
        gw[i] += sums[part * gw.length + i];
      }
    }
  }
}
