package dev.spikewise.snn.kernel;

/**
 * Which windows see a pixel of the input, and with which position of the kernel.
 *
 * @param starts by pixel, and one past the last: its first entry in the two others
 * @param windows a window
 * @param positions kernel row * kW + kernel column
 * @param repeats see {@link #repeats(int)}
 */
record Reach(int[] starts, int[] windows, int[] positions, boolean[] repeats) {

  static Reach of(ConvShape s) {
    int most = s.windows() * s.kH() * s.kW();
    int pixels = s.inH() * s.inW();
    var reach = new Reach(new int[pixels + 1], new int[most], new int[most], new boolean[pixels]);
    int count = 0;
    for (int pixel = 0; pixel < pixels; pixel++) {
      for (int k = 0; k < s.kH() * s.kW(); k++) {
        int top = pixel / s.inW() + s.padH() - k / s.kW() * s.dilationH();
        int left = pixel % s.inW() + s.padW() - k % s.kW() * s.dilationW();
        int oy = top / s.strideH();
        int ox = left / s.strideW();
        if (top >= 0
            && left >= 0
            && oy * s.strideH() == top
            && ox * s.strideW() == left
            && oy < s.outH()
            && ox < s.outW()) {
          reach.windows[count] = oy * s.outW() + ox;
          reach.positions[count++] = k;
        }
      }
      reach.starts[pixel + 1] = count;
      reach.repeats[pixel] = pixel % s.inW() > 0 && reach.looksLikeTheOneBefore(pixel);
    }
    return reach;
  }

  private boolean looksLikeTheOneBefore(int pixel) {
    int before = starts[pixel - 1];
    int here = starts[pixel];
    int n = here - before;
    if (starts[pixel + 1] - here != n) {
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

  /** 0 where none sees the pixel. */
  int firstWindow(int pixel) {
    return starts[pixel] == starts[pixel + 1] ? 0 : windows[starts[pixel]];
  }

  /**
   * Whether the windows that see a pixel lie to each other as those of the pixel before do, with
   * the same positions, in the same rows.
   */
  boolean repeats(int pixel) {
    return repeats[pixel];
  }

  int pixels() {
    return starts.length - 1;
  }

  /** Pairs of a pixel and a window that sees it. */
  int pairs() {
    return starts[pixels()];
  }
}
