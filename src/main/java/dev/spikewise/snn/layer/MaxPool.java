package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.layer.PoolSpec;

/**
 * Output y of a window is its largest input x, at each time step separately. The gradient goes to
 * the first such x in row-major order, as in PyTorch.
 */
public final class MaxPool extends UnaryLayer {

  private final PoolSpec.MaxPool2d spec;

  private final Winners winners;
  private final Parallel parallel;

  /**
   * @param kept number of samples whose indices are stored: all of a batch or those of one call
   */
  public MaxPool(
      String name, PoolSpec.MaxPool2d spec, Signal in, Signal out, int kept, Parallel parallel) {
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
          for (int t = 0; t < in.steps; t++) {
            forward(
                in.at(from + i) + t * in.frame.size(),
                out.at(from + i) + t * out.frame.size(),
                winners.at(from + i, t));
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
          winners.set(placeAt + o, best);
          out.data[yAt + o] = in.data[xAt + best];
        }
      }
    }
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    winners.backward(from, to, gOut, gIn, parallel);
  }
}
