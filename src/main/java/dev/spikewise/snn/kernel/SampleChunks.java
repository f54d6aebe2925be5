package dev.spikewise.snn.kernel;

/**
 * The chunks that a batch's samples are cut into wherever they are summed. Sums are formed inside a
 * chunk in the order of the samples, and over chunks in one binary tree ({@link TreeSum}), so that
 * they have the same bits for any number of threads, and of processes that each own neighbouring
 * chunks. The number of chunks follows from the number of samples alone.
 *
 * @param samples number of samples in the batch, at least 1
 */
public record SampleChunks(int samples) {

  /** Largest number of chunks. */
  public static final int MOST = 16;

  /** Number of chunks. */
  public int count() {
    return Math.min(MOST, samples);
  }

  /** First sample of a chunk. */
  public int start(int chunk) {
    return (int) ((long) samples * chunk / count());
  }

  /** The chunk that a sample belongs to. */
  public int of(int sample) {
    return (int) (((sample + 1L) * count() - 1) / samples);
  }

  /** One past the last sample of the chunk that {@code sample} belongs to. */
  public int end(int sample) {
    return start(of(sample) + 1);
  }

  /** Whether {@code sample} is the last one of its chunk. */
  public boolean isLast(int sample) {
    return sample + 1 == end(sample);
  }

  /**
   * One past the last sample of a block that starts at {@code from}: as many whole chunks as {@code
   * most} samples hold, or a part of one chunk where it holds more.
   */
  public int endOfBlock(int from, int most) {
    int limit = Math.min(samples, from + most);
    int end = end(from);
    while (end < limit && end(end) <= limit) {
      end = end(end);
    }
    return Math.min(end, limit);
  }

  /** Levels of the tree where partial sums wait while a batch of this size is summed. */
  public static int levels(int samples) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(Math.min(MOST, samples) - 1);
  }
}
