package dev.spikewise.snn.statistics;

import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.spec.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Results after each time step, and those of ending samples early, summed over batches. The sums
 * have the same bits for any number of threads and processes.
 */
public final class StepCounter {

  private final Executor network;
  private final List<Double> thresholds;
  private final boolean peaks;

  /** Whether samples have a label per time step, so that each step is predicted by itself. */
  private final boolean perStep;

  private final int steps;
  private final double[] synops;
  private final float[] outputs;

  /** Sums over the samples: three per time step, then {@code steps + 2} per threshold. */
  private final double[] sums;

  private long samples;

  /**
   * @param batchSize largest number of samples in a batch
   * @param peaks whether the score of a class is its largest output so far instead of the sum
   * @param labelsPerSample 1, or the number of time steps; each time step is then predicted from
   *     its own output, and no sample ends early
   */
  public StepCounter(
      Executor network,
      int batchSize,
      List<Double> thresholds,
      boolean peaks,
      int labelsPerSample) {
    this.network = network;
    perStep = labelsPerSample > 1;
    this.thresholds = perStep ? List.of() : thresholds;
    this.peaks = peaks;
    steps = network.timeSteps();
    synops = network.countSteps();
    outputs = new float[network.ranks().mostSamples(batchSize) * steps * network.outputs()];
    sums = new double[3 * steps + this.thresholds.size() * (steps + 2)];
  }

  /** Memory of one counter, in bytes. */
  public static long memory(int batchSize, int timeSteps, int outputs) {
    return (long) batchSize * timeSteps * (Double.BYTES + (long) Float.BYTES * outputs);
  }

  public void clear() {
    samples = 0;
    Arrays.fill(sums, 0);
  }

  /**
   * Adds the last batch of the network.
   *
   * @param batch number of samples in the whole batch
   * @param labels of the samples of this process
   */
  public void add(int batch, int[] labels) {
    samples += batch;
    var share = network.share(batch);
    network.stepOutput(share.size(), outputs);
    var tree = new TreeSum(sums.length);
    for (int b = 0; b < share.size(); b++) {
      add(b, labels, tree.chunk());
      if (share.isLast(b)) {
        tree.endChunk();
      }
    }
    network.ranks().complete(batch, List.of(tree));
    double[] total = tree.total();
    for (int i = 0; i < sums.length; i++) {
      sums[i] += total[i];
    }
  }

  private void add(int sample, int[] labels, double[] into) {
    int classes = network.outputs();
    var scores = new float[classes];
    var ended = new boolean[thresholds.size()];
    double spent = 0;
    for (int t = 0; t < steps; t++) {
      int row = (sample * steps + t) * classes;
      for (int c = 0; c < classes; c++) {
        float output = outputs[row + c];
        scores[c] =
            t == 0 || perStep ? output : peaks ? Math.max(scores[c], output) : scores[c] + output;
      }
      spent += synops[sample * steps + t];
      int predicted = Softmax.largest(scores, 0, classes);
      double confidence = 1 / Softmax.sum(scores, 0, classes, scores[predicted]);
      int correct = predicted == labels[perStep ? sample * steps + t : sample] ? 1 : 0;
      into[t] += correct;
      into[steps + t] += confidence;
      into[2 * steps + t] += spent;
      for (int k = 0; k < ended.length; k++) {
        if (!ended[k] && (confidence >= thresholds.get(k) || t == steps - 1)) {
          ended[k] = true;
          int at = exits(k);
          into[at + t]++;
          into[at + steps] += correct;
          into[at + steps + 1] += spent;
        }
      }
    }
  }

  private int exits(int threshold) {
    return 3 * steps + threshold * (steps + 2);
  }

  public Statistics.OverTime result() {
    var exits = new ArrayList<Statistics.Exit>();
    for (int k = 0; k < thresholds.size(); k++) {
      int at = exits(k);
      double time = IntStream.range(0, steps).mapToDouble(t -> (t + 1) * sums[at + t]).sum();
      exits.add(
          new Statistics.Exit(
              thresholds.get(k),
              sums[at + steps] / samples,
              time / samples,
              sums[at + steps + 1] / samples,
              IntStream.range(at, at + steps).mapToObj(i -> (long) sums[i]).toList()));
    }
    return new Statistics.OverTime(samples, means(0), means(1), means(2), exits);
  }

  private List<Double> means(int kind) {
    return IntStream.range(kind * steps, (kind + 1) * steps)
        .mapToObj(i -> sums[i] / samples)
        .toList();
  }
}
