package dev.spikewise.snn.loss;

import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.statistics.Softmax;
import dev.spikewise.spec.LossTerm;
import java.util.Arrays;
import java.util.List;

/** Loss terms of the output at each time step, and their gradients. */
final class StepLoss {

  private final Executor network;

  /** Output at each time step: [samples, T, outputs]. */
  private final float[] outputs;

  private final float[] gradient;

  StepLoss(Executor network, int batchSize) {
    this.network = network;
    outputs = new float[batchSize * network.timeSteps() * network.outputs()];
    gradient = new float[outputs.length];
  }

  /** Reads the output of the last batch of {@code here} samples. */
  void read(int here) {
    network.stepOutput(here, outputs);
  }

  float[] outputs() {
    return outputs;
  }

  float[] gradient() {
    return gradient;
  }

  void clear() {
    Arrays.fill(gradient, 0);
  }

  private interface Row {
    /** Adds the gradient of one output vector and returns its loss. */
    double add(int at, int label);
  }

  /** Label of a time step, from one label per sample or one per time step. */
  static int label(int[] labels, boolean perStep, int steps, int sample, int step) {
    return labels[perStep ? sample * steps + step : sample];
  }

  /** Sum over the samples and time steps of the whole batch. */
  private double sum(int samples, int[] labels, boolean perStep, Row row) {
    int steps = network.timeSteps();
    int classes = network.outputs();
    var chunks = network.share(samples);
    var loss = new TreeSum(1);
    for (int b = 0; b < chunks.size(); b++) {
      for (int t = 0; t < steps; t++) {
        loss.add(row.add((b * steps + t) * classes, label(labels, perStep, steps, b, t)));
      }
      if (chunks.isLast(b)) {
        loss.endChunk();
      }
    }
    network.ranks().complete(samples, List.of(loss));
    return loss.value();
  }

  /** TET: (1 - lambda) times the mean cross entropy plus lambda times the mean squared distance. */
  double crossEntropy(LossTerm.StepCrossEntropy term, int samples, int[] labels, boolean perStep) {
    int classes = network.outputs();
    double rows = (double) samples * network.timeSteps();
    double lambda = term.lambda();
    double smoothing = term.labelSmoothing() == null ? 0 : term.labelSmoothing();
    double sum =
        sum(
            samples,
            labels,
            perStep,
            (at, label) -> {
              double top = outputs[at + Softmax.largest(outputs, at, classes)];
              double all = Softmax.sum(outputs, at, classes, top);
              double logAll = Math.log(all) + top;
              double entropy = 0;
              double distance = 0;
              for (int c = 0; c < classes; c++) {
                double output = outputs[at + c];
                double wanted = (c == label ? 1 - smoothing : 0) + smoothing / classes;
                entropy += wanted * (logAll - output);
                double error = output - term.mean();
                distance += error * error;
                double slope =
                    (1 - lambda) * (Math.exp(output - top) / all - wanted)
                        + lambda * 2 * error / classes;
                gradient[at + c] += (float) (term.weight() * slope / rows);
              }
              return (1 - lambda) * entropy + lambda * distance / classes;
            });
    return sum / rows;
  }

  /** Mean squared distance of the potentials from their targets. */
  double mse(LossTerm.MseMembrane term, int samples, int[] labels, boolean perStep) {
    int classes = network.outputs();
    double values = (double) samples * network.timeSteps() * classes;
    double sum =
        sum(
            samples,
            labels,
            perStep,
            (at, label) -> {
              double distance = 0;
              for (int c = 0; c < classes; c++) {
                double error = outputs[at + c] - (c == label ? term.onTarget() : term.offTarget());
                distance += error * error;
                gradient[at + c] += (float) (term.weight() * 2 * error / values);
              }
              return distance;
            });
    return sum / values;
  }
}
