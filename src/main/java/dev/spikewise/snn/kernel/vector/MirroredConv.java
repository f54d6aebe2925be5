package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * The dense gradient of the input of a convolution of stride 1: the convolution of the output's
 * gradient with the mirrored kernel.
 */
final class MirroredConv {

  private static final int LANES = Species.FLOATS.length();

  private final ConvShape shape;
  private final Parallel parallel;
  private final float @Nullable [] padded;
  private final PanelConv panels;
  private final float[] zeros;

  MirroredConv(ConvShape s, int maxFrames, Parallel parallel) {
    this.parallel = parallel;
    shape = s.mirrored();
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    panels = new PanelConv(shape, true, VectorConv.origins(shape, maxFrames), parallel);
    zeros = new float[shape.outC() + 2 * LANES];
  }

  /**
   * Whether products with zeros at the border are rare and the input's channels fill panels.
   *
   * @param pairs pairs of a pixel and a window that sees it
   */
  static boolean suits(ConvShape s, int pairs) {
    return s.canMirror()
        && pairs >= 0.8 * s.inH() * s.inW() * s.kH() * s.kW()
        && s.inCPerGroup() >= 2 * LANES;
  }

  void run(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    if (padded == null) {
      panels.run(gy, gyAt, w, zeros, gx, gxAt, frames);
    } else {
      VectorConv.pad(shape, gy, gyAt, padded, frames, parallel);
      panels.run(padded, 0, w, zeros, gx, gxAt, frames);
    }
  }
}
