package dev.spikewise.snn.kernel;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The binary tree in which the sums of a batch's chunks are added: neighbours first, then
 * neighbouring pairs, and so on; a chunk without a neighbour waits for the next level. A process
 * that owns some neighbouring chunks can add up the subtrees that are complete there.
 */
public final class ChunkTree {

  private ChunkTree() {}

  /** Adds the sum that starts at chunk {@code right} to the one that starts at {@code left}. */
  public interface Addition {
    void add(int left, int right);
  }

  /**
   * Adds neighbours as long as both lie in {@code from..to-1}.
   *
   * @param chunks number of chunks of the batch
   * @param starts whether a sum starts at a chunk; afterwards, whether one is left there
   */
  public static void add(int chunks, int from, int to, boolean[] starts, Addition addition) {
    for (int width = 1; width < chunks; width *= 2) {
      for (int left = 0; left + width < chunks; left += 2 * width) {
        int right = left + width;
        if (left >= from
            && Math.min(right + width, chunks) <= to
            && starts[left]
            && starts[right]) {
          addition.add(left, right);
          starts[right] = false;
        }
      }
    }
  }

  /** First chunks of the complete subtrees in {@code from..to-1}. */
  public static int[] subtrees(int chunks, int from, int to) {
    var starts = new boolean[chunks];
    Arrays.fill(starts, from, to, true);
    add(chunks, from, to, starts, (_, _) -> {});
    return IntStream.range(from, to).filter(i -> starts[i]).toArray();
  }

  /**
   * Whether the sums over {@code start..middle-1} and {@code middle..end-1} are neighbours in the
   * tree.
   */
  public static boolean areNeighbours(int chunks, int start, int middle, int end) {
    int width = middle - start;
    return Integer.bitCount(width) == 1
        && start % (2 * width) == 0
        && Math.min(middle + width, chunks) == end;
  }
}
