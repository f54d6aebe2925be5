package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.NormSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * y = weight (x - mean) / sqrt(var + eps) + bias, with mean and variance of one part of one sample
 * at one time step: LayerNorm and GroupNorm. Backward, with g = weight dy and means over the part:
 * {@code dx = (g - mean(g) - xhat mean(g xhat)) / std}.
 */
public final class FrameNorm extends UnaryLayer {

  /** Number of values whose weight gradients are computed per task. */
  private static final int CHUNK = 256;

  private final double eps;
  private final boolean hasWeight;
  private final boolean hasBias;
  private final Parameter weight;
  private final Parameter bias;

  /** For each value of a frame, the part that it belongs to and the index of its weight. */
  private final int[] partOf;

  private final int[] weightOf;
  private final int parts;
  private final Parallel parallel;

  /**
   * @param shape shape of the input in PyTorch
   */
  public FrameNorm(
      String name, NormSpec.Frame spec, Shape shape, Signal in, Signal out, Parallel parallel) {
    super(name, in, out);
    this.parallel = parallel;
    eps = spec.eps();
    hasWeight = spec.hasWeight();
    hasBias = spec.hasBias();
    parts = spec.parts(shape);
    int size = shape.size();
    int partSize = size / parts;
    int perChannel = size / shape.dim(0);
    int[] torch = in.frame.torchOrder();
    partOf = new int[size];
    weightOf = new int[size];
    for (int i = 0; i < size; i++) {
      partOf[i] = torch[i] / partSize;
      weightOf[i] = spec.weightsByChannel() ? torch[i] / perChannel : torch[i] % partSize;
    }
    int[] dims = spec.weightShape(shape).dims().stream().mapToInt(d -> d).toArray();
    int[] order = Synapses.identity(spec.weightShape(shape).size());
    weight = new Parameter(name + ".weight", dims, order);
    weight.fill(1);
    bias = new Parameter(name + ".bias", dims, order);
  }

  @Override
  public List<Parameter> parameters() {
    var all = new ArrayList<Parameter>();
    if (hasWeight) {
      all.add(weight);
    }
    if (hasBias) {
      all.add(bias);
    }
    return all;
  }

  /** Means of all parts, followed by their standard deviations. */
  private double[] statistics(int xAt) {
    var all = new double[2 * parts];
    double n = (double) partOf.length / parts;
    for (int i = 0; i < partOf.length; i++) {
      all[partOf[i]] += in.data[xAt + i];
    }
    for (int p = 0; p < parts; p++) {
      all[p] /= n;
    }
    for (int i = 0; i < partOf.length; i++) {
      double away = in.data[xAt + i] - all[partOf[i]];
      all[parts + partOf[i]] += away * away;
    }
    for (int p = 0; p < parts; p++) {
      all[parts + p] = Math.sqrt(all[parts + p] / n + eps);
    }
    return all;
  }

  @Override
  public void forward(int from, int to) {
    int size = partOf.length;
    parallel.run(
        (to - from) * in.steps,
        f -> {
          int xAt = in.at(from) + f * size;
          int yAt = out.at(from) + f * size;
          double[] all = statistics(xAt);
          for (int i = 0; i < size; i++) {
            double xhat = (in.data[xAt + i] - all[partOf[i]]) / all[parts + partOf[i]];
            int w = weightOf[i];
            out.data[yAt + i] = (float) (weight.values()[w] * xhat + bias.values()[w]);
          }
        });
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int size = partOf.length;
    int frames = (to - from) * in.steps;
    var statistics = new double[frames][];
    parallel.run(
        frames,
        f -> {
          statistics[f] = statistics(in.at(from) + f * size);
          backward(
              in.at(from) + f * size,
              gOut,
              gOut.at(from) + f * size,
              gIn,
              gIn.at(from) + f * size,
              statistics[f]);
        });
    addParameterGradients(in.at(from), gOut, gOut.at(from), frames, statistics);
  }

  private void backward(int xAt, Signal gOut, int gyAt, Signal gIn, int gxAt, double[] all) {
    double n = (double) partOf.length / parts;
    var sums = new double[2 * parts];
    for (int i = 0; i < partOf.length; i++) {
      int p = partOf[i];
      double g = (double) weight.values()[weightOf[i]] * gOut.data[gyAt + i];
      sums[p] += g;
      sums[parts + p] += g * (in.data[xAt + i] - all[p]) / all[parts + p];
    }
    for (int i = 0; i < partOf.length; i++) {
      int p = partOf[i];
      double xhat = (in.data[xAt + i] - all[p]) / all[parts + p];
      double g = (double) weight.values()[weightOf[i]] * gOut.data[gyAt + i];
      gIn.data[gxAt + i] =
          (float) ((g - sums[p] / n - xhat * sums[parts + p] / n) / all[parts + p]);
    }
  }

  /**
   * Sums each value over all frames in order, so that the result does not depend on the number of
   * threads.
   */
  private void addParameterGradients(
      int xAt, Signal gOut, int gyAt, int frames, double[][] statistics) {
    int size = partOf.length;
    var gWeights = new double[size];
    var gBiases = new double[size];
    parallel.run(
        (size + CHUNK - 1) / CHUNK,
        task -> {
          for (int f = 0; f < frames; f++) {
            double[] all = statistics[f];
            for (int i = task * CHUNK; i < Math.min(size, (task + 1) * CHUNK); i++) {
              int p = partOf[i];
              double g = gOut.data[gyAt + f * size + i];
              gBiases[i] += g;
              gWeights[i] += g * (in.data[xAt + f * size + i] - all[p]) / all[parts + p];
            }
          }
        });
    var weightSums = new double[weight.values().length];
    var biasSums = new double[weightSums.length];
    for (int i = 0; i < size; i++) {
      weightSums[weightOf[i]] += gWeights[i];
      biasSums[weightOf[i]] += gBiases[i];
    }
    parameters().forEach(Parameter::reach);
    for (int w = 0; w < weightSums.length; w++) {
      weight.gradient()[w] += (float) weightSums[w];
      bias.gradient()[w] += (float) biasSums[w];
    }
  }
}
