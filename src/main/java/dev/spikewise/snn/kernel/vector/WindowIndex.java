package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;

/**
 * Windows that contain a spot of the input, and its position in each of them. A spot is a pixel, or
 * several neighbouring pixels of a row that are computed together.
 *
 * @param starts by spot, and one past the last: its first entry in the two others
 * @param windows a window
 * @param positions kernel row * columns + kernel column of the spot's last pixel, of the columns
 *     0..kW+width-2 where the spot is width pixels wide; its other pixels are the columns before
 * @param pixels by spot: its first pixel
 * @param repeats see {@link #repeats(int)}
 */
record WindowIndex(int[] starts, int[] windows, int[] positions, int[] pixels, boolean[] repeats) {

  /** Of single pixels. */
  static WindowIndex of(ConvShape s) {
    return of(s, 1);
  }

  /**
   * Creates the index for spots of {@code width} pixels. The last spot of a row overlaps the one
   * before, so that it is full.
   *
   * @param width 1 where the kernel's columns are dilated, and at most inW
   */
  static WindowIndex of(ConvShape s, int width) {
    int columns = s.kW() + width - 1;
    int inRow = (s.inW() + width - 1) / width;
    int spots = s.inH() * inRow;
    int most = s.windows() * s.kH() * columns;
    var reach =
        new WindowIndex(
            new int[spots + 1], new int[most], new int[most], new int[spots], new boolean[spots]);
    int count = 0;
    for (int spot = 0; spot < spots; spot++) {
      int x = Math.min(spot % inRow * width, s.inW() - width);
      int y = spot / inRow;
      reach.pixels[spot] = y * s.inW() + x;
      for (int i = 0; i < s.kH() * columns; i++) {
        int row = i / columns;
        // From right to left, so that the windows of a row come from left to right.
        int column = columns - 1 - i % columns;
        int top = y + s.padH() - row * s.dilationH();
        int left = x + width - 1 + s.padW() - column * s.dilationW();
        int oy = top / s.strideH();
        int ox = left / s.strideW();
        if (top >= 0
            && left >= 0
            && oy * s.strideH() == top
            && ox * s.strideW() == left
            && oy < s.outH()
            && ox < s.outW()) {
          reach.windows[count] = oy * s.outW() + ox;
          reach.positions[count++] = row * columns + column;
        }
      }
      reach.starts[spot + 1] = count;
      reach.repeats[spot] = spot % inRow > 0 && reach.looksLikeTheOneBefore(spot);
    }
    return reach;
  }

  private boolean looksLikeTheOneBefore(int spot) {
    int before = starts[spot - 1];
    int here = starts[spot];
    int n = here - before;
    if (starts[spot + 1] - here != n) {
      return false;
    }
    for (int i = 0; i < n; i++) {
      if (positions[here + i] != positions[before + i]
          || windows[here + i] - windows[here] != windows[before + i] - windows[before]) {
        return false;
      }
    }
    return true;
  }

  /** 0 where none sees the spot. */
  int firstWindow(int spot) {
    return starts[spot] == starts[spot + 1] ? 0 : windows[starts[spot]];
  }

  /**
   * Whether the windows that contain a spot have the same relative offsets, positions and rows as
   * those of the spot before.
   */
  boolean repeats(int spot) {
    return repeats[spot];
  }

  int spots() {
    return pixels.length;
  }

  /** Pairs of a spot and a window that sees it. */
  int pairs() {
    return starts[spots()];
  }
}
