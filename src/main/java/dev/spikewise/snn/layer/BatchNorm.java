package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.NormSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * y = weight (x - mean) / sqrt(var + eps) + bias for each channel. During training, mean and
 * variance are those of the batch, which must therefore be processed as one block; otherwise the
 * running estimates are used. Backward, with n values per channel: {@code dx = weight / std (dy -
 * mean(dy) - xhat mean(dy xhat))}.
 */
public final class BatchNorm extends UnaryLayer {

  private final NormSpec.Batch spec;
  private final Parameter weight;
  private final Parameter bias;
  private final Parameter runningMean;
  private final Parameter runningVar;
  private final Parameter batches;
  private final int channels;

  /** For each channel, its index in PyTorch's order, which differs for a flattened map. */
  private final int[] order;

  private final int timeSteps;
  private final double[] mean;
  private final double[] inverseStd;

  /** Sums per frame, which are then added in the order of the frames. */
  private final double[][] sums;

  private final TreeSum total;
  private final Parallel parallel;

  /**
   * @param shape PyTorch's, of the input
   */
  public BatchNorm(
      String name,
      NormSpec.Batch spec,
      Shape shape,
      Signal in,
      Signal out,
      int samples,
      int timeSteps,
      Parallel parallel) {
    super(name, in, out);
    this.spec = spec;
    this.timeSteps = timeSteps;
    this.parallel = parallel;
    channels = shape.dim(0);
    order = shape.rank() == 1 ? in.frame.torchOrder() : Synapses.identity(channels);
    weight = byChannel("weight", 1);
    bias = byChannel("bias", 0);
    runningMean = byChannel("running_mean", 0);
    runningVar = byChannel("running_var", 1);
    batches = new Parameter(name + ".num_batches_tracked", new int[0], new int[1]);
    total = new TreeSum(2 * channels);
    mean = new double[channels];
    inverseStd = new double[channels];
    sums = new double[samples * in.steps][2 * channels];
  }

  private Parameter byChannel(String which, float value) {
    var parameter = new Parameter(name + "." + which, new int[] {channels}, order);
    parameter.fill(value);
    return parameter;
  }

  @Override
  public List<Parameter> parameters() {
    var all = new ArrayList<Parameter>();
    if (spec.affine()) {
      all.add(weight);
    }
    if (spec.bias()) {
      all.add(bias);
    }
    return all;
  }

  @Override
  public List<Parameter> buffers() {
    return List.of(runningMean, runningVar, batches);
  }

  @Override
  public void forward(int from, int to) {
    int frames = (to - from) * in.steps;
    int xAt = in.at(from);
    int yAt = out.at(from);
    if (training) {
      estimate(xAt, frames);
    } else {
      for (int c = 0; c < channels; c++) {
        mean[c] = runningMean.values()[c];
        inverseStd[c] = 1 / Math.sqrt(runningVar.values()[c] + spec.eps());
      }
    }
    var scale = new float[channels];
    var shift = new float[channels];
    for (int c = 0; c < channels; c++) {
      scale[c] = (float) (weight.values()[c] * inverseStd[c]);
      shift[c] = (float) (bias.values()[c] - mean[c] * weight.values()[c] * inverseStd[c]);
    }
    int size = in.frame.size();
    parallel.run(
        frames,
        f -> {
          for (int i = f * size; i < (f + 1) * size; i += channels) {
            for (int c = 0; c < channels; c++) {
              out.data[yAt + i + c] = in.data[xAt + i + c] * scale[c] + shift[c];
            }
          }
        });
  }

  /** Computes the mean and variance of the batch and updates the running estimates. */
  private void estimate(int xAt, int frames) {
    double n = (double) chunks.samples() * in.steps * in.frame.size() / channels;
    double[] sum =
        sum(
            frames,
            (into, i) -> {
              for (int c = 0; c < channels; c++) {
                into[c] += in.data[xAt + i + c];
              }
            });
    for (int c = 0; c < channels; c++) {
      mean[c] = sum[c] / n;
    }
    double[] squares =
        sum(
            frames,
            (into, i) -> {
              for (int c = 0; c < channels; c++) {
                double away = in.data[xAt + i + c] - mean[c];
                into[c] += away * away;
              }
            });
    // A frame of a constant input stands for all time steps.
    double all = n * timeSteps / in.steps;
    double momentum = spec.momentum();
    for (int c = 0; c < channels; c++) {
      double variance = squares[c] / n;
      double unbiased = all > 1 ? variance * all / (all - 1) : variance;
      inverseStd[c] = 1 / Math.sqrt(variance + spec.eps());
      float[] means = runningMean.values();
      float[] variances = runningVar.values();
      means[c] = (float) ((1 - momentum) * means[c] + momentum * mean[c]);
      variances[c] = (float) ((1 - momentum) * variances[c] + momentum * unbiased);
    }
    batches.values()[0]++;
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int frames = (to - from) * in.steps;
    int xAt = in.at(from);
    int outAt = gOut.at(from);
    int inAt = gIn.at(from);
    double n = (double) chunks.samples() * in.steps * in.frame.size() / channels;
    double[] sum =
        sum(
            frames,
            (into, i) -> {
              for (int c = 0; c < channels; c++) {
                double g = gOut.data[outAt + i + c];
                into[c] += g;
                into[channels + c] += g * (in.data[xAt + i + c] - mean[c]) * inverseStd[c];
              }
            });
    parameters().forEach(Parameter::reach);
    for (int c = 0; c < channels; c++) {
      bias.gradient()[c] += (float) sum[c];
      weight.gradient()[c] += (float) sum[channels + c];
    }
    int size = in.frame.size();
    parallel.run(
        frames,
        f -> {
          for (int i = f * size; i < (f + 1) * size; i += channels) {
            for (int c = 0; c < channels; c++) {
              double xhat = (in.data[xAt + i + c] - mean[c]) * inverseStd[c];
              double g = gOut.data[outAt + i + c] - sum[c] / n - xhat * sum[channels + c] / n;
              gIn.data[inAt + i + c] = (float) (weight.values()[c] * inverseStd[c] * g);
            }
          }
        });
  }

  @Override
  public boolean endsChunks() {
    return true;
  }

  @Override
  public boolean looksAtWholeBatch() {
    return true;
  }

  private interface Addition {
    /** Adds the channels of the pixel at {@code i}. */
    void add(double[] into, int i);
  }

  private double[] sum(int frames, Addition addition) {
    int size = in.frame.size();
    parallel.run(
        frames,
        f -> {
          Arrays.fill(sums[f], 0);
          for (int i = f * size; i < (f + 1) * size; i += channels) {
            addition.add(sums[f], i);
          }
        });
    total.clear();
    for (int f = 0; f < frames; f++) {
      double[] sum = total.chunk();
      for (int i = 0; i < sum.length; i++) {
        sum[i] += sums[f][i];
      }
      if ((f + 1) % in.steps == 0 && chunks.isLast(f / in.steps)) {
        total.endChunk();
      }
    }
    ranks.complete(chunks.samples(), List.of(total));
    return total.total();
  }
}
