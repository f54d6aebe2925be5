package dev.spikewise.snn.kernel;

import java.util.Arrays;

/**
 * The taps of a group of windows that meet anything but zeros, one group after the other, in one
 * thread: a dense tile need not multiply what is silent in all of its windows.
 */
final class ActiveTaps {

  /** Where more of the rows' channels are active, lists would cost more than they spare. */
  private static final double FULL = 0.9;

  /** The active ones of {@code from..to-1}, in ascending order. */
  final TapList list;

  private final ConvShape shape;
  private final ActiveRows active;
  private final int from;
  private final int to;
  private final int channels;
  private final int[] offsets;
  private final long[] mask;
  private final long[] next;

  /** Groups share no channels, so for them all taps count as active. */
  private final boolean all;

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
    list = new TapList(to - from);
    all = shape.groups() > 1;
    if (all) {
      for (int k = from; k < to; k++) {
        add(k);
      }
    }
  }

  /** Goes on to the windows {@code first..last-1}, counted over all frames. */
  void moveTo(int first, int last) {
    if (all) {
      return;
    }
    int words = active.words;
    if (active.coverage() > FULL) {
      for (int i = 0; i < next.length; i++) {
        next[i] = -1L >>> Math.max(0, (i % words + 1) * Long.SIZE - channels);
      }
    } else {
      collect(first, last);
    }
    // Neighbours mostly have the same.
    if (!Arrays.equals(mask, next)) {
      System.arraycopy(next, 0, mask, 0, mask.length);
      list();
    }
  }

  private void collect(int first, int last) {
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
  }

  private void list() {
    list.count = 0;
    for (int position = from / channels; position * channels < to; position++) {
      for (int word = 0; word < active.words; word++) {
        long bits = mask[position / shape.kW() * active.words + word];
        for (; bits != 0; bits &= bits - 1) {
          int k = position * channels + word * Long.SIZE + Long.numberOfTrailingZeros(bits);
          if (k >= from && k < to) {
            add(k);
          }
        }
      }
    }
  }

  private void add(int tap) {
    list.add(offsets[tap], tap * shape.outCPerGroup());
  }
}
