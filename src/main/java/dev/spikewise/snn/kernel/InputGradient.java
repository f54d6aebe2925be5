package dev.spikewise.snn.kernel;

import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * The dense gradient of a convolution's input, pixel by pixel: a tile is the same pixel of several
 * frames, which the same windows see, so that nothing is multiplied that lies outside the output or
 * between strides. Output channels without any gradient are left out.
 */
final class InputGradient {

  private static final int LANES = FloatVector.SPECIES_PREFERRED.length();
  private static final int TASKS = 32;

  private final ConvShape shape;
  private final Parallel parallel;
  private final Reach reach;
  private final int groupIn;
  private final int groupOut;

  /** Weights as [groups, kH, kW, Cout / groups, Cin / groups]. */
  private final float[] turned;

  private final ActiveRows active;
  private final ConvTiles tiles;
  private final ChannelTiles channels;
  private final @Nullable TapList[] lists;
  private final float[] zeros;

  /** By row of the output, and one past the last: its first entry in {@link #loud}. */
  private final int[] loudStarts;

  /** Channels of a group that have a gradient somewhere in their row, in any frame. */
  private final int[] loud;

  /** Likewise in any row. */
  private final int[] loudAnywhere;

  private int loudChannels;

  InputGradient(ConvShape shape, Reach reach, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.reach = reach;
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    turned = new float[shape.weights() + LANES];
    active = new ActiveRows(shape.outH(), shape.outW(), shape.outC(), maxFrames, parallel);
    channels = new ChannelTiles(groupIn);
    var gradients = new int[maxFrames];
    var inputs = new int[maxFrames];
    for (int f = 0; f < maxFrames; f++) {
      gradients[f] = f * shape.outSize();
      inputs[f] = f * shape.inSize();
    }
    tiles = new ConvTiles(gradients, inputs);
    lists = new TapList[Math.max(TASKS, channels.count)];
    zeros = new float[shape.inC() + LANES];
    loudStarts = new int[shape.outH() + 1];
    loud = new int[shape.outH() * groupOut];
    loudAnywhere = new int[groupOut];
    // Of groups, all channels: they share no taps.
    loudChannels = groupOut;
    for (int i = 0; i < loud.length; i++) {
      loud[i] = i % groupOut;
      loudStarts[i / groupOut + 1] = i + 1;
    }
    System.arraycopy(loud, 0, loudAnywhere, 0, groupOut);
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
        n = list(bits, word, loud, n);
      }
      loudStarts[oy + 1] = n;
    }
    loudChannels = 0;
    for (int word = 0; word < active.words; word++) {
      loudChannels = list(anywhere[word], word, loudAnywhere, loudChannels);
    }
  }

  private static int list(long bits, int word, int[] channels, int n) {
    for (; bits != 0; bits &= bits - 1) {
      channels[n++] = word * Long.SIZE + Long.numberOfTrailingZeros(bits);
    }
    return n;
  }

  /**
   * Taps that the tiles of {@link #run} walk along for a frame; a single vector takes as long as a
   * pair.
   */
  double work() {
    double channelsOfRow = (double) loudStarts[shape.outH()] / shape.outH();
    return reach.pairs() * channelsOfRow * shape.groups() * channels.count;
  }

  void run(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    int blocks = (groupIn + LANES - 1) / LANES;
    parallel.run(
        shape.kH() * shape.kW() * shape.groups() * blocks,
        task -> turn(w, task / blocks, task % blocks * LANES));
    int chunks = Math.clamp(TASKS / channels.count, 1, reach.pixels());
    int chunk = (reach.pixels() + chunks - 1) / chunks;
    parallel.run(
        chunks * channels.count,
        task -> {
          int first = task / channels.count * chunk;
          int last = Math.min(reach.pixels(), first + chunk);
          TapList list = listOf(task);
          for (int pixel = first; pixel < last; pixel++) {
            if (pixel == first || !reach.repeats(pixel)) {
              list(pixel, list);
            }
            pixel(gy, gyAt, gx, gxAt, frames, pixel, task % channels.count, list);
          }
        });
  }

  /** Swaps the channels of one position of one group, a vector of input channels from i on. */
  private void turn(float[] w, int position, int i) {
    int from = (position * groupIn + i) * groupOut;
    int to = position * groupOut * groupIn + i;
    int n = Math.min(LANES, groupIn - i);
    for (int loudest = 0; loudest < loudChannels; loudest++) {
      int o = loudAnywhere[loudest];
      for (int k = 0; k < n; k++) {
        turned[to + o * groupIn + k] = w[from + k * groupOut + o];
      }
    }
  }

  private TapList listOf(int task) {
    TapList list = lists[task];
    if (list == null) {
      list = new TapList(shape.kH() * shape.kW() * groupOut);
      lists[task] = list;
    }
    return list;
  }

  private void pixel(
      float[] gy, int gyAt, float[] gx, int gxAt, int frames, int pixel, int tile, TapList list) {
    int area = shape.kH() * shape.kW();
    for (int g = 0; g < shape.groups(); g++) {
      int from = gyAt + reach.firstWindow(pixel) * shape.outC() + g * groupOut;
      int wAt = g * area * groupOut * groupIn + channels.first(tile);
      int channel = g * groupIn + channels.first(tile);
      int at = gxAt + pixel * shape.inC();
      for (int f = 0; f < frames; f += ConvTiles.ROWS) {
        if (channels.isPair(tile)) {
          tiles.forward6x2(gy, from, turned, wAt, zeros, channel, gx, at, f, frames, list);
        } else {
          int lanes = channels.lanes();
          tiles.forward6x1(gy, from, turned, wAt, zeros, channel, gx, at, f, frames, list, lanes);
        }
      }
    }
  }

  /** The taps of a pixel, counted from the first window that sees it. */
  private void list(int pixel, TapList list) {
    int first = reach.firstWindow(pixel);
    int n = 0;
    for (int i = reach.starts()[pixel]; i < reach.starts()[pixel + 1]; i++) {
      int window = reach.windows()[i];
      int row = window / shape.outW();
      int input = (window - first) * shape.outC();
      int weight = reach.positions()[i] * groupOut * groupIn;
      for (int k = loudStarts[row]; k < loudStarts[row + 1]; k++) {
        list.inputs[n] = input + loud[k];
        list.weights[n++] = weight + loud[k] * groupIn;
      }
    }
    list.count = n;
  }
}
