package dev.spikewise.snn.kernel;

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
