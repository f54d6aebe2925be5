package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.spec.layer.RectifierSpec;
import java.util.List;
import java.util.SplittableRandom;

/**
 * y = max(x, 0), rounded to whole spikes for NeuromorphicReLU. The backward pass ignores rounding:
 * dx = dy where x &gt; 0.
 */
public final class Rectifier extends UnaryLayer implements Activity {

  private enum Rounding {
    NONE,
    DOWN,
    STOCHASTIC
  }

  private final Rounding rounding;
  private final double fanOut;
  private final long salt;
  private final long[] seeds;
  private final int timeSteps;
  private final double[] sums;
  private final Parallel parallel;

  /** By kept sample: one bit for each value, set where the input was above 0. */
  private final long[] positive;

  private final int wordsPerSample;
  private final int kept;
  private final TreeSum activity = new TreeSum(1);

  /**
   * @param salt makes the random numbers of this layer independent of those of other layers
   * @param seeds seeds of the samples in the batch
   */
  public Rectifier(
      String name,
      RectifierSpec spec,
      long salt,
      Signal in,
      Signal out,
      long[] seeds,
      Extent extent,
      Parallel parallel) {
    super(name, in, out);
    switch (spec) {
      case RectifierSpec.ReLU _ -> {
        rounding = Rounding.NONE;
        fanOut = 1;
      }
      case RectifierSpec.NeuromorphicReLU n -> {
        rounding =
            !n.quantize()
                ? Rounding.NONE
                : n.stochasticRounding() ? Rounding.STOCHASTIC : Rounding.DOWN;
        fanOut = n.fanout();
      }
    }
    this.salt = salt;
    this.seeds = seeds;
    timeSteps = extent.timeSteps();
    kept = extent.kept();
    wordsPerSample = Math.ceilDiv(in.steps * in.frame.size(), Long.SIZE);
    positive = new long[Math.multiplyExact(kept, wordsPerSample)];
    this.parallel = parallel;
    sums = new double[seeds.length];
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public double activity() {
    return activity.value();
  }

  @Override
  public List<TreeSum> sums() {
    return List.of(activity);
  }

  @Override
  public void reset() {
    activity.clear();
  }

  @Override
  public void forward(int from, int to) {
    int n = in.steps * in.frame.size();
    parallel.run(to - from, i -> sums[i] = rectify(from + i, n));
    if (again) {
      return;
    }
    for (int i = 0; i < to - from; i++) {
      activity.add(fanOut * sums[i] * timeSteps / in.steps);
      if (chunks.isLast(from + i)) {
        activity.endChunk();
      }
    }
  }

  private double rectify(int sample, int n) {
    float[] x = in.data;
    float[] y = out.data;
    int xAt = in.at(sample);
    int yAt = out.at(sample);
    switch (rounding) {
      case NONE -> {
        for (int i = 0; i < n; i++) {
          y[yAt + i] = Math.max(x[xAt + i], 0);
        }
      }
      case DOWN -> {
        for (int i = 0; i < n; i++) {
          y[yAt + i] = (float) Math.floor(Math.max(x[xAt + i], 0));
        }
      }
      case STOCHASTIC -> {
        var random = new SplittableRandom(seeds[sample] ^ salt);
        for (int i = 0; i < n; i++) {
          float value = Math.max(x[xAt + i], 0);
          double down = Math.floor(value);
          y[yAt + i] =
              (float)
                  (training
                      ? random.nextDouble() < value - down ? down + 1 : down
                      : Math.rint(value));
        }
      }
    }
    markPositive(x, xAt, n, sample % kept * wordsPerSample);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += y[yAt + i];
    }
    return sum;
  }

  private void markPositive(float[] x, int xAt, int n, int word) {
    for (int first = 0; first < n; first += Long.SIZE, word++) {
      int bits = Math.min(Long.SIZE, n - first);
      long marks = 0;
      for (int i = 0; i < bits; i++) {
        marks |= x[xAt + first + i] > 0 ? 1L << i : 0;
      }
      positive[word] = marks;
    }
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int n = in.steps * in.frame.size();
    parallel.run(
        to - from,
        s -> {
          int word = (from + s) % kept * wordsPerSample;
          int outAt = gOut.at(from + s);
          int inAt = gIn.at(from + s);
          for (int i = 0; i < n; i++) {
            boolean open = (positive[word + i / Long.SIZE] >>> i & 1) != 0;
            gIn.data[inAt + i] = open ? gOut.data[outAt + i] : 0;
          }
        });
  }
}
