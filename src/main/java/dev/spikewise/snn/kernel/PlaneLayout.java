package dev.spikewise.snn.kernel;

/**
 * Convolutions that the vector kernels compute in planes, and the size of the planes. Separate from
 * the kernels, so that memory can be estimated without the Vector API.
 */
public final class PlaneLayout {

  /**
   * Rows of a tile: 6 x 2 sums keep two multipliers with a latency of four cycles busy and,
   * together with their operands, fit the 16 registers of AVX2.
   */
  public static final int ROWS = 6;

  /** Parts in which the gradient of the weights is summed: their number is fixed. */
  public static final int PARTS = 8;

  /** Fewer values side by side would be read in runs too short to be worth their start. */
  private static final int FEW = 16;

  private PlaneLayout() {}

  public static boolean suits(ConvShape shape) {
    return shape.together() < ROWS || shape.together() < FEW && shape.outW() >= ROWS;
  }

  /** Numbers in the planes of a frame. */
  public static int frameSize(ConvShape shape) {
    return shape.inC() * planesOfChannel(shape) * planeSize(shape);
  }

  public static int planesOfChannel(ConvShape shape) {
    return Math.min(shape.strideW(), shape.paddedW());
  }

  public static int planeSize(ConvShape shape) {
    return shape.paddedH() * Math.ceilDiv(shape.paddedW(), shape.strideW());
  }
}
