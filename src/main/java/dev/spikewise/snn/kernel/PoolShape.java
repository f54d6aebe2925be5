package dev.spikewise.snn.kernel;

import java.util.stream.IntStream;

/**
 * Geometry of a pool over windows of each channel.
 *
 * @param scale what a window's sum is multiplied by: 1, or 1 / area for an average
 * @param skipsSilent whether a window whose sum is 0 passes no gradient back
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
    boolean skipsSilent) {

  public int inSize() {
    return inH * inW * channels;
  }

  public int outSize() {
    return outH * outW * channels;
  }

  /** Whether every input lies in exactly one window. */
  public boolean tiles() {
    return strideH == kH
        && strideW == kW
        && padH == 0
        && padW == 0
        && inH == outH * kH
        && inW == outW * kW;
  }

  /** Where the window of input {@code i} lies in the output, of a pool that {@link #tiles}. */
  int windowOf(int i) {
    int pixel = i / channels;
    int window = pixel / inW / kH * outW + pixel % inW / kW;
    return window * channels + i % channels;
  }

  /** {@link #windowOf} all inputs. */
  public int[] windows() {
    return IntStream.range(0, inSize()).map(this::windowOf).toArray();
  }

  int top(int oy) {
    return Math.max(0, oy * strideH - padH);
  }

  int bottom(int oy) {
    return Math.min(inH, oy * strideH - padH + kH);
  }

  int left(int ox) {
    return Math.max(0, ox * strideW - padW);
  }

  int right(int ox) {
    return Math.min(inW, ox * strideW - padW + kW);
  }
}
