package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.synops.FanOut;
import org.jspecify.annotations.Nullable;

/**
 * Connections between the inputs and outputs of a layer with weights: a convolution or a transposed
 * convolution.
 *
 * @param shape shape of the convolution; for a transposed one, its input is the layer's output
 */
public record Wiring(ConvShape shape, boolean transposed) {

  public static Wiring of(ConvShape shape) {
    return new Wiring(shape, false);
  }

  /** Equivalent wiring with the fewest windows. */
  public Wiring simplified() {
    return transposed ? this : of(shape.simplified());
  }

  public int inSize() {
    return transposed ? shape.outSize() : shape.inSize();
  }

  public int outSize() {
    return transposed ? shape.inSize() : shape.outSize();
  }

  public int outC() {
    return transposed ? shape.inC() : shape.outC();
  }

  /** Number of pixels per output frame. */
  public int outPixels() {
    return outSize() / outC();
  }

  /** Number of weights that PyTorch's initialisation calls fan_in. */
  public int fanIn() {
    return shape.taps();
  }

  /** For each input pixel, the number of synapses that a spike reaches, exact at the borders. */
  public int[] fanOut() {
    return transposed ? FanOut.byWindow(shape) : FanOut.byPixel(shape);
  }

  /** Number of synapses that a spike away from the borders reaches. */
  public long mostFanOut() {
    return transposed ? FanOut.mostTransposed(shape) : FanOut.most(shape);
  }

  /** For each input of a frame, the number of non-zero weights that it reaches. */
  public double[] reach(float[] weights) {
    return transposed
        ? FanOut.weightsByOutput(shape, weights)
        : FanOut.weightsByInput(shape, weights);
  }

  public Kernels.Conv conv(Kernels kernels, int maxFrames) {
    Kernels.Conv conv = kernels.conv(shape, maxFrames);
    return transposed ? new Transposed(conv, this) : conv;
  }

  /** Number of 4-byte values that {@link #conv} stores in addition to the weights. */
  public long scratch(long frames, boolean passesBack) {
    return shape.scratch(frames, transposed || passesBack);
  }

  private record Transposed(Kernels.Conv conv, Wiring wiring) implements Kernels.Conv {

    @Override
    public void forward(
        float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
      conv.inputGradient(x, xAt, w, y, yAt, frames, null, 0);
      if (bias != null) {
        for (int pixel = 0; pixel < frames * wiring.outPixels(); pixel++) {
          for (int c = 0; c < bias.length; c++) {
            y[yAt + pixel * bias.length + c] += bias[c];
          }
        }
      }
    }

    @Override
    public void inputGradient(
        float[] gy,
        int gyAt,
        float[] w,
        float[] gx,
        int gxAt,
        int frames,
        float @Nullable [] activeX,
        int xAt) {
      conv.forward(gy, gyAt, w, null, gx, gxAt, frames);
    }

    @Override
    public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
      conv.weightGradient(gy, gyAt, x, xAt, gw, frames);
    }
  }
}
