package dev.spikewise.snn.kernel;

import java.util.Arrays;

/**
 * Sums of doubles over the samples of a batch, in the order of {@link SampleChunks}. Chunks are
 * added depth first: 2^k of them that are complete wait at level k for as many neighbours, and what
 * is left in the end is added from the last to the first.
 */
public final class TreeSum {

  private final double[] chunk;
  private final double[][] waiting;
  private int chunks;

  /**
   * @param size number of sums
   */
  public TreeSum(int size) {
    chunk = new double[size];
    waiting = new double[SampleChunks.levels(SampleChunks.MOST) + 1][size];
  }

  /** Forgets everything. */
  public void clear() {
    Arrays.fill(chunk, 0);
    chunks = 0;
  }

  /** The sums of the chunk at work, to be added to. */
  public double[] chunk() {
    return chunk;
  }

  /** Adds to the first sum of the chunk at work. */
  public void add(double value) {
    chunk[0] += value;
  }

  /** Ends the chunk at work. */
  public void endChunk() {
    int level = 0;
    for (; (chunks >> level & 1) == 1; level++) {
      addTo(chunk, waiting[level]);
    }
    System.arraycopy(chunk, 0, waiting[level], 0, chunk.length);
    Arrays.fill(chunk, 0);
    chunks++;
  }

  /** Adds what lies before: {@code before + sum}. */
  private static void addTo(double[] sum, double[] before) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = before[i] + sum[i];
    }
  }

  /** The sums of all chunks. */
  public double[] total() {
    double[] sum = chunk.clone();
    for (int level = 0; level < waiting.length; level++) {
      if ((chunks >> level & 1) == 1) {
        addTo(sum, waiting[level]);
      }
    }
    return sum;
  }

  /** The first of the sums of all chunks. */
  public double value() {
    return total()[0];
  }
}
