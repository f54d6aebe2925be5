package dev.spikewise.snn.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Sums of doubles over the samples of a batch, in the order of {@link SampleChunks} and {@link
 * ChunkTree}. A process that computes only some of the chunks holds their sums; {@link #complete}
 * adds those of the other processes.
 */
public final class TreeSum {

  private final double[] chunk;

  /** By chunk of this process, or by chunk of the batch once it is complete. */
  private final double[][] leaves = new double[SampleChunks.MOST][];

  private final double[] total;
  private int chunks;
  private boolean complete;

  /**
   * @param size number of sums
   */
  public TreeSum(int size) {
    chunk = new double[size];
    total = new double[size];
  }

  /** Number of sums. */
  public int size() {
    return chunk.length;
  }

  /** Forgets everything. */
  public void clear() {
    Arrays.fill(chunk, 0);
    chunks = 0;
    complete = false;
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
    System.arraycopy(chunk, 0, leaf(chunks), 0, chunk.length);
    Arrays.fill(chunk, 0);
    chunks++;
  }

  private double[] leaf(int i) {
    double @Nullable [] leaf = leaves[i];
    if (leaf == null) {
      leaf = new double[chunk.length];
      leaves[i] = leaf;
    }
    return leaf;
  }

  private void add(int left, int right) {
    double[] before = leaf(left);
    double[] after = leaf(right);
    for (int i = 0; i < before.length; i++) {
      before[i] += after[i];
    }
  }

  /**
   * Writes the sums of the complete subtrees of {@code share} to {@code to}, from {@code at} on.
   */
  public void subtrees(SampleChunks share, double[] to, int at) {
    var starts = new boolean[share.count()];
    Arrays.fill(starts, share.from(), share.to(), true);
    ChunkTree.add(
        share.count(),
        share.from(),
        share.to(),
        starts,
        (left, right) -> add(left - share.from(), right - share.from()));
    for (int c = share.from(); c < share.to(); c++) {
      if (starts[c]) {
        System.arraycopy(leaf(c - share.from()), 0, to, at, chunk.length);
        at += chunk.length;
      }
    }
  }

  /**
   * Takes the sums of all subtrees of the batch, of this process and of all others.
   *
   * @param starts by chunk of the batch: whether a subtree starts there
   * @param sums of the subtree that starts at a chunk
   */
  public void complete(boolean[] starts, Subtrees sums) {
    for (int c = 0; c < starts.length; c++) {
      if (starts[c]) {
        sums.read(c, leaf(c));
      }
    }
    sum(starts);
    complete = true;
  }

  /** Reads the sums of the subtree that starts at {@code chunk}. */
  public interface Subtrees {
    void read(int chunk, double[] sums);
  }

  private void sum(boolean[] starts) {
    ChunkTree.add(starts.length, 0, starts.length, starts, this::add);
    System.arraycopy(leaf(0), 0, total, 0, total.length);
  }

  /** The sums of all chunks, until the next call. */
  public double[] total() {
    if (!complete) {
      if (chunks == 0) {
        Arrays.fill(total, 0);
      } else {
        var starts = new boolean[chunks];
        Arrays.fill(starts, true);
        sum(starts);
        complete = true;
      }
    }
    return total;
  }

  /** The first of the sums of all chunks. */
  public double value() {
    return total()[0];
  }
}
