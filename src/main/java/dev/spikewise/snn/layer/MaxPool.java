package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.layer.PoolSpec;
import java.util.Arrays;

/**
 * y of a window is its largest x, at each time step by itself; the gradient goes to the first x of
 * that size, row by row, as in PyTorch.
 */
public final class MaxPool extends UnaryLayer {

  private final PoolSpec.MaxPool2d spec;

  /** By sample, step and window: place of the largest value in its frame. */
  private final int[] largest;

  private final int kept;
  private final Parallel parallel;

  /**
   * @param kept samples whose places are kept: all of a batch, or those of one call
   */
  public MaxPool(
      String name, PoolSpec.MaxPool2d spec, Signal in, Signal out, int kept, Parallel parallel) {
    super(name, in, out);
    this.spec = spec;
    this.kept = kept;
    this.parallel = parallel;
    largest = new int[Math.multiplyExact(kept * in.steps, out.frame.size())];
  }

  private int placesAt(int sample, int t) {
    return (sample % kept * in.steps + t) * out.frame.size();
  }

  @Override
  public void forward(int from, int to) {
    parallel.run(
        to - from,
        i -> {
          for (int t = 0; t < in.steps; t++) {
            forward(
                in.at(from + i) + t * in.frame.size(),
                out.at(from + i) + t * out.frame.size(),
                placesAt(from + i, t));
          }
        });
  }

  private void forward(int xAt, int yAt, int placeAt) {
    Signal.Frame map = in.frame;
    for (int oy = 0, o = 0; oy < out.frame.h(); oy++) {
      for (int ox = 0; ox < out.frame.w(); ox++) {
        for (int c = 0; c < map.c(); c++, o++) {
          int best = -1;
          for (int ky = 0; ky < spec.kernelSize().h(); ky++) {
            int y = oy * spec.stride().h() - spec.padding().h() + ky * spec.dilation().h();
            for (int kx = 0; kx < spec.kernelSize().w(); kx++) {
              int x = ox * spec.stride().w() - spec.padding().w() + kx * spec.dilation().w();
              if (y >= 0 && y < map.h() && x >= 0 && x < map.w()) {
                int n = (y * map.w() + x) * map.c() + c;
                best = best < 0 || in.data[xAt + n] > in.data[xAt + best] ? n : best;
              }
            }
          }
          largest[placeAt + o] = best;
          out.data[yAt + o] = in.data[xAt + best];
        }
      }
    }
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int outSize = out.frame.size();
    parallel.run(
        to - from,
        i -> {
          Arrays.fill(gIn.data, gIn.at(from + i), gIn.at(from + i + 1), 0);
          for (int t = 0; t < in.steps; t++) {
            int inAt = gIn.at(from + i) + t * in.frame.size();
            int outAt = gOut.at(from + i) + t * outSize;
            int placeAt = placesAt(from + i, t);
            for (int o = 0; o < outSize; o++) {
              gIn.data[inAt + largest[placeAt + o]] += gOut.data[outAt + o];
            }
          }
        });
  }
}
