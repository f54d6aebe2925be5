package dev.spikewise.snn.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Which taps of a group of windows meet anything but zeros. Networks of spikes are quiet by channel
 * (a feature that is not there, a neuron between two spikes) and by row (the empty border of an
 * image, padding), and a dense tile need not multiply what is silent in all of its windows.
 */
final class ActiveTaps {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();

  private final ConvShape shape;
  private final Parallel parallel;
  private final int windows;
  private final int channels;

  /** Words of 64 channels. */
  private final int words;

  /** By row of every padded frame: the channels that are not 0 somewhere in it. */
  private final long[] rows;

  private final long[] countOfFrame;
  private double density = 1;
  private double coverage = 1;

  /** Groups share no channels, so for them all taps count as active. */
  private final boolean possible;

  ActiveTaps(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    possible = shape.groups() == 1;
    windows = shape.windows();
    channels = shape.inCPerGroup();
    words = (channels + Long.SIZE - 1) / Long.SIZE;
    rows = new long[possible ? maxFrames * shape.paddedH() * words : 0];
    countOfFrame = new long[possible ? maxFrames : 0];
  }

  /** Share of values that are not 0, padding counted. */
  double density() {
    return density;
  }

  /** Share of the (row, channel) pairs that are not all 0. */
  double coverage() {
    return coverage;
  }

  /** Looks at padded frames. */
  void measure(float[] x, int at, int frames) {
    if (!possible) {
      return;
    }
    parallel.run(frames, f -> measureFrame(x, at + f * shape.paddedSize(), f));
    long active = 0;
    for (int f = 0; f < frames; f++) {
      active += countOfFrame[f];
    }
    int used = frames * shape.paddedH() * words;
    long covered = 0;
    for (int i = 0; i < used; i++) {
      covered += Long.bitCount(rows[i]);
    }
    density = (double) active / ((double) frames * shape.paddedSize());
    coverage = (double) covered / ((double) frames * shape.paddedH() * channels);
  }

  private void measureFrame(float[] x, int at, int f) {
    int rowSize = shape.paddedW() * channels;
    long count = 0;
    for (int iy = 0; iy < shape.paddedH(); iy++) {
      int row = (f * shape.paddedH() + iy) * words;
      Arrays.fill(rows, row, row + words, 0);
      int from = at + iy * rowSize;
      count +=
          channels % LANES == 0
              ? measureVectors(x, from, rowSize, row)
              : measureValues(x, from, rowSize, row);
    }
    countOfFrame[f] = count;
  }

  private int measureVectors(float[] x, int from, int rowSize, int row) {
    int count = 0;
    for (int c = 0; c < channels; c += LANES) {
      VectorMask<Float> any = SPECIES.maskAll(false);
      for (int i = from + c; i < from + rowSize; i += channels) {
        VectorMask<Float> active =
            FloatVector.fromArray(SPECIES, x, i).compare(VectorOperators.NE, 0);
        count += active.trueCount();
        any = any.or(active);
      }
      rows[row + c / Long.SIZE] |= any.toLong() << c;
    }
    return count;
  }

  private int measureValues(float[] x, int from, int rowSize, int row) {
    int count = 0;
    for (int i = from; i < from + rowSize; ) {
      for (int c = 0; c < channels; c++, i++) {
        long active = x[i] != 0 ? 1 : 0;
        count += (int) active;
        rows[row + c / Long.SIZE] |= active << c;
      }
    }
    return count;
  }

  /** The active taps of one group of windows after the other, in one thread. */
  final class Walk {

    /** Tap numbers in ascending order. */
    final int[] taps;

    int count;

    /** Where a tile leaves its sums. */
    final float[] sums = new float[ConvTiles.ROWS * LANES];

    private final int from;
    private final int to;
    private final long[] mask = new long[shape.kH() * words];
    private final long[] next = new long[mask.length];

    /** Looks for taps in {@code from..to-1}. */
    Walk(int from, int to) {
      this.from = from;
      this.to = to;
      taps = new int[to - from];
      if (!possible) {
        for (int k = from; k < to; k++) {
          taps[count++] = k;
        }
      }
    }

    /** Goes on to the windows {@code first..last-1}, counted over all frames. */
    void moveTo(int first, int last) {
      if (!possible) {
        return;
      }
      Arrays.fill(next, 0);
      for (int r = first; r < last; r = r - r % shape.outW() + shape.outW()) {
        int top = r / windows * shape.paddedH() + r % windows / shape.outW() * shape.strideH();
        for (int ky = 0; ky < shape.kH(); ky++) {
          int row = (top + ky * shape.dilationH()) * words;
          for (int word = 0; word < words; word++) {
            next[ky * words + word] |= rows[row + word];
          }
        }
      }
      // Neighbours mostly have the same.
      if (!Arrays.equals(mask, next)) {
        System.arraycopy(next, 0, mask, 0, mask.length);
        list();
      }
    }

    private void list() {
      int n = 0;
      for (int position = from / channels; position * channels < to; position++) {
        for (int word = 0; word < words; word++) {
          long bits = mask[position / shape.kW() * words + word];
          for (; bits != 0; bits &= bits - 1) {
            int k = position * channels + word * Long.SIZE + Long.numberOfTrailingZeros(bits);
            if (k >= from && k < to) {
              taps[n++] = k;
            }
          }
        }
      }
      count = n;
    }
  }
}
