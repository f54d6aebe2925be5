package dev.spikewise.snn.kernel;

import java.util.stream.IntStream;

/**
 * Geometry of a pool over windows of each channel.
 *
 * @param scale factor of a window's sum: 1, or 1 / area for an average
 * @param skipsSilent whether a window whose sum is 0 passes no gradient back
 * @param counting treatment of windows that extend beyond the edge
 */
public record PoolShape(
    int inH,
    int inW,
    int channels,
    int outH,
    int outW,
    int kH,
    int kW,
    int strideH,
    int strideW,
    int padH,
    int padW,
    float scale,
    boolean skipsSilent,
    Counting counting) {

  /** Additional divisor of the sum of a window that extends beyond the edge. */
  public enum Counting {
    /** No divisor: every window counts as a full one. */
    WHOLE,
    /** By its share of the padded input. */
    PADDED,
    /** By its share of the input without padding. */
    INSIDE
  }

  /** A pool whose windows all count as full ones. */
  public PoolShape(
      int inH,
      int inW,
      int channels,
      int outH,
      int outW,
      int kH,
      int kW,
      int strideH,
      int strideW,
      int padH,
      int padW,
      float scale,
      boolean skipsSilent) {
    this(
        inH,
        inW,
        channels,
        outH,
        outW,
        kH,
        kW,
        strideH,
        strideW,
        padH,
        padW,
        scale,
        skipsSilent,
        Counting.WHOLE);
  }

  /** Factor of the sum of a window. */
  public float scaleAt(int oy, int ox) {
    int counted =
        switch (counting) {
          case WHOLE -> kH * kW;
          case PADDED ->
              Math.min(kH, inH + 2 * padH - oy * strideH)
                  * Math.min(kW, inW + 2 * padW - ox * strideW);
          case INSIDE -> (bottom(oy) - top(oy)) * (right(ox) - left(ox));
        };
    return counted == kH * kW ? scale : scale * (kH * kW) / counted;
  }

  public int inSize() {
    return inH * inW * channels;
  }

  public int outSize() {
    return outH * outW * channels;
  }

  /** Whether every input lies in exactly one window. */
  public boolean tiles() {
    return counting == Counting.WHOLE
        && strideH == kH
        && strideW == kW
        && padH == 0
        && padW == 0
        && inH == outH * kH
        && inW == outW * kW;
  }

  /**
   * Index in the output of the window that contains input {@code i}; for a pool that {@link
   * #tiles}.
   */
  public int windowOf(int i) {
    int pixel = i / channels;
    int window = pixel / inW / kH * outW + pixel % inW / kW;
    return window * channels + i % channels;
  }

  /** {@link #windowOf} all inputs. */
  public int[] windows() {
    return IntStream.range(0, inSize()).map(this::windowOf).toArray();
  }

  public int top(int oy) {
    return Math.max(0, oy * strideH - padH);
  }

  public int bottom(int oy) {
    return Math.min(inH, oy * strideH - padH + kH);
  }

  public int left(int ox) {
    return Math.max(0, ox * strideW - padW);
  }

  public int right(int ox) {
    return Math.min(inW, ox * strideW - padW + kW);
  }
}
