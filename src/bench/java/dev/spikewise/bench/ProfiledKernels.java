package dev.spikewise.bench;

import dev.spikewise.snn.kernel.AdamStep;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PoolShape;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that measure how long each direction of each layer of weights takes, once {@link #start}
 * is called. What runs in tasks (neurons, pools, Adam) is left to the time per layer.
 */
final class ProfiledKernels implements Kernels {

  private static final class Spent {
    long nanos;
    double products;
  }

  private final Kernels kernels;
  private final Map<String, Spent> spent = new LinkedHashMap<>();
  private int convs;
  private boolean on;

  ProfiledKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  void start() {
    on = true;
  }

  /** GFLOP/s are those of a dense layer, whatever was skipped. */
  void print(int steps) {
    System.out.printf("%-46s %10s %12s%n", "kernel", "ms", "GFLOP/s");
    spent.forEach(
        (name, s) ->
            System.out.printf(
                "%-46s %10.2f %12.0f%n", name, s.nanos / 1e6 / steps, 2 * s.products / s.nanos));
    System.out.println();
  }

  private void time(String name, double products, Runnable work) {
    if (!on) {
      work.run();
      return;
    }
    long start = System.nanoTime();
    work.run();
    Spent s = spent.computeIfAbsent(name, _ -> new Spent());
    s.nanos += System.nanoTime() - start;
    s.products += products;
  }

  @Override
  public String name() {
    return kernels.name();
  }

  @Override
  public Conv conv(ConvShape shape, int maxFrames) {
    Conv conv = kernels.conv(shape, maxFrames);
    double products = (double) shape.windows() * shape.taps() * shape.outC();
    String name =
        "%d: %dx%d %d->%d, %dx%d "
            .formatted(
                convs++,
                shape.inH(),
                shape.inW(),
                shape.inC(),
                shape.outC(),
                shape.kH(),
                shape.kW());
    return new Conv() {
      @Override
      public void forward(
          float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
        time(
            name + "forward",
            products * frames,
            () -> conv.forward(x, xAt, w, bias, y, yAt, frames));
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
        time(
            name + "input gradient",
            products * frames,
            () -> conv.inputGradient(gy, gyAt, w, gx, gxAt, frames, activeX, xAt));
      }

      @Override
      public void holdWeights(float[] w) {
        time(name + "pack", 0, () -> conv.holdWeights(w));
      }

      @Override
      public void releaseWeights() {
        conv.releaseWeights();
      }

      @Override
      public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
        time(
            name + "weight gradient",
            products * frames,
            () -> conv.weightGradient(x, xAt, gy, gyAt, gw, frames));
      }
    };
  }

  @Override
  public Parallel parallel() {
    return kernels.parallel();
  }

  @Override
  public void poolForward(PoolShape shape, float[] x, int xAt, float[] y, int yAt) {
    kernels.poolForward(shape, x, xAt, y, yAt);
  }

  @Override
  public void poolBackward(
      PoolShape shape, float[] gy, int gyAt, float[] y, int yAt, float[] gx, int gxAt) {
    kernels.poolBackward(shape, gy, gyAt, y, yAt, gx, gxAt);
  }

  @Override
  public double weightedSum(float[] x, int at, int channels, float[] weights) {
    return kernels.weightedSum(x, at, channels, weights);
  }

  @Override
  public void addWeights(float[] x, int at, int channels, float[] weights, float factor) {
    kernels.addWeights(x, at, channels, weights, factor);
  }

  @Override
  public boolean fuses(PoolShape shape) {
    return kernels.fuses(shape);
  }

  @Override
  public void neuronForward(Neuron neuron, NeuronRange range) {
    kernels.neuronForward(neuron, range);
  }

  @Override
  public void neuronOutput(Neuron neuron, NeuronRange range) {
    kernels.neuronOutput(neuron, range);
  }

  @Override
  public void neuronBackward(Neuron neuron, NeuronRange range) {
    kernels.neuronBackward(neuron, range);
  }

  @Override
  public void adam(
      AdamStep step,
      float[] values,
      float[] gradient,
      float[] first,
      float[] second,
      int from,
      int to) {
    kernels.adam(step, values, gradient, first, second, from, to);
  }

  @Override
  public void close() {
    kernels.close();
  }
}
