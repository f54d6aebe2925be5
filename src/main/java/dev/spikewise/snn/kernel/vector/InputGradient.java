package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * The dense gradient of a convolution's input, pixel by pixel: a tile is the same pixel of several
 * frames. The same windows contain it in every frame, so positions outside the output or between
 * strides are never multiplied. Output channels without any gradient are skipped.
 *
 * <p>If the channels of a pixel fill one vector, a tile computes two neighbouring pixels, because
 * most windows contain both. The tile is limited by reading weights, which it reads once for both
 * pixels.
 */
final class InputGradient {

  private static final int LANES = Species.FLOATS.length();
  private static final int TASKS = 32;

  private final ConvShape shape;
  private final Parallel parallel;

  /** Pixels of a tile. */
  private final int width;

  private final WindowIndex reach;

  /** Columns of the kernel as a spot of {@link #reach} sees them. */
  private final int columns;

  private final int groupIn;
  private final int groupOut;

  /** Input channels of a group in all pixels of a tile. */
  private final int depth;

  /**
   * Weights as [groups, kH, columns, Cout / groups, width, Cin / groups], columns from right to
   * left, because the windows that contain a spot are ordered from left to right; 0 if a window
   * does not contain a pixel.
   */
  private final float[] turned;

  private final ActiveRows active;
  private final ConvTiles tiles;
  private final ChannelTiles channels;
  private final @Nullable Taps[] tapsOfTask;
  private final float[] zeros;

  /** First entry in {@link #activeChannels} of each output row; the last element is the end. */
  private final int[] activeStarts;

  /** Channels of a group with a gradient other than 0 in a row of any frame, row after row. */
  private final int[] activeChannels;

  /** Channels of a group with a gradient other than 0 in any row of any frame. */
  private final int[] activeAnywhere;

  private int activeAnywhereCount;

  /** Whether the tiles process all channels of all rows, in runs. */
  private boolean full;

  /**
   * @param pixels of the single pixels
   */
  InputGradient(ConvShape shape, WindowIndex pixels, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    width = shape.inC() == LANES && canPair(shape) ? 2 : 1;
    reach = width == 1 ? pixels : WindowIndex.of(shape, width);
    columns = shape.kW() + width - 1;
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    depth = width * groupIn;
    turned = new float[shape.groups() * shape.kH() * columns * groupOut * depth + LANES];
    active = new ActiveRows(shape.outH(), shape.outW(), shape.outC(), maxFrames, parallel);
    channels = new ChannelTiles(depth);
    var gradients = new int[maxFrames];
    var inputs = new int[maxFrames];
    for (int f = 0; f < maxFrames; f++) {
      gradients[f] = f * shape.outSize();
      inputs[f] = f * shape.inSize();
    }
    tiles = new ConvTiles(gradients, inputs);
    tapsOfTask = new Taps[Math.max(TASKS, channels.count)];
    zeros = new float[width * shape.inC() + LANES];
    activeStarts = new int[shape.outH() + 1];
    activeChannels = new int[shape.outH() * groupOut];
    activeAnywhere = new int[groupOut];
    // Groups share no taps, so for groups every channel counts as active.
    takeAll();
  }

  private void takeAll() {
    for (int i = 0; i < activeChannels.length; i++) {
      activeChannels[i] = i % groupOut;
      activeStarts[i / groupOut + 1] = i + 1;
    }
    activeAnywhereCount = groupOut;
    System.arraycopy(activeChannels, 0, activeAnywhere, 0, groupOut);
    full = ConvTiles.RUNS && channels.isPair(0);
  }

  /** With one column, no window sees two neighbours, unless their gaps are dilated. */
  private static boolean canPair(ConvShape shape) {
    return shape.groups() == 1 && shape.inW() > 1 && shape.kW() > 1 && shape.dilationW() == 1;
  }

  /** Looks at the gradients of the output, before the two others. */
  void measure(float[] gy, int gyAt, int frames) {
    if (shape.groups() > 1) {
      return;
    }
    active.measure(gy, gyAt, frames);
    var anywhere = new long[active.words];
    int n = 0;
    for (int oy = 0; oy < shape.outH(); oy++) {
      for (int word = 0; word < active.words; word++) {
        long bits = 0;
        for (int f = 0; f < frames; f++) {
          bits |= active.of(f * shape.outH() + oy, word);
        }
        anywhere[word] |= bits;
        n = list(bits, word, activeChannels, n);
      }
      activeStarts[oy + 1] = n;
    }
    activeAnywhereCount = 0;
    for (int word = 0; word < active.words; word++) {
      activeAnywhereCount = list(anywhere[word], word, activeAnywhere, activeAnywhereCount);
    }
    full = false;
    if (ConvTiles.RUNS && channels.isPair(0) && n > ConvTiles.IN_RUN * activeChannels.length) {
      takeAll();
    }
  }

  private static int list(long bits, int word, int[] channels, int n) {
    for (; bits != 0; bits &= bits - 1) {
      channels[n++] = word * Long.SIZE + Long.numberOfTrailingZeros(bits);
    }
    return n;
  }

  /** Whether so few channels are silent that skipping them does not pay. */
  boolean isFull() {
    return shape.groups() > 1
        || activeStarts[shape.outH()] > ConvTiles.IN_RUN * activeChannels.length;
  }

  /**
   * Number of taps that the tiles of {@link #run} read per frame; a single vector counts as much as
   * a pair.
   */
  double work() {
    double channelsOfRow = (double) activeStarts[shape.outH()] / shape.outH();
    return reach.pairs() * channelsOfRow * shape.groups() * channels.count;
  }

  void run(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    int blocks = (groupIn + LANES - 1) / LANES;
    parallel.run(
        shape.groups() * shape.kH() * columns * blocks,
        task -> turn(w, task / blocks, task % blocks * LANES));
    int chunks = Math.clamp(TASKS / channels.count, 1, reach.spots());
    int chunk = (reach.spots() + chunks - 1) / chunks;
    parallel.run(
        chunks * channels.count,
        task -> {
          int first = task / channels.count * chunk;
          int last = Math.min(reach.spots(), first + chunk);
          Taps taps = tapsOf(task);
          for (int spot = first; spot < last; spot++) {
            if (spot == first || !reach.repeats(spot)) {
              list(spot, taps);
            }
            spot(gy, gyAt, gx, gxAt, frames, spot, task % channels.count, taps);
          }
        });
  }

  /** Swaps the channels of one position of one group, a vector of input channels from i on. */
  private void turn(float[] w, int position, int i) {
    int row = position / columns;
    int to = position * groupOut * depth + i;
    int n = Math.min(LANES, groupIn - i);
    for (int pixel = 0; pixel < width; pixel++) {
      int kx = shape.kW() - 1 - position % columns + pixel;
      if (kx < 0 || kx >= shape.kW()) {
        continue;
      }
      int from = ((row * shape.kW() + kx) * groupIn + i) * groupOut;
      for (int activeIndex = 0; activeIndex < activeAnywhereCount; activeIndex++) {
        int o = activeAnywhere[activeIndex];
        for (int k = 0; k < n; k++) {
          turned[to + o * depth + pixel * groupIn + k] = w[from + k * groupOut + o];
        }
      }
    }
  }

  /** The taps of a task's spot: all of them in runs, or those that are not silent. */
  private final class Taps {
    final TapList list = new TapList(shape.kH() * columns * groupOut);
    final TapRuns runs = new TapRuns(shape.kH() * columns, depth);
  }

  private Taps tapsOf(int task) {
    Taps taps = tapsOfTask[task];
    if (taps == null) {
      taps = new Taps();
      tapsOfTask[task] = taps;
    }
    return taps;
  }

  private void spot(
      float[] gy, int gyAt, float[] gx, int gxAt, int frames, int spot, int tile, Taps taps) {
    int area = shape.kH() * columns;
    for (int g = 0; g < shape.groups(); g++) {
      int from = gyAt + reach.firstWindow(spot) * shape.outC() + g * groupOut;
      int wAt = g * area * groupOut * depth + channels.first(tile);
      int channel = g * groupIn + channels.first(tile);
      int at = gxAt + reach.pixels()[spot] * shape.inC();
      for (int f = 0; f < frames; f += ConvTiles.ROWS) {
        if (!channels.isPair(tile)) {
          int n = channels.lanes();
          tiles.forward6x1(gy, from, turned, wAt, zeros, channel, gx, at, f, frames, taps.list, n);
        } else if (full) {
          tiles.forwardRuns6x2(gy, from, turned, wAt, zeros, channel, gx, at, f, frames, taps.runs);
        } else {
          tiles.forward6x2(gy, from, turned, wAt, zeros, channel, gx, at, f, frames, taps.list);
        }
      }
    }
  }

  /** The taps of a spot, counted from the first window that sees it. */
  private void list(int spot, Taps taps) {
    int first = reach.firstWindow(spot);
    taps.list.count = 0;
    taps.runs.count = 0;
    for (int i = reach.starts()[spot]; i < reach.starts()[spot + 1]; i++) {
      int window = reach.windows()[i];
      int row = window / shape.outW();
      int input = (window - first) * shape.outC();
      int column = reach.positions()[i] % columns;
      int mirrored = reach.positions()[i] + columns - 1 - 2 * column;
      int weight = mirrored * groupOut * depth;
      if (full) {
        taps.runs.add(input, weight, groupOut);
      }
      if (!full || channels.count > 1) {
        for (int k = activeStarts[row]; k < activeStarts[row + 1]; k++) {
          taps.list.add(input + activeChannels[k], weight + activeChannels[k] * depth);
        }
      }
    }
  }
}
