package dev.spikewise.snn.kernel;

/**
 * When {@link PlaneConv} computes a convolution, and the size of its planes. Apart from it, so that
 * memory can be estimated where the Vector API is missing.
 */
final class PlaneLayout {

  /** Fewer values side by side would be read in runs too short to be worth their start. */
  private static final int FEW = 16;

  private PlaneLayout() {}

  static boolean suits(ConvShape shape) {
    return shape.together() < PlaneTiles.ROWS
        || shape.together() < FEW && shape.outW() >= PlaneTiles.ROWS;
  }

  /** Numbers in the planes of a frame. */
  static int frameSize(ConvShape shape) {
    return shape.inC() * planesOfChannel(shape) * planeSize(shape);
  }

  static int planesOfChannel(ConvShape shape) {
    return Math.min(shape.strideW(), shape.paddedW());
  }

  static int planeSize(ConvShape shape) {
    return shape.paddedH() * Math.ceilDiv(shape.paddedW(), shape.strideW());
  }
}
