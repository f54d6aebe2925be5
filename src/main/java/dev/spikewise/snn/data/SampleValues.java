package dev.spikewise.snn.data;

import java.util.Arrays;

/**
 * The values of a data set's samples, held densely or as events. Values of one sample are laid out
 * as [max(1, T), C, H, W].
 */
public sealed interface SampleValues {

  /** Number of samples. */
  int samples();

  /** Number of values per sample, including all time steps. */
  int sampleSize();

  /** Memory that the values use, in bytes. */
  long bytes();

  /**
   * Writes the values of {@code sample} to the first {@link #sampleSize} places of {@code into}.
   */
  void read(int sample, float[] into);

  /** Lowest and highest value of all samples, and the fractions of values outside 0 to 1. */
  default ValueRange range() {
    var range = new ValueRange.Builder();
    var values = new float[sampleSize()];
    for (int sample = 0; sample < samples(); sample++) {
      read(sample, values);
      range.add(values);
    }
    return range.build();
  }

  /**
   * Every value as a 32-bit float.
   *
   * @param values [n, sampleSize]
   */
  record Dense(float[] values, int sampleSize) implements SampleValues {

    public Dense {
      if (sampleSize < 1 || values.length % sampleSize != 0) {
        throw new IllegalArgumentException(
            values.length + " values cannot be divided into samples of " + sampleSize);
      }
    }

    @Override
    public int samples() {
      return values.length / sampleSize;
    }

    @Override
    public long bytes() {
      return (long) Float.BYTES * values.length;
    }

    @Override
    public void read(int sample, float[] into) {
      System.arraycopy(values, sample * sampleSize, into, 0, sampleSize);
    }

    @Override
    public ValueRange range() {
      var range = new ValueRange.Builder();
      range.add(values);
      return range.build();
    }
  }

  /**
   * Sparse representation by events: each event adds 1 to the value at its index, so that an index
   * with three events has the value 3. Uses four bytes per event, independent of the number of
   * zeros.
   *
   * @param places for each sample, the index of each of its events
   */
  record Events(int[][] places, int sampleSize) implements SampleValues {

    /** Bytes of memory per sample in addition to its events. */
    private static final int OVERHEAD = 24;

    @Override
    public int samples() {
      return places.length;
    }

    /** Number of events of all samples. */
    public long events() {
      return Arrays.stream(places).mapToLong(sample -> sample.length).sum();
    }

    @Override
    public long bytes() {
      return Integer.BYTES * events() + (long) OVERHEAD * places.length;
    }

    @Override
    public void read(int sample, float[] into) {
      Arrays.fill(into, 0, sampleSize, 0);
      for (int place : places[sample]) {
        into[place]++;
      }
    }

    /** Computed without visiting values that are 0. */
    @Override
    public ValueRange range() {
      int highest = 0;
      long aboveOne = 0;
      for (int[] sample : places) {
        var sorted = sample.clone();
        Arrays.sort(sorted);
        for (int i = 0, run = 0; i < sorted.length; i++) {
          run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
          aboveOne += run == 2 ? 1 : 0;
          highest = Math.max(highest, run);
        }
      }
      return new ValueRange(
          0, highest, 0, (double) aboveOne / Math.max(1, (double) sampleSize * places.length));
    }
  }
}
