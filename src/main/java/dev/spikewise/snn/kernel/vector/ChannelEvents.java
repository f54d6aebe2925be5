package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Gradient of a convolution's weights, computed from the inputs that are not 0 (events). Events are
 * listed by channel, so that the gradients of a channel's weights stay in registers while the loop
 * reads its events. The output gradient is padded with zeros, so that events at the border need no
 * special case.
 */
final class ChannelEvents {

  /** Share of inputs that are not 0 up to which there is room for their list. */
  static final double MOST = 0.3;

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** Taps of a tile: 3 x 4 sums. */
  private static final int TAPS = 3;

  private static final int TASKS = 16;

  /** Floats of the output's gradient that the second cache holds beside the weights'. */
  private static final int CACHED = 1 << 15;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int channels;
  private final int outC;

  /** Zeros above and left of the output's gradient, and its size with all zeros. */
  private final int top;

  private final int left;
  private final int height;
  private final int width;
  private final float[] gradients;

  /** Rows of the input, of all frames, whose events are in one list. */
  private final int rowsOfList;

  /** Lists of one chunk: by phase of the stride and by channel. */
  private final int lists;

  /** By chunk and list, and one past the last: its first event. */
  private final int[] starts;

  /** By event: where the gradient of its last window lies; and its value. */
  private final int[] places;

  private final float[] values;

  /** Taps [phases][..] of the kernel without channels, and how far their windows lie back. */
  private final int[][] positions;

  private final int[][] backs;

  ChannelEvents(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    channels = shape.inC();
    outC = shape.outC();
    top = (shape.kH() - 1) * shape.dilationH() / shape.strideH();
    left = (shape.kW() - 1) * shape.dilationW() / shape.strideW();
    height = top + Math.max(shape.outH(), (shape.padH() + shape.inH() - 1) / shape.strideH() + 1);
    width = left + Math.max(shape.outW(), (shape.padW() + shape.inW() - 1) / shape.strideW() + 1);
    int frame = height * width * outC;
    gradients = new float[maxFrames * frame];
    rowsOfList =
        Math.clamp(CACHED / (width * Math.min(outC, 4 * LANES)), 1, maxFrames * shape.inH());
    int phases = shape.strideH() * shape.strideW();
    lists = phases * channels;
    starts = new int[Math.ceilDiv(maxFrames * shape.inH(), rowsOfList) * (lists + 1)];
    int most = (int) (MOST * maxFrames * shape.inSize()) + 1;
    places = new int[most];
    values = new float[most];
    positions = new int[phases][];
    backs = new int[phases][];
    for (int phase = 0; phase < phases; phase++) {
      listTaps(phase);
    }
  }

  /** Whether output channels fill vectors, and an input meets enough taps to be worth a list. */
  static boolean suits(ConvShape shape) {
    return shape.groups() == 1
        && shape.outC() % LANES == 0
        && shape.kH() * shape.kW() >= TAPS * shape.strideH() * shape.strideW();
  }

  private void listTaps(int phase) {
    int area = shape.kH() * shape.kW();
    var position = new int[area];
    var back = new int[area];
    int n = 0;
    for (int i = 0; i < area; i++) {
      int y = i / shape.kW() * shape.dilationH();
      int x = i % shape.kW() * shape.dilationW();
      if (y % shape.strideH() * shape.strideW() + x % shape.strideW() == phase) {
        position[n] = i;
        back[n++] = (y / shape.strideH() * width + x / shape.strideW()) * outC;
      }
    }
    positions[phase] = Arrays.copyOf(position, n);
    backs[phase] = Arrays.copyOf(back, n);
  }

  /** Adds to gw, for at most {@link #MOST} of x that is not 0; x as it is without padding. */
  void run(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    int rows = frames * shape.inH();
    int chunks = Math.ceilDiv(rows, rowsOfList);
    parallel.run(frames, f -> pad(gy, gyAt + f * shape.outSize(), f));
    parallel.run(chunks, chunk -> visit(x, xAt, chunk, rows, false));
    int next = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      int at = chunk * (lists + 1);
      for (int list = 0; list <= lists; list++) {
        int n = list < lists ? starts[at + list] : 0;
        starts[at + list] = next;
        next += n;
      }
    }
    parallel.run(chunks, chunk -> visit(x, xAt, chunk, rows, true));
    int tasks = Math.min(TASKS, channels);
    parallel.run(
        tasks,
        task -> {
          int first = Parallel.start(channels, task, tasks);
          int last = Parallel.start(channels, task + 1, tasks);
          for (int chunk = 0; chunk < chunks; chunk++) {
            add(gw, chunk, first, last);
          }
        });
  }

  private void pad(float[] gy, int gyAt, int f) {
    int row = shape.outW() * outC;
    for (int oy = 0; oy < shape.outH(); oy++) {
      int to = ((f * height + top + oy) * width + left) * outC;
      System.arraycopy(gy, gyAt + oy * row, gradients, to, row);
    }
  }

  /** Counts a chunk's events by list, or lists them. */
  private void visit(float[] x, int xAt, int chunk, int rows, boolean lists) {
    int at = chunk * (this.lists + 1);
    var next = new int[this.lists];
    if (lists) {
      System.arraycopy(starts, at, next, 0, this.lists);
    }
    int end = Math.min(rows, (chunk + 1) * rowsOfList);
    for (int r = chunk * rowsOfList; r < end; r++) {
      int f = r / shape.inH();
      int py = r % shape.inH() + shape.padH();
      int row = xAt + r * shape.inW() * channels;
      for (int ix = 0; ix < shape.inW(); ix++) {
        int px = ix + shape.padW();
        int phase = py % shape.strideH() * shape.strideW() + px % shape.strideW();
        int place =
            ((f * height + top + py / shape.strideH()) * width + left + px / shape.strideW())
                * outC;
        if (lists) {
          list(x, row + ix * channels, place, next, phase * channels);
        } else {
          count(x, row + ix * channels, next, phase * channels);
        }
      }
    }
    if (!lists) {
      System.arraycopy(next, 0, starts, at, this.lists);
    }
  }

  private void count(float[] x, int at, int[] counts, int list) {
    int c = 0;
    for (; c + LANES <= channels; c += LANES) {
      long active =
          FloatVector.fromArray(SPECIES, x, at + c).compare(VectorOperators.NE, 0).toLong();
      for (; active != 0; active &= active - 1) {
        counts[list + c + Long.numberOfTrailingZeros(active)]++;
      }
    }
    for (; c < channels; c++) {
      counts[list + c] += x[at + c] != 0 ? 1 : 0;
    }
  }

  private void list(float[] x, int at, int place, int[] next, int list) {
    int c = 0;
    for (; c + LANES <= channels; c += LANES) {
      long active =
          FloatVector.fromArray(SPECIES, x, at + c).compare(VectorOperators.NE, 0).toLong();
      for (; active != 0; active &= active - 1) {
        int channel = c + Long.numberOfTrailingZeros(active);
        int event = next[list + channel]++;
        places[event] = place;
        values[event] = x[at + channel];
      }
    }
    for (; c < channels; c++) {
      if (x[at + c] != 0) {
        int event = next[list + c]++;
        places[event] = place;
        values[event] = x[at + c];
      }
    }
  }

  /** Adds what a chunk gives to the gradients of the weights of some input channels. */
  private void add(float[] gw, int chunk, int firstChannel, int lastChannel) {
    for (int o = 0; o < outC; ) {
      int n = outC - o >= 4 * LANES ? 4 : outC - o >= 2 * LANES ? 2 : 1;
      for (int phase = 0; phase < positions.length; phase++) {
        for (int c = firstChannel; c < lastChannel; c++) {
          int list = chunk * (lists + 1) + phase * channels + c;
          if (starts[list] < starts[list + 1]) {
            add(gw, phase, c, o, n, starts[list], starts[list + 1]);
          }
        }
      }
      o += n * LANES;
    }
  }

  private void add(float[] gw, int phase, int c, int o, int n, int first, int last) {
    int[] position = positions[phase];
    int[] back = backs[phase];
    for (int t = 0; t < position.length; t += TAPS) {
      int end = position.length - 1;
      int t1 = Math.min(t + 1, end);
      int t2 = Math.min(t + 2, end);
      int w0 = (position[t] * channels + c) * outC + o;
      int w1 = (position[t1] * channels + c) * outC + o;
      int w2 = (position[t2] * channels + c) * outC + o;
      int g0 = o - back[t];
      int g1 = o - back[t1];
      int g2 = o - back[t2];
      if (t == end) {
        if (n == 4) {
          add1x4(gw, w0, g0, first, last);
        } else {
          for (int v = 0; v < n; v++) {
            add1x1(gw, w0 + v * LANES, g0 + v * LANES, first, last);
          }
        }
      } else if (n == 4) {
        add3x4(gw, w0, w1, w2, g0, g1, g2, first, last, t2 - t);
      } else if (n == 2) {
        add3x2(gw, w0, w1, w2, g0, g1, g2, first, last, t2 - t);
      } else {
        add3x1(gw, w0, w1, w2, g0, g1, g2, first, last, t2 - t);
      }
    }
  }

  /**
   * Adds the contributions of events to the gradients of two or three taps and four vectors of
   * channels.
   *
   * @param more taps behind the first one
   */
  private void add3x4(
      float[] gw, int w0, int w1, int w2, int g0, int g1, int g2, int first, int last, int more) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s00 = zero, s01 = zero, s02 = zero, s03 = zero;
    FloatVector s10 = zero, s11 = zero, s12 = zero, s13 = zero;
    FloatVector s20 = zero, s21 = zero, s22 = zero, s23 = zero;
    int[] at = places;
    float[] value = values;
    float[] gy = gradients;
    for (int e = first; e < last; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, value[e]);
      int place = at[e];
      s00 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0), s00);
      s01 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + LANES), s01);
      s02 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + 2 * LANES), s02);
      s03 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + 3 * LANES), s03);
      s10 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1), s10);
      s11 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1 + LANES), s11);
      s12 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1 + 2 * LANES), s12);
      s13 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1 + 3 * LANES), s13);
      s20 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2), s20);
      s21 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2 + LANES), s21);
      s22 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2 + 2 * LANES), s22);
      s23 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2 + 3 * LANES), s23);
    }
    s00.add(FloatVector.fromArray(SPECIES, gw, w0)).intoArray(gw, w0);
    s01.add(FloatVector.fromArray(SPECIES, gw, w0 + LANES)).intoArray(gw, w0 + LANES);
    s02.add(FloatVector.fromArray(SPECIES, gw, w0 + 2 * LANES)).intoArray(gw, w0 + 2 * LANES);
    s03.add(FloatVector.fromArray(SPECIES, gw, w0 + 3 * LANES)).intoArray(gw, w0 + 3 * LANES);
    s10.add(FloatVector.fromArray(SPECIES, gw, w1)).intoArray(gw, w1);
    s11.add(FloatVector.fromArray(SPECIES, gw, w1 + LANES)).intoArray(gw, w1 + LANES);
    s12.add(FloatVector.fromArray(SPECIES, gw, w1 + 2 * LANES)).intoArray(gw, w1 + 2 * LANES);
    s13.add(FloatVector.fromArray(SPECIES, gw, w1 + 3 * LANES)).intoArray(gw, w1 + 3 * LANES);
    if (more < 2) {
      return;
    }
    s20.add(FloatVector.fromArray(SPECIES, gw, w2)).intoArray(gw, w2);
    s21.add(FloatVector.fromArray(SPECIES, gw, w2 + LANES)).intoArray(gw, w2 + LANES);
    s22.add(FloatVector.fromArray(SPECIES, gw, w2 + 2 * LANES)).intoArray(gw, w2 + 2 * LANES);
    s23.add(FloatVector.fromArray(SPECIES, gw, w2 + 3 * LANES)).intoArray(gw, w2 + 3 * LANES);
  }

  /** Likewise for two vectors. */
  private void add3x2(
      float[] gw, int w0, int w1, int w2, int g0, int g1, int g2, int first, int last, int more) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s00 = zero, s01 = zero;
    FloatVector s10 = zero, s11 = zero;
    FloatVector s20 = zero, s21 = zero;
    int[] at = places;
    float[] value = values;
    float[] gy = gradients;
    for (int e = first; e < last; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, value[e]);
      int place = at[e];
      s00 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0), s00);
      s01 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + LANES), s01);
      s10 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1), s10);
      s11 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1 + LANES), s11);
      s20 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2), s20);
      s21 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2 + LANES), s21);
    }
    s00.add(FloatVector.fromArray(SPECIES, gw, w0)).intoArray(gw, w0);
    s01.add(FloatVector.fromArray(SPECIES, gw, w0 + LANES)).intoArray(gw, w0 + LANES);
    s10.add(FloatVector.fromArray(SPECIES, gw, w1)).intoArray(gw, w1);
    s11.add(FloatVector.fromArray(SPECIES, gw, w1 + LANES)).intoArray(gw, w1 + LANES);
    if (more < 2) {
      return;
    }
    s20.add(FloatVector.fromArray(SPECIES, gw, w2)).intoArray(gw, w2);
    s21.add(FloatVector.fromArray(SPECIES, gw, w2 + LANES)).intoArray(gw, w2 + LANES);
  }

  /** Likewise for one vector. */
  private void add3x1(
      float[] gw, int w0, int w1, int w2, int g0, int g1, int g2, int first, int last, int more) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s00 = zero;
    FloatVector s10 = zero;
    FloatVector s20 = zero;
    int[] at = places;
    float[] value = values;
    float[] gy = gradients;
    for (int e = first; e < last; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, value[e]);
      int place = at[e];
      s00 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0), s00);
      s10 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g1), s10);
      s20 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g2), s20);
    }
    s00.add(FloatVector.fromArray(SPECIES, gw, w0)).intoArray(gw, w0);
    s10.add(FloatVector.fromArray(SPECIES, gw, w1)).intoArray(gw, w1);
    if (more < 2) {
      return;
    }
    s20.add(FloatVector.fromArray(SPECIES, gw, w2)).intoArray(gw, w2);
  }

  /** Likewise for one tap. */
  private void add1x4(float[] gw, int w0, int g0, int first, int last) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s00 = zero, s01 = zero, s02 = zero, s03 = zero;
    int[] at = places;
    float[] value = values;
    float[] gy = gradients;
    for (int e = first; e < last; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, value[e]);
      int place = at[e];
      s00 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0), s00);
      s01 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + LANES), s01);
      s02 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + 2 * LANES), s02);
      s03 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0 + 3 * LANES), s03);
    }
    s00.add(FloatVector.fromArray(SPECIES, gw, w0)).intoArray(gw, w0);
    s01.add(FloatVector.fromArray(SPECIES, gw, w0 + LANES)).intoArray(gw, w0 + LANES);
    s02.add(FloatVector.fromArray(SPECIES, gw, w0 + 2 * LANES)).intoArray(gw, w0 + 2 * LANES);
    s03.add(FloatVector.fromArray(SPECIES, gw, w0 + 3 * LANES)).intoArray(gw, w0 + 3 * LANES);
  }

  /** Likewise. */
  private void add1x1(float[] gw, int w0, int g0, int first, int last) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s00 = zero;
    int[] at = places;
    float[] value = values;
    float[] gy = gradients;
    for (int e = first; e < last; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, value[e]);
      int place = at[e];
      s00 = v.fma(FloatVector.fromArray(SPECIES, gy, place + g0), s00);
    }
    s00.add(FloatVector.fromArray(SPECIES, gw, w0)).intoArray(gw, w0);
  }
}
