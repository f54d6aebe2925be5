package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.layer.PoolSpec;

/**
 * Let n(t) be the number of a neuron's spikes up to step t and x(t) the number at step t: y(t) of a
 * window is max x(t) if max n(t) over the neurons with x(t) &gt; 0 is max n(t) over all, else 0.
 * Padding counts as neurons that never spike. When the condition holds, the gradient goes to the
 * first neuron with the largest x(t), as in PyTorch's MaxPool2d.
 */
public final class SpikingMaxPool extends UnaryLayer {

  private static final int NOBODY = Winners.NOBODY;

  private final PoolSpec.SpikingMaxPooling2dLayer spec;

  /** Index of the neuron of each window whose input was the output. */
  private final Winners winners;

  private final Parallel parallel;

  /**
   * @param kept number of samples whose indices are stored: all of a batch or those of one call
   */
  public SpikingMaxPool(
      String name,
      PoolSpec.SpikingMaxPooling2dLayer spec,
      Signal in,
      Signal out,
      int kept,
      Parallel parallel) {
    super(name, in, out);
    this.spec = spec;
    this.parallel = parallel;
    winners = new Winners(in, out, kept);
  }

  @Override
  public void forward(int from, int to) {
    parallel.run(
        to - from,
        i -> {
          var spikes = new float[in.frame.size()];
          for (int t = 0; t < in.steps; t++) {
            int xAt = in.at(from + i) + t * spikes.length;
            for (int n = 0; n < spikes.length; n++) {
              spikes[n] += in.data[xAt + n];
            }
            int yAt = out.at(from + i) + t * out.frame.size();
            step(spikes, xAt, yAt, winners.at(from + i, t));
          }
        });
  }

  private void step(float[] spikes, int xAt, int yAt, int speakerAt) {
    Signal.Frame frame = out.frame;
    for (int oy = 0, o = 0; oy < frame.h(); oy++) {
      for (int ox = 0; ox < frame.w(); ox++) {
        for (int c = 0; c < frame.c(); c++, o++) {
          int best = NOBODY;
          float largest = Float.NEGATIVE_INFINITY;
          float most = Float.NEGATIVE_INFINITY;
          float mostOfActive = Float.NEGATIVE_INFINITY;
          for (int ky = 0; ky < spec.kernelSize().h(); ky++) {
            for (int kx = 0; kx < spec.kernelSize().w(); kx++) {
              int n = neuron(oy, ky, ox, kx, c);
              float x = n == NOBODY ? 0 : in.data[xAt + n];
              float count = n == NOBODY ? 0 : spikes[n];
              if (x > largest) {
                largest = x;
                best = n;
              }
              most = Math.max(most, count);
              mostOfActive = Math.max(mostOfActive, x > 0 ? count : 0);
            }
          }
          boolean speaks = mostOfActive >= most;
          winners.set(speakerAt + o, speaks ? best : NOBODY);
          out.data[yAt + o] = speaks ? largest : 0;
        }
      }
    }
  }

  /** Index of the neuron at a tap of a window, or {@link #NOBODY} in the padding. */
  private int neuron(int oy, int ky, int ox, int kx, int c) {
    int y = oy * spec.stride().h() - spec.padding().h() + ky;
    int x = ox * spec.stride().w() - spec.padding().w() + kx;
    boolean inside = y >= 0 && y < in.frame.h() && x >= 0 && x < in.frame.w();
    return inside ? (y * in.frame.w() + x) * in.frame.c() + c : NOBODY;
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    winners.backward(from, to, gOut, gIn, parallel);
  }
}
