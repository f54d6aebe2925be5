package dev.spikewise.snn.kernel;

/**
 * The chunks into which a batch is divided for sums over its samples, and the chunks that this
 * process computes. Sums are formed inside a chunk in the order of the samples, and over chunks in
 * one binary tree ({@link ChunkTree}), so that they have the same bits for any number of threads,
 * and of processes that each own neighbouring chunks. The number of chunks follows from the number
 * of samples alone.
 *
 * <p>Samples are numbered from the first one that this process computes; chunks are numbered over
 * the whole batch.
 *
 * @param samples number of samples in the whole batch, at least 1
 * @param from first chunk of this process
 * @param to one past its last chunk
 */
public record SampleChunks(int samples, int from, int to) {

  /** Largest number of chunks. */
  public static final int MOST = 16;

  /** All chunks of a batch. */
  public SampleChunks(int samples) {
    this(samples, 0, Math.min(MOST, samples));
  }

  /** The chunks of process {@code rank} of {@code ranks}; none where there are too few. */
  public static SampleChunks share(int samples, int rank, int ranks) {
    int count = Math.min(MOST, samples);
    return new SampleChunks(samples, count * rank / ranks, count * (rank + 1) / ranks);
  }

  /** Number of chunks of the whole batch. */
  public int count() {
    return Math.min(MOST, samples);
  }

  /** First sample of this process in the whole batch. */
  public int first() {
    return first(from);
  }

  /** Number of samples of this process. */
  public int size() {
    return first(to) - first(from);
  }

  private int first(int chunk) {
    return (int) ((long) samples * chunk / count());
  }

  /** First sample of a chunk. */
  public int start(int chunk) {
    return first(chunk) - first();
  }

  /** The chunk that a sample belongs to. */
  public int of(int sample) {
    return (int) (((first() + sample + 1L) * count() - 1) / samples);
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
   * One past the last sample of a block that starts at {@code from}: as many whole chunks as fit
   * {@code most} samples, or part of a chunk that has more samples.
   */
  public int endOfBlock(int from, int most) {
    int limit = Math.min(size(), from + most);
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
