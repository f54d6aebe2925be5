package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.statistics.NeuroBench;
import dev.spikewise.snn.statistics.Softmax;
import dev.spikewise.snn.statistics.StepCounter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.AnalysedSamples;
import dev.spikewise.spec.EarlyExit;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Runs a forward pass and computes its statistics, as sinabs' SNNAnalyzer does. */
public final class Analyzer {

  private Analyzer() {}

  /**
   * The batch of samples of an analysis.
   *
   * @param dataset data set that {@code input} refers to, whose first samples form the batch; null
   *     for other inputs
   * @param batchSize maximum number of samples
   * @param dt length of a time step in seconds, if it has one
   * @param seed seed of random input, and of weights that are not given
   * @param samples which samples of the data set
   * @param earlyExit confidences at which samples end early
   */
  public record Batch(
      InputSpec input,
      @Nullable Dataset dataset,
      int batchSize,
      int timeSteps,
      @Nullable Double dt,
      long seed,
      AnalysedSamples samples,
      EarlyExit earlyExit) {

    /** A batch of training samples, with the default thresholds of early exit. */
    public Batch(
        InputSpec input,
        @Nullable Dataset dataset,
        int batchSize,
        int timeSteps,
        @Nullable Double dt,
        long seed) {
      this(
          input,
          dataset,
          batchSize,
          timeSteps,
          dt,
          seed,
          AnalysedSamples.TRAINING,
          EarlyExit.DEFAULT);
    }
  }

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
    int[] chosen =
        batch.samples() == AnalysedSamples.TEST ? feed.testSamples() : feed.trainSamples();
    if (chosen.length == 0) {
      throw new InvalidSpecException(
          "/samples",
          "must be training because the input has no test samples: give it a test_fraction");
    }
    int[] samples = Arrays.copyOf(chosen, Math.min(batchSize, chosen.length));
    var steps =
        feed.labelled()
            ? new StepCounter(
                network, batchSize, batch.earlyExit().thresholds(), false, feed.labelsPerSample())
            : null;
    forward(network, feed, counter, samples, batchSize, engine.goOn());
    if (steps != null) {
      int perSample = feed.labelsPerSample();
      var labels = new int[samples.length * perSample];
      Arrays.setAll(labels, i -> feed.label(samples[i / perSample], i % perSample));
      steps.add(samples.length, labels);
    }
    var overTime = steps == null ? null : steps.result();
    return Analysis.of(counter, model)
        .with(
            NeuroBench.cost(network, samples.length),
            overTime == null
                ? null
                : (Double)
                    (feed.labelsPerSample() > 1
                        ? mean(overTime.accuracy())
                        : accuracy(network, feed, samples)))
        .with(overTime)
        .withWarnings(InputWarnings.of(input, dataset));
  }

  /** Memory that {@link #analyze} needs in addition to weights and data set, in bytes. */
  public static long estimateMemory(
      ModelSpec model, InputSpec input, int batchSize, int timeSteps) {
    long steps =
        input instanceof InputSpec.FromDataset
            ? StepCounter.memory(batchSize, timeSteps, model.graph().output().shape().size())
            : 0;
    return steps
        + Plan.estimateMemory(model, batchSize, timeSteps, Feed.constant(input), Purpose.MEASURING);
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

  /**
   * Records the spikes of one sample.
   *
   * @param batch input; its batch size is not used
   * @param sample index of the sample in its data set, among the training and test samples; null
   *     for the smallest index of a test sample, or of a training sample without test samples
   * @throws dev.spikewise.problem.InvalidSpecException when model, weights and data set do not fit
   *     each other
   * @throws ProblemException when there is no such sample
   */
  public static Raster raster(
      ModelSpec model,
      @Nullable StateDict weights,
      Batch batch,
      @Nullable Integer sample,
      Engine engine) {
    InputSpec input = batch.input();
    int timeSteps = batch.timeSteps();
    if (input instanceof InputSpec.FromDataset from && batch.dataset() != null) {
      new DataCheck(from, batch.dataset(), model, 1, timeSteps).require(new Mistakes());
    }
    var feed = new Feed(input, batch.dataset(), model, 1, timeSteps, batch.seed());
    int[] tests = feed.testSamples();
    int chosen =
        sample != null
            ? sample
            : IntStream.of(tests.length > 0 ? tests : feed.trainSamples()).min().orElseThrow();
    boolean test = IntStream.of(tests).anyMatch(s -> s == chosen);
    if (!test && IntStream.of(feed.trainSamples()).noneMatch(s -> s == chosen)) {
      throw ProblemException.notFound("sample", Integer.toString(chosen));
    }
    var network = engine.executor(model, 1, timeSteps, Feed.constant(input), Purpose.MEASURING);
    if (weights == null) {
      network.draw(batch.seed());
    } else {
      network.load(weights);
    }
    network.reset();
    // A test sample is encoded as in the evaluation after each epoch.
    feed.encode(test ? Feed.TEST_EPOCH : 0, chosen, network.inputOrder(), network.input(), 0);
    network.forward(1, engine.goOn());
    var shapes = new HashMap<String, Shape>();
    model.graph().layers().forEach(layer -> shapes.put(layer.name(), layer.shape()));
    var layers = new LinkedHashMap<String, Tensor>();
    for (SpikeCount neurons : network.counts().neurons()) {
      if (neurons.spikes()) {
        var dims = new ArrayList<>(List.of(timeSteps));
        dims.addAll(Objects.requireNonNull(shapes.get(neurons.name())).dims());
        layers.put(
            neurons.name(),
            new Tensor(
                dims.stream().mapToInt(Integer::intValue).toArray(),
                inTorchOrder(neurons.firstRaster(), neurons.torchOrder())));
      }
    }
    var scores = new float[network.outputs()];
    network.sumOutput(1, scores);
    return new Raster(
        chosen,
        feed.labelled() && feed.labelsPerSample() == 1 ? feed.label(chosen) : null,
        Softmax.largest(scores, 0, scores.length),
        layers);
  }

  private static float[] inTorchOrder(float[] spikes, int[] order) {
    var ordered = new float[spikes.length];
    for (int from = 0; from < spikes.length; from += order.length) {
      for (int n = 0; n < order.length; n++) {
        ordered[from + order[n]] = spikes[from + n];
      }
    }
    return ordered;
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(value -> value).average().orElseThrow();
  }

  private static double accuracy(Executor network, Feed feed, int[] samples) {
    int classes = network.outputs();
    var scores = new float[samples.length * classes];
    network.sumOutput(samples.length, scores);
    int correct = 0;
    for (int s = 0; s < samples.length; s++) {
      correct += Softmax.largest(scores, s * classes, classes) == feed.label(samples[s]) ? 1 : 0;
    }
    return (double) correct / samples.length;
  }

  /** Runs the forward pass over samples and counts. */
  static void forward(
      Executor network, Feed feed, Counter counter, int[] samples, int batchSize, Runnable goOn) {
    int[] order = network.inputOrder();
    for (int from = 0; from < samples.length; from += batchSize) {
      int batch = Math.min(batchSize, samples.length - from);
      network.reset();
      var share = network.share(batch);
      for (int b = 0; b < share.size(); b++) {
        int sample = samples[from + share.first() + b];
        feed.encode(0, sample, order, network.input(), b * network.inputSize());
      }
      network.forward(batch, goOn);
      counter.add(batch);
    }
    counter.complete();
  }
}
