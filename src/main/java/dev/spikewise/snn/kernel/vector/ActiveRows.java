package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Channels that have a value other than 0 in a row of a frame. In spiking networks whole channels
 * are often 0 (a missing feature, neurons between two spikes), and whole rows are (the empty border
 * of an image, padding).
 */
final class ActiveRows {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  private final int height;
  private final int width;
  private final int channels;
  private final Parallel parallel;

  /** Words of 64 channels. */
  final int words;

  /** By row of every frame: the channels that are not 0 somewhere in it. */
  private final long[] rows;

  private final long[] countOfFrame;
  private double density = 1;
  private double coverage = 1;

  ActiveRows(int height, int width, int channels, int maxFrames, Parallel parallel) {
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.parallel = parallel;
    words = (channels + Long.SIZE - 1) / Long.SIZE;
    rows = new long[maxFrames * height * words];
    countOfFrame = new long[maxFrames];
  }

  /** Share of values that are not 0. */
  double density() {
    return density;
  }

  /** Share of the (row, channel) pairs that are not all 0. */
  double coverage() {
    return coverage;
  }

  /** Whether anything of a row is active, counted over all frames. */
  boolean any(int row) {
    for (int word = 0; word < words; word++) {
      if (of(row, word) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Active channels {@code 64 * word ..} of a row, counted over all frames, by bit. */
  long of(int row, int word) {
    return rows[row * words + word];
  }

  /** Looks at frames [height, width, channels], one behind the other. */
  void measure(float[] x, int at, int frames) {
    int size = height * width * channels;
    parallel.run(frames, f -> measureFrame(x, at + f * size, f));
    long active = 0;
    for (int f = 0; f < frames; f++) {
      active += countOfFrame[f];
    }
    int used = frames * height * words;
    long covered = 0;
    for (int i = 0; i < used; i++) {
      covered += Long.bitCount(rows[i]);
    }
    density = (double) active / ((double) frames * size);
    coverage = (double) covered / ((double) frames * height * channels);
  }

  private void measureFrame(float[] x, int at, int f) {
    int rowSize = width * channels;
    long count = 0;
    for (int iy = 0; iy < height; iy++) {
      int row = (f * height + iy) * words;
      Arrays.fill(rows, row, row + words, 0);
      int from = at + iy * rowSize;
      count +=
          channels >= LANES
              ? measureVectors(x, from, rowSize, row)
              : measureValues(x, from, rowSize, row);
    }
    countOfFrame[f] = count;
  }

  /**
   * If a row is not a multiple of a vector, its last vector overlaps the one before; the first
   * lanes are then already counted.
   */
  private long measureVectors(float[] x, int from, int rowSize, int row) {
    long count = 0;
    for (int c = 0; c < channels; c += LANES) {
      int known = Math.max(0, c + LANES - channels);
      FloatVector counts = FloatVector.zero(SPECIES);
      for (int i = from + c - known; i < from + rowSize; i += channels) {
        VectorMask<Float> any = FloatVector.fromArray(SPECIES, x, i).compare(VectorOperators.NE, 0);
        counts = counts.add(1, any);
      }
      if (known > 0) {
        counts = counts.blend(0, SPECIES.indexInRange(0, known));
      }
      rows[row + c / Long.SIZE] |= counts.compare(VectorOperators.NE, 0).toLong() >>> known << c;
      count += (long) Lanes.sum(counts);
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
}
