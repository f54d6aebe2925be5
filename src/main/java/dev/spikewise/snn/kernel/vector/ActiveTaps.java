package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import java.util.Arrays;

/**
 * Taps that read a value other than 0 in at least one window of a group; a dense tile skips all
 * others. Used by one thread, for one group after the other.
 */
final class ActiveTaps {

  /** The taps {@code from..to-1} of the windows moved to, in ascending order. */
  TapList list;

  /** All of {@code from..to-1}. */
  final TapRuns runs;

  private final ConvShape shape;
  private final ActiveRows active;
  private final int from;
  private final int to;
  private final int channels;
  private final int[] offsets;
  private final long[] mask;
  private final long[] next;

  private final TapList all;
  private final TapList some;

  /**
   * @param active rows of the padded input
   * @param offsets by tap: its distance from the start of a window
   */
  ActiveTaps(ConvShape shape, ActiveRows active, int[] offsets, int from, int to) {
    this.shape = shape;
    this.active = active;
    this.offsets = offsets;
    this.from = from;
    this.to = to;
    channels = shape.inCPerGroup();
    mask = new long[shape.kH() * active.words];
    next = new long[mask.length];
    all = new TapList(to - from);
    some = new TapList(to - from);
    runs = new TapRuns((to - from) / shape.together() + 2, shape.outCPerGroup());
    for (int k = from; k < to; k++) {
      add(all, k);
      runs.add(offsets[k], k * shape.outCPerGroup(), 1);
    }
    list = all;
  }

  /** Whether {@link #runs} say the same, and are faster. */
  boolean inRuns() {
    return ConvTiles.RUNS && list == all;
  }

  /** Goes on to the windows {@code first..last-1}, counted over all frames. */
  void moveTo(int first, int last) {
    // Groups share no channels, so for them all taps count as active.
    if (shape.groups() > 1
        || active.coverage() > ConvTiles.IN_RUN
        || collect(first, last) > ConvTiles.IN_RUN * shape.kH() * channels) {
      list = all;
      return;
    }
    list = some;
    // Neighbouring groups mostly have the same taps.
    if (!Arrays.equals(mask, next)) {
      System.arraycopy(next, 0, mask, 0, mask.length);
      list();
    }
  }

  /** Finds what is active for any of the windows; returns how many channels, row by row. */
  private int collect(int first, int last) {
    Arrays.fill(next, 0);
    int words = active.words;
    int windows = shape.windows();
    for (int r = first; r < last; r = r - r % shape.outW() + shape.outW()) {
      int top = r / windows * shape.paddedH() + r % windows / shape.outW() * shape.strideH();
      for (int ky = 0; ky < shape.kH(); ky++) {
        for (int word = 0; word < words; word++) {
          next[ky * words + word] |= active.of(top + ky * shape.dilationH(), word);
        }
      }
    }
    int count = 0;
    for (long bits : next) {
      count += Long.bitCount(bits);
    }
    return count;
  }

  private void list() {
    some.count = 0;
    for (int position = from / channels; position * channels < to; position++) {
      for (int word = 0; word < active.words; word++) {
        long bits = mask[position / shape.kW() * active.words + word];
        for (; bits != 0; bits &= bits - 1) {
          int k = position * channels + word * Long.SIZE + Long.numberOfTrailingZeros(bits);
          if (k >= from && k < to) {
            add(some, k);
          }
        }
      }
    }
  }

  private void add(TapList list, int tap) {
    list.add(offsets[tap], tap * shape.outCPerGroup());
  }
}
