package dev.spikewise.snn.statistics;

/** Parts of the softmax of scores that are neighbours in an array. */
public final class Softmax {

  private Softmax() {}

  /** Index, from {@code at} on, of the first maximum of {@code n} scores. */
  public static int largest(float[] scores, int at, int n) {
    int best = 0;
    for (int c = 1; c < n; c++) {
      if (scores[at + c] > scores[at + best]) {
        best = c;
      }
    }
    return best;
  }

  /**
   * Sum of the exponentials of {@code n} scores from {@code at} on, divided by that of {@code top}.
   */
  public static double sum(float[] scores, int at, int n, double top) {
    double sum = 0;
    for (int c = 0; c < n; c++) {
      sum += Math.exp(scores[at + c] - top);
    }
    return sum;
  }
}
