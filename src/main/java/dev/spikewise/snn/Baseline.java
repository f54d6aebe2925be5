package dev.spikewise.snn;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.loss.Loss;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of the untrained network on the input of its training, to which {@code
 * baseline_multiple} targets refer. Measured once per training, with bit-identical results on every
 * machine with the same kernels.
 *
 * @param statistics statistics over at most {@value Trainer#BASELINE_SAMPLES} training samples
 * @param targetSynops target of the first synops term, in synops per sample; null without one
 */
public record Baseline(Statistics statistics, @Nullable Double targetSynops) {

  /** Keeps activations of one block of samples only, and counts only what training counts. */
  private static final Purpose PURPOSE = Purpose.CHECKPOINTED_TRAINING;

  /**
   * @param weights weights; drawn from the seed when null
   * @param dataset data set that {@code spec.input()} refers to; null for other inputs
   */
  public static Baseline measure(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      Engine engine) {
    int batchSize = spec.batchSize();
    var feed = new Feed(spec.input(), dataset, model, batchSize, spec.timeSteps(), spec.seed());
    var network =
        engine.executor(model, batchSize, spec.timeSteps(), Feed.constant(spec.input()), PURPOSE);
    if (weights == null) {
      network.draw(spec.seed());
    } else {
      network.load(weights);
    }
    var statistics =
        measure(network, feed, new Counter(network, spec.dt()), batchSize, engine)
            .withWarnings(InputWarnings.of(spec.input(), dataset));
    var loss = new Loss(spec.loss(), network, batchSize, spec.dt(), synopsByLayer(statistics));
    return new Baseline(statistics, targetSynops(spec, loss));
  }

  static Statistics measure(
      Executor network, Feed feed, Counter counter, int batchSize, Engine engine) {
    int[] all = feed.trainSamples();
    int[] samples = Arrays.copyOf(all, Math.min(all.length, Trainer.BASELINE_SAMPLES));
    Analyzer.forward(network, feed, counter, samples, batchSize, engine.goOn());
    return counter.statistics();
  }

  /** Memory that {@link #measure} needs in addition to the data set, in bytes. */
  public static long estimateMemory(TrainingSpec spec, ModelSpec model) {
    return Plan.estimateMemory(
        model, spec.batchSize(), spec.timeSteps(), Feed.constant(spec.input()), PURPOSE);
  }

  /** Maximum number of samples that {@link #measure} uses. */
  public static int samples(TrainingSpec spec, @Nullable Dataset dataset) {
    return dataset == null ? spec.batchSize() : Math.min(dataset.size(), Trainer.BASELINE_SAMPLES);
  }

  static Map<String, Double> synopsByLayer(Statistics statistics) {
    var byLayer = new LinkedHashMap<String, Double>();
    statistics.parameter().forEach((name, layer) -> byLayer.put(name, layer.synops()));
    return byLayer;
  }

  static @Nullable Double targetSynops(TrainingSpec spec, Loss loss) {
    for (LossTerm term : spec.loss()) {
      if (term instanceof LossTerm.Synops synops) {
        return loss.targetPerSample(synops);
      }
    }
    return null;
  }
}
