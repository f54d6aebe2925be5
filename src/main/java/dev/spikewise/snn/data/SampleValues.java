package dev.spikewise.snn.data;

import java.util.Arrays;

/**
 * The values of a data set's samples, held densely or as events. Values of one sample are laid out
 * as [max(1, T), C, H, W].
 */
public sealed interface SampleValues {

  /** Number of samples. */
  int samples();

  /** Values of one sample, all its time steps included. */
  int sampleSize();

  /** Memory that the values take, in bytes. */
  long bytes();

  /**
   * Writes the values of {@code sample} to the first {@link #sampleSize} places of {@code into}.
   */
  void read(int sample, float[] into);

  /** Lowest and highest value of the samples, and how many lie outside 0 to 1. */
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
   * Events only: each adds 1 to the value at its place, so that a place with three events has the
   * value 3. Takes four bytes per event, however many places without events there are.
   *
   * @param starts [n + 1], the first event of each sample and the number of events
   * @param places place of each event in its sample
   */
  record Events(int[] starts, int[] places, int sampleSize) implements SampleValues {

    @Override
    public int samples() {
      return starts.length - 1;
    }

    /** Number of events of all samples. */
    public int events() {
      return starts[samples()];
    }

    @Override
    public long bytes() {
      return (long) Integer.BYTES * (starts.length + places.length);
    }

    @Override
    public void read(int sample, float[] into) {
      Arrays.fill(into, 0, sampleSize, 0);
      for (int i = starts[sample]; i < starts[sample + 1]; i++) {
        into[places[i]]++;
      }
    }
  }
}
