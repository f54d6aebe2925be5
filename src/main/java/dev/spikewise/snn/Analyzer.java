package dev.spikewise.snn;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.statistics.NeuroBench;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.Statistics;
import org.jspecify.annotations.Nullable;

/** Runs a forward pass and computes its statistics, as sinabs' SNNAnalyzer does. */
public final class Analyzer {

  private Analyzer() {}

  /**
   * The batch of samples of an analysis.
   *
   * @param dataset data set that {@code input} refers to, whose first training samples form the
   *     batch; null for other inputs
   * @param batchSize maximum number of samples
   * @param dt length of a time step in seconds, if it has one
   * @param seed seed of random input, and of weights that are not given
   */
  public record Batch(
      InputSpec input,
      @Nullable Dataset dataset,
      int batchSize,
      int timeSteps,
      @Nullable Double dt,
      long seed) {}

  /**
   * Computes the statistics of the batch.
   *
   * @param weights weights; drawn from the seed when null
   * @throws dev.spikewise.problem.InvalidSpecException when model, weights and data set do not fit
   *     each other
   */
  public static Analysis analyze(
      ModelSpec model, @Nullable StateDict weights, Batch batch, Engine engine) {
    InputSpec input = batch.input();
    Dataset dataset = batch.dataset();
    int batchSize = batch.batchSize();
    int timeSteps = batch.timeSteps();
    if (input instanceof InputSpec.FromDataset from && dataset != null) {
      new DataCheck(from, dataset, model, batchSize, timeSteps).require(new Mistakes());
    }
    var feed = new Feed(input, dataset, model, batchSize, timeSteps, batch.seed());
    var network =
        engine.executor(model, batchSize, timeSteps, Feed.constant(input), Purpose.MEASURING);
    if (weights == null) {
      network.draw(batch.seed());
    } else {
      network.load(weights);
    }
    var counter = new Counter(network, batch.dt());
    int samples = Math.min(batchSize, feed.trainSize());
    forward(network, feed, counter, samples, batchSize, engine.goOn());
    return Analysis.of(counter, model)
        .with(NeuroBench.cost(network, samples), accuracy(network, feed, samples))
        .withWarnings(InputWarnings.of(input, dataset));
  }

  /** Memory that {@link #analyze} needs in addition to weights and data set, in bytes. */
  public static long estimateMemory(
      ModelSpec model, InputSpec input, int batchSize, int timeSteps) {
    return Plan.estimateMemory(
        model, batchSize, timeSteps, Feed.constant(input), Purpose.MEASURING);
  }

  /**
   * Computes the statistics of the quantised network.
   *
   * @throws dev.spikewise.problem.InvalidSpecException naming the layer that cannot be quantised
   */
  public static Statistics.Quantized quantized(
      ModelSpec model, @Nullable StateDict weights, Quantization how, Batch batch, Engine engine) {
    var network = engine.executor(model, 1, 1, true, Purpose.TRAINING);
    network.draw(batch.seed());
    var quantized =
        Quantizer.quantize(
            new TrainedModel(model, weights == null ? network.stateDict() : weights), how);
    return new Statistics.Quantized(
        quantized.scales(),
        analyze(quantized.model().spec(), quantized.model().weights(), batch, engine).statistics());
  }

  private static @Nullable Double accuracy(Executor network, Feed feed, int samples) {
    if (!feed.labelled()) {
      return null;
    }
    int classes = network.outputs();
    var scores = new float[samples * classes];
    network.sumOutput(samples, scores);
    int correct = 0;
    for (int s = 0; s < samples; s++) {
      correct +=
          largest(scores, s * classes, classes) == feed.label(feed.trainSamples()[s]) ? 1 : 0;
    }
    return (double) correct / samples;
  }

  /** Index of the first maximum of {@code n} scores starting at {@code at}. */
  static int largest(float[] scores, int at, int n) {
    int best = 0;
    for (int c = 1; c < n; c++) {
      if (scores[at + c] > scores[at + best]) {
        best = c;
      }
    }
    return best;
  }

  /** Runs the forward pass over the first {@code samples} training samples and counts. */
  static void forward(
      Executor network, Feed feed, Counter counter, int samples, int batchSize, Runnable goOn) {
    int[] order = network.inputOrder();
    int[] indices = feed.trainSamples();
    for (int from = 0; from < samples; from += batchSize) {
      int batch = Math.min(batchSize, samples - from);
      network.reset();
      var share = network.share(batch);
      for (int b = 0; b < share.size(); b++) {
        int sample = indices[from + share.first() + b];
        feed.encode(0, sample, order, network.input(), b * network.inputSize());
      }
      network.forward(batch, goOn);
      counter.add(batch);
    }
    counter.complete();
  }
}
