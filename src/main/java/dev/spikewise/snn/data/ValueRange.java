package dev.spikewise.snn.data;

/**
 * Range of the values of a data set.
 *
 * @param lowest lowest value; 0 without values
 * @param highest highest value; 0 without values
 * @param negativeShare fraction of the values below 0
 * @param aboveOneShare fraction of the values above 1
 */
public record ValueRange(float lowest, float highest, double negativeShare, double aboveOneShare) {

  static final class Builder {

    private float lowest = Float.POSITIVE_INFINITY;
    private float highest = Float.NEGATIVE_INFINITY;
    private long negative;
    private long aboveOne;
    private long count;

    void add(float[] values) {
      for (float value : values) {
        lowest = Math.min(lowest, value);
        highest = Math.max(highest, value);
        negative += value < 0 ? 1 : 0;
        aboveOne += value > 1 ? 1 : 0;
      }
      count += values.length;
    }

    ValueRange build() {
      return count == 0
          ? new ValueRange(0, 0, 0, 0)
          : new ValueRange(lowest, highest, (double) negative / count, (double) aboveOne / count);
    }
  }
}
