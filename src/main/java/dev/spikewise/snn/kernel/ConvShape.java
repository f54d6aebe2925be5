package dev.spikewise.snn.kernel;

/**
 * Geometry of a weighted sum over windows: a convolution, or a Linear layer as a convolution of a 1
 * x 1 map. Weights are [groups, K, Cout / groups] with the taps K = (kH, kW, Cin / groups), so that
 * a tap's output channels are neighbours.
 */
public record ConvShape(
    int inH,
    int inW,
    int inC,
    int outC,
    int kH,
    int kW,
    int strideH,
    int strideW,
    int padH,
    int padW,
    int dilationH,
    int dilationW,
    int groups) {

  /** Every input feature to every output feature. */
  public static ConvShape linear(int in, int out) {
    return new ConvShape(1, 1, in, out, 1, 1, 1, 1, 0, 0, 1, 1, 1);
  }

  /**
   * Equivalent shape with the fewest windows: a kernel that covers its whole input becomes a Linear
   * layer.
   */
  public ConvShape simplified() {
    boolean covers =
        kH == inH && kW == inW && padH == 0 && padW == 0 && dilationH == 1 && dilationW == 1;
    return covers && groups == 1 ? linear(inSize(), outC) : this;
  }

  /** Whether {@link #mirrored} is supported; strides would need zeros between windows. */
  public boolean canMirror() {
    return strideH == 1
        && strideW == 1
        && padH <= dilationH * (kH - 1)
        && padW <= dilationW * (kW - 1);
  }

  /** The convolution that computes the gradient of this one's input from that of its output. */
  public ConvShape mirrored() {
    return new ConvShape(
        outH(),
        outW(),
        outC,
        inC,
        kH,
        kW,
        1,
        1,
        dilationH * (kH - 1) - padH,
        dilationW * (kW - 1) - padW,
        dilationH,
        dilationW,
        groups);
  }

  public int outH() {
    return (inH + 2 * padH - dilationH * (kH - 1) - 1) / strideH + 1;
  }

  public int outW() {
    return (inW + 2 * padW - dilationW * (kW - 1) - 1) / strideW + 1;
  }

  public int inSize() {
    return inH * inW * inC;
  }

  public int outSize() {
    return outH() * outW() * outC;
  }

  /** Number of windows of a frame. */
  public int windows() {
    return outH() * outW();
  }

  public int inCPerGroup() {
    return inC / groups;
  }

  public int outCPerGroup() {
    return outC / groups;
  }

  /** Whether each channel has its own kernel and the channels fill a vector of any processor. */
  public boolean isDepthwise() {
    return groups == inC && outC == inC && inC >= 16;
  }

  /** Taps of one window and group: kH * kW * Cin / groups. */
  public int taps() {
    return kH * kW * inCPerGroup();
  }

  public int weights() {
    return outC * taps();
  }

  /** Number of consecutive taps of a window and group that are adjacent in the input. */
  public int together() {
    return groups == 1 && dilationW == 1 ? kW * inC : inCPerGroup();
  }

  public int paddedH() {
    return inH + 2 * padH;
  }

  public int paddedW() {
    return inW + 2 * padW;
  }

  public int paddedSize() {
    return paddedH() * paddedW() * inC;
  }

  public boolean padded() {
    return padH > 0 || padW > 0;
  }

  /** For each window, its start in a padded frame. */
  public int[] windowStarts() {
    var starts = new int[windows()];
    for (int oy = 0, p = 0; oy < outH(); oy++) {
      for (int ox = 0; ox < outW(); ox++, p++) {
        starts[p] = (oy * strideH * paddedW() + ox * strideW) * inC;
      }
    }
    return starts;
  }

  /** For each tap of the first group, its offset from the start of the window in a padded frame. */
  public int[] tapOffsets() {
    var offsets = new int[taps()];
    for (int ky = 0, k = 0; ky < kH; ky++) {
      for (int kx = 0; kx < kW; kx++) {
        for (int c = 0; c < inCPerGroup(); c++, k++) {
          offsets[k] = (ky * dilationH * paddedW() + kx * dilationW) * inC + c;
        }
      }
    }
    return offsets;
  }

  /**
   * Scratch memory of a {@link Kernels.Conv} for {@code frames} frames, in numbers of four bytes,
   * without weights, inputs and outputs. It is the memory of the vector kernels, including the
   * event lists of the input.
   *
   * @param passesBack whether it computes {@link Kernels.Conv#inputGradient}
   */
  public long scratch(long frames, boolean passesBack) {
    long pixels = (long) paddedH() * paddedW();
    long weights = (long) outC * taps();
    if (isDepthwise()) {
      // Offsets of the windows, windows that contain each pixel, and partial sums of a gradient.
      long perFrame = windows() + (padded() ? pixels * inC : 0);
      return frames * perFrame + 2L * windows() * kH * kW + (2 + PlaneLayout.PARTS) * weights;
    }
    boolean inPlanes = PlaneLayout.suits(this);
    // Input and output offsets of all windows and of those with a gradient.
    long perFrame = (inPlanes ? 2L : 4L) * windows() + (padded() ? pixels * inC : 0);
    long tapLists = 40; // one of a thread's tasks each
    // Many weights are copied to panels, and their events are listed by channel.
    boolean inPanels = weights >= 32_768;
    long fixed = 4 * tapLists * taps() + (inPanels ? weights : 0);
    if (inPlanes) {
      perFrame += PlaneLayout.frameSize(this);
      fixed = PlaneLayout.PARTS * weights;
    }
    if (groups == 1) {
      // Position and value of each event, first event of each pixel, active channels of each row.
      perFrame += 2 * pixels * inC + 3 * pixels;
      if (inPanels) {
        // A second list, by channel, of up to 0.3 of the inputs, and the zero-padded output
        // gradient.
        perFrame += (long) (0.6 * inSize()) + (long) (outH() + kH - 1) * (outW() + kW - 1) * outC;
      }
      // Partial sums of an event-driven weight gradient; a fully connected layer sums in place.
      fixed += (inH * inW * kH * kW == 1 ? 1 : 4) * weights;
    }
    if (passesBack) {
      perFrame += inPanels && canMirror() ? mirrored().paddedSize() + (long) inH * inW : 0;
      fixed += (inPanels ? 2 : 1) * weights + 2 * tapLists * kH * kW * outCPerGroup();
      // Windows that contain each pixel.
      fixed += 2L * windows() * kH * kW;
    }
    return frames * perFrame + fixed;
  }
}
