package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PlaneLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Convolution on the Vector API. Two tables, the offsets of windows and of taps in a window,
 * describe every geometry. Depending on the measured density it chooses the faster of two kinds of
 * loops. Dense loops skip only channels and rows that are 0 throughout ({@link ConvTiles}, {@link
 * ActiveTaps}, {@link InputGradient}, {@link WeightGradient}; {@link PlaneConv} for few channels).
 * Event-driven loops visit only values that are not 0 ({@link ConvEvents}). In the forward pass
 * both add in the same order and agree bit for bit.
 */
final class VectorConv implements Kernels.Conv {

  private static final int LANES = Species.FLOATS.length();

  /** Minimum number of windows per task. */
  private static final int CHUNK = 64;

  /** Minimum number of windows for which copying the weights to panels pays. */
  private static final int MANY = 64;

  /**
   * Minimum number of weights for which panels pay: runs on AVX-512 are as fast while the weights
   * fit the first-level cache.
   */
  private static final int PANEL_WEIGHTS = ConvTiles.RUNS ? 32_768 : 0;

  private static final int FORWARD_TASKS = 32;
  private static final int INPUT_TASKS = 32;

  /** Number of {@link PartialSums} of an event-driven weight gradient. */
  private static final int PARTS = 4;

  /**
   * Time per event in the forward pass, relative to the time per value in a dense tile (measured,
   * see src/bench).
   */
  private static final double EVENT_FORWARD = ConvTiles.RUNS ? 14 : 6;

  /** Same for events that are multiplied by 64 output channels at a time. */
  private static final double WIDE_EVENT_FORWARD = 4;

  private static final double EVENT_WEIGHTS = ConvTiles.RUNS ? 12 : 6;

  /** Likewise where {@link ChannelEvents} fill a tile of four vectors. */
  private static final double CHANNEL_EVENT_WEIGHTS = 5;

  /** Of {@link #inputGradientLoops}: of {@link InputGradient}, of events, and mirrored. */
  private static final int PIXEL_LOOPS = 0;

  private static final int EVENT_INPUT_LOOPS = 1;
  private static final int MIRRORED_LOOPS = 2;

  private static final double EVENT_INPUT = 0.9;

  /** Adding up the lanes of a group of events' input gradients, likewise. */
  private static final double EVENT_SUMS = 25 * LANES;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int taps;
  private final int windows;
  private final int groupIn;
  private final int groupOut;
  private final float @Nullable [] padded;

  /** What sums start with: the bias or 0, and room for a whole vector behind it. */
  private final float[] start;

  private final int[] offsets;
  private final int[] origins;
  private final ActiveRows active;
  private final Events events;
  private final ConvTiles tiles;

  private final ConvEvents eventLoops;
  private final int maxFrames;

  private final ChannelTiles channels;

  private final WindowIndex reach;
  private final @Nullable ActiveTaps[] forwardTaps;
  private @Nullable WeightGradient weightGradient;

  /** Does all but the input's gradient, for the shapes that it suits. */
  private final @Nullable PlaneConv planes;

  private final float[][] eventSums = new float[INPUT_TASKS][ConvEvents.GROUP * LANES];
  private @Nullable InputGradient inputGradient;
  private @Nullable PanelConv panels;
  private @Nullable ChannelEvents channelEvents;

  /** Size of a padded frame divided by that of the frame. */
  private final double paddedShare;

  private @Nullable MirroredConv mirrored;
  private final PartialSums partialSums;
  private final PaddedCopy paddedWeights = new PaddedCopy();
  private final PaddedCopy paddedGradients = new PaddedCopy();

  VectorConv(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.maxFrames = maxFrames;
    taps = shape.taps();
    windows = shape.windows();
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    channels = new ChannelTiles(groupOut);
    paddedShare = (double) shape.paddedSize() / shape.inSize();
    reach = WindowIndex.of(shape);
    offsets = shape.tapOffsets();
    forwardTaps = new ActiveTaps[Math.max(FORWARD_TASKS, channels.count)];
    origins = origins(shape, maxFrames);
    var outputs = new int[origins.length];
    for (int i = 0; i < origins.length; i++) {
      outputs[i] = i * shape.outC();
    }
    start = new float[shape.outC() + 2 * LANES];
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    active = new ActiveRows(shape.paddedH(), shape.paddedW(), shape.inC(), maxFrames, parallel);
    events = new Events(shape, maxFrames, parallel);
    tiles = new ConvTiles(origins, outputs);
    planes = PlaneLayout.suits(shape) ? new PlaneConv(shape, maxFrames, parallel) : null;
    partialSums = new PartialSums(PARTS, parallel);
    eventLoops = new ConvEvents(shape, events, origins, reach);
  }

  @Override
  public void forward(
      float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    if (bias == null) {
      Arrays.fill(start, 0);
    } else {
      System.arraycopy(bias, 0, start, 0, bias.length);
    }
    float[] weights = groupOut < LANES ? paddedWeights.of(w, 0, w.length) : w;
    if (planes != null) {
      planes.forward(from, at, weights, start, y, yAt, frames);
      return;
    }
    measure(from, at, frames);
    boolean sparse = isSparse(groupOut < ConvEvents.WIDE ? EVENT_FORWARD : WIDE_EVENT_FORWARD);
    if (sparse) {
      events.collect(from, at, frames);
    }
    if (!sparse && active.coverage() > ConvTiles.IN_RUN && suitsPanels(frames * windows)) {
      if (panels == null) {
        panels = new PanelConv(shape, false, origins, parallel);
      }
      panels.run(from, at, w, start, y, yAt, frames);
      return;
    }
    int rows = frames * windows;
    int chunks = Math.clamp(FORWARD_TASKS / channels.count, 1, (rows + CHUNK - 1) / CHUNK);
    int chunk =
        ((rows + chunks - 1) / chunks + ConvTiles.ROWS - 1) / ConvTiles.ROWS * ConvTiles.ROWS;
    parallel.run(
        sparse ? chunks : chunks * channels.count,
        task -> {
          int first = (sparse ? task : task / channels.count) * chunk;
          int last = Math.min(rows, first + chunk);
          if (sparse) {
            eventLoops.forward(w, start, y, yAt, first, last);
          } else {
            denseForward(task, from, at, weights, start, y, yAt, first, last);
          }
        });
  }

  private void measure(float[] x, int at, int frames) {
    if (shape.groups() == 1) {
      active.measure(x, at, frames);
    }
  }

  /** Gives values the room for a vector behind them that narrow tiles of {@link ConvTiles} need. */
  private static final class PaddedCopy {
    private float[] copy = {};

    /** {@code values} itself where it has the room, or a copy of {@code n} of them from 0 on. */
    float[] of(float[] values, int from, int n) {
      if (from + n + LANES <= values.length) {
        return values;
      }
      if (copy.length < n + LANES) {
        copy = new float[n + LANES];
      }
      System.arraycopy(values, from, copy, 0, n);
      return copy;
    }
  }

  /** The frames with zeros around them, or {@code x} itself where no padding is asked for. */
  private float[] pad(float[] x, int xAt, int frames) {
    return padded == null ? x : pad(shape, x, xAt, padded, frames, parallel);
  }

  /** Copies frames to {@code to}, which has zeros around them. */
  static float[] pad(
      ConvShape shape, float[] x, int xAt, float[] to, int frames, Parallel parallel) {
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

  /** By window of every frame: where it starts in the padded input. */
  static int[] origins(ConvShape shape, int maxFrames) {
    int windows = shape.windows();
    int[] starts = shape.windowStarts();
    var origins = new int[maxFrames * windows];
    for (int i = 0; i < origins.length; i++) {
      origins[i] = i / windows * shape.paddedSize() + starts[i % windows];
    }
    return origins;
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
    ActiveTaps walk = forwardTaps[task];
    if (walk == null) {
      walk = new ActiveTaps(shape, active, offsets, 0, taps);
      forwardTaps[task] = walk;
    }
    int tile = task % channels.count;
    int c = channels.first(tile);
    for (int r = first; r < last; r += ConvTiles.ROWS) {
      walk.moveTo(r, Math.min(last, r + ConvTiles.ROWS));
      for (int g = 0; g < shape.groups(); g++) {
        int from = xAt + g * groupIn;
        int wAt = g * taps * groupOut + c;
        int channel = g * groupOut + c;
        if (channels.isPair(tile)) {
          if (walk.inRuns()) {
            tiles.forwardRuns6x2(x, from, w, wAt, bias, channel, y, yAt, r, last, walk.runs);
          } else {
            tiles.forward6x2(x, from, w, wAt, bias, channel, y, yAt, r, last, walk.list);
          }
        } else {
          int lanes = channels.lanes();
          tiles.forward6x1(x, from, w, wAt, bias, channel, y, yAt, r, last, walk.list, lanes);
        }
      }
    }
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
    if (hasInputGradientChoice(frames, activeX)) {
      int loops = inputGradientLoops(gy, gyAt, frames, activeX, xAt);
      runInputGradient(gy, gyAt, w, gx, gxAt, frames, activeX, xAt, loops);
    } else {
      inputGradient(gy, gyAt, w, gx, gxAt, frames, activeX, xAt, PIXEL_LOOPS);
    }
  }

  /** Whether other loops than those of {@link InputGradient} may be chosen. */
  private boolean hasInputGradientChoice(int frames, float @Nullable [] activeX) {
    return mayVisitEvents(activeX) || mayMirror(frames);
  }

  private boolean mayVisitEvents(float @Nullable [] activeX) {
    return activeX != null && events.possible && groupOut % LANES == 0;
  }

  private boolean mayMirror(int frames) {
    return MirroredConv.suits(shape, reach.pairs()) && suitsPanels(frames * windows);
  }

  private InputGradient measuredInputGradient(float[] gy, int gyAt, int frames) {
    if (inputGradient == null) {
      inputGradient = new InputGradient(shape, reach, maxFrames, parallel);
    }
    inputGradient.measure(gy, gyAt, frames);
    return inputGradient;
  }

  @Override
  public int inputGradientLoops(
      float[] gy, int gyAt, int frames, float @Nullable [] activeX, int xAt) {
    if (!hasInputGradientChoice(frames, activeX)) {
      return PIXEL_LOOPS;
    }
    var gradient = measuredInputGradient(gy, gyAt, frames);
    if (activeX != null && mayVisitEvents(activeX)) {
      measure(pad(activeX, xAt, frames), padded == null ? xAt : 0, frames);
      if (eventWork() < gradient.work()) {
        return EVENT_INPUT_LOOPS;
      }
    }
    return mayMirror(frames) && gradient.isFull() ? MIRRORED_LOOPS : PIXEL_LOOPS;
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
      int xAt,
      int loops) {
    switch (loops) {
      case EVENT_INPUT_LOOPS -> pad(Objects.requireNonNull(activeX), xAt, frames);
      case PIXEL_LOOPS -> measuredInputGradient(gy, gyAt, frames);
      default -> {}
    }
    runInputGradient(gy, gyAt, w, gx, gxAt, frames, activeX, xAt, loops);
  }

  /** After the frames were padded and measured, as far as the loops need it. */
  private void runInputGradient(
      float[] gy,
      int gyAt,
      float[] w,
      float[] gx,
      int gxAt,
      int frames,
      float @Nullable [] activeX,
      int xAt,
      int loops) {
    switch (loops) {
      case EVENT_INPUT_LOOPS -> {
        float[] from = padded == null ? Objects.requireNonNull(activeX) : padded;
        events.collect(from, padded == null ? xAt : 0, frames);
        sparseInputGradient(gy, gyAt, w, gx, gxAt, frames);
      }
      case MIRRORED_LOOPS -> {
        if (mirrored == null) {
          mirrored = new MirroredConv(shape, maxFrames, parallel);
        }
        mirrored.run(gy, gyAt, w, gx, gxAt, frames);
      }
      default -> Objects.requireNonNull(inputGradient).run(gy, gyAt, w, gx, gxAt, frames);
    }
  }

  /** What a frame's events take, in taps that a dense tile walks along. */
  private double eventWork() {
    double none = Math.pow(1 - active.density(), groupIn);
    double more = Math.max(0, groupIn * active.density() / ConvEvents.GROUP - 0.5);
    double groups = 1 - none + more;
    double products = (double) reach.pairs() / reach.spots() * (groupOut / LANES);
    double group = ConvEvents.GROUP * products * EVENT_INPUT + EVENT_SUMS;
    return shape.paddedH() * shape.paddedW() * groups * group;
  }

  private void sparseInputGradient(
      float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    int share = (frames + INPUT_TASKS - 1) / INPUT_TASKS;
    parallel.run(
        (frames + share - 1) / share,
        task -> {
          float[] sums = eventSums[task];
          for (int f = task * share; f < Math.min(frames, (task + 1) * share); f++) {
            int gyFrame = gyAt + f * shape.outSize();
            eventLoops.input(gy, gyFrame, w, gx, gxAt + f * shape.inSize(), f, sums);
          }
        });
  }

  @Override
  public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    int rows = frames * windows;
    if (planes == null) {
      measure(from, at, frames);
      boolean few = active.density() * paddedShare < ChannelEvents.MOST;
      double event = groupOut < 4 * LANES ? EVENT_WEIGHTS : CHANNEL_EVENT_WEIGHTS;
      if (few && ChannelEvents.suits(shape) && isFaster(event)) {
        if (channelEvents == null) {
          channelEvents = new ChannelEvents(shape, maxFrames, parallel);
        }
        channelEvents.run(x, xAt, gy, gyAt, gw, frames);
        return;
      }
      if (isSparse(EVENT_WEIGHTS)) {
        events.collect(from, at, frames);
        sparseWeightGradient(gy, gyAt, gw, rows);
        return;
      }
    }
    float[] gradients = groupOut < LANES ? paddedGradients.of(gy, gyAt, rows * shape.outC()) : gy;
    int gradientsAt = gradients == gy ? gyAt : 0;
    if (planes != null) {
      planes.weightGradient(from, at, gradients, gradientsAt, gw, frames);
      return;
    }
    if (weightGradient == null) {
      weightGradient = new WeightGradient(shape, active, offsets, origins, maxFrames, parallel);
    }
    weightGradient.run(from, at, gradients, gradientsAt, gw, frames);
  }

  private boolean suitsPanels(int rows) {
    return shape.weights() >= PANEL_WEIGHTS && rows >= MANY;
  }

  /** Whether visiting events is faster than what a dense pass has to multiply. */
  private boolean isSparse(double event) {
    return events.possible && isFaster(event);
  }

  private boolean isFaster(double event) {
    double listed = active.coverage();
    double dense = ConvTiles.RUNS ? Math.min(1, listed / ConvTiles.IN_RUN) : listed;
    return active.density() * event < dense;
  }

  private void sparseWeightGradient(float[] gy, int gyAt, float[] gw, int rows) {
    partialSums.addTo(
        gw,
        (part, sums, at) -> {
          int last = partialSums.start(rows, part + 1);
          for (int r = partialSums.start(rows, part); r < last; r++) {
            eventLoops.weights(gy, gyAt + r * groupOut, sums, at, r);
          }
        });
  }
}
