package dev.spikewise.snn;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.layer.Network;
import dev.spikewise.snn.synops.Counter;
import dev.spikewise.snn.synops.NeuroBench;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import org.jspecify.annotations.Nullable;

/** One forward pass and its statistics: sinabs' SNNAnalyzer. */
public final class Analyzer {

  private Analyzer() {}

  /**
   * @param weights drawn from the seed if null
   * @param dataset the data set that {@code input} names, null for other inputs; its first training
   *     samples make the batch
   * @param dt length of a time step in seconds, if it has one
   * @throws dev.spikewise.spec.InvalidSpecException where model, weights and data set do not fit
   *     together
   */
  public static Analysis analyze(
      ModelSpec model,
      @Nullable StateDict weights,
      InputSpec input,
      @Nullable Dataset dataset,
      int batchSize,
      int timeSteps,
      @Nullable Double dt,
      long seed,
      Engine engine) {
    var feed = new Feed(input, dataset, model, batchSize, timeSteps, seed);
    var network =
        new Network(model, batchSize, timeSteps, Feed.constant(input), engine.kernelsInUse());
    if (weights == null) {
      network.draw(seed);
    } else {
      network.load(weights);
    }
    var counter = new Counter(network, dt);
    network.measure(true);
    int samples = Math.min(batchSize, feed.trainSize());
    forward(network, feed, counter, samples, batchSize);
    return Analysis.of(counter, model).with(NeuroBench.cost(network, samples));
  }

  /** Sends the first {@code samples} training samples through and counts. */
  static void forward(Network network, Feed feed, Counter counter, int samples, int batchSize) {
    int[] order = network.inputOrder();
    int[] indices = feed.trainSamples();
    for (int from = 0; from < samples; from += batchSize) {
      int batch = Math.min(batchSize, samples - from);
      network.reset();
      for (int b = 0; b < batch; b++) {
        feed.encode(0, indices[from + b], order, network.input(), b * network.inputSize());
      }
      network.forward(batch);
      counter.add(batch);
    }
  }
}
