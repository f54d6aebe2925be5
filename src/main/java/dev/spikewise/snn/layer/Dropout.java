package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.layer.DropoutSpec;
import java.util.SplittableRandom;

/**
 * During training, sets random values or whole channels of a sample to 0 at all time steps;
 * otherwise passes its input on.
 */
public final class Dropout extends UnaryLayer {

  private final double p;
  private final boolean channels;
  private final long salt;
  private final long[] seeds;
  private final float[] mask;
  private final Parallel parallel;

  /**
   * @param salt makes the random numbers of this layer independent of those of other layers
   * @param seeds seeds of the samples in the batch
   */
  public Dropout(
      String name,
      DropoutSpec spec,
      long salt,
      Signal in,
      Signal out,
      long[] seeds,
      Parallel parallel) {
    super(name, in, out);
    p = spec.p();
    channels = spec instanceof DropoutSpec.Dropout2d;
    this.salt = salt;
    this.seeds = seeds;
    this.parallel = parallel;
    mask = new float[Math.multiplyExact(seeds.length, in.frame.size())];
  }

  @Override
  public void forward(int from, int to) {
    parallel.run(
        to - from,
        i -> {
          if (training) {
            draw(from + i);
            multiply(from + i, in, out);
          } else {
            System.arraycopy(
                in.data, in.at(from + i), out.data, out.at(from + i), in.at(1) - in.at(0));
          }
        });
  }

  private void draw(int sample) {
    var random = new SplittableRandom(seeds[sample] ^ salt);
    int size = in.frame.size();
    int at = sample * size;
    int drawn = channels ? in.frame.c() : size;
    for (int i = 0; i < drawn; i++) {
      mask[at + i] = random.nextDouble() < p ? 0 : (float) (1 / (1 - p));
    }
    for (int i = drawn; i < size; i++) {
      mask[at + i] = mask[at + i - drawn];
    }
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    parallel.run(to - from, i -> multiply(from + i, gOut, gIn));
  }

  private void multiply(int sample, Signal x, Signal y) {
    int size = in.frame.size();
    for (int t = 0; t < in.steps; t++) {
      for (int i = 0; i < size; i++) {
        y.data[y.at(sample) + t * size + i] =
            x.data[x.at(sample) + t * size + i] * mask[sample * size + i];
      }
    }
  }
}
