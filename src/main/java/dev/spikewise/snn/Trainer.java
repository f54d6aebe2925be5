package dev.spikewise.snn;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.loss.Loss;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.optim.GradientClip;
import dev.spikewise.snn.optim.PlateauDetector;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.statistics.Softmax;
import dev.spikewise.snn.statistics.StepCounter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.spec.EarlyExit;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.LrScheduler;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.OptimizerSpec;
import dev.spikewise.spec.Quantization;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Trains one network according to a {@link TrainingSpec}. */
public final class Trainer {

  /** The baseline is measured on at most this many training samples. */
  static final int BASELINE_SAMPLES = 1024;

  /** How a training ended. */
  public enum Outcome {
    /** All requested epochs are completed. */
    COMPLETED,
    /** The listener stopped the training. */
    STOPPED,
    /**
     * The synops met their target for the number of epochs that {@code early_stopping} requires.
     */
    TARGET_MET,
    /** The metric did not improve for the number of epochs that {@code early_stopping} allows. */
    NO_IMPROVEMENT,
    /** The loss, a weight or a metric is no longer a finite number. */
    DIVERGED,
    /** No neuron fires and no gradient can change that. */
    NETWORK_SILENT
  }

  private final TrainingSpec spec;
  private final Feed feed;
  private final Engine engine;
  private final Parallel parallel;
  private final Statistics baseline;
  private final Map<String, Double> synopsBefore;
  private final EarlyStop earlyStop;
  private final PlateauDetector plateau;
  private final BestWeights best;
  private final ChannelPruner pruner;
  private final @Nullable Teacher teacher;
  private final int[] labels;
  private int epoch;

  /** The current network, which becomes smaller when channels are removed. */
  private ModelSpec model;

  private Executor network;
  private Loss loss;
  private Counter counter;
  private Counter complete;

  /** Network of {@link #complete}. */
  private ModelSpec completeModel;

  /** Predictions of the test samples after the latest completed epoch. */
  private @Nullable Predictions predictions;

  /** Results over time of the test samples after the latest completed epoch. */
  private Statistics.@Nullable OverTime overTime;

  private Counter testCounter;

  /** Null without test samples. */
  private @Nullable StepCounter stepCounter;

  /** Where processes agree on whether they go on. */
  private Runnable beforeBatch = () -> {};

  /**
   * Builds the network, draws what weights are not given from the seed, and measures the baseline.
   *
   * @param model the definition that {@code spec.model()} stands for
   * @param weights initial weights; drawn from the seed if null
   * @param dataset the data set that {@code spec.input()} names, null for other inputs
   * @throws dev.spikewise.problem.InvalidSpecException where {@link #check} finds a mistake, or a
   *     target is a multiple of a baseline that is 0 or not finite
   */
  public Trainer(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      Engine engine) {
    this(spec, model, weights, dataset, null, null, engine);
  }

  /**
   * The same with a baseline that was measured before, by {@link Baseline} or by an earlier trainer
   * of the same training; measured now if null.
   */
  public Trainer(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      @Nullable Statistics baseline,
      Engine engine) {
    this(spec, model, weights, dataset, baseline, null, engine);
  }

  /**
   * The same with the teacher of a loss term of type distillation.
   *
   * @param teacher null without such a term
   */
  public Trainer(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      @Nullable Statistics baseline,
      @Nullable TrainedModel teacher,
      Engine engine) {
    this.spec = spec;
    this.model = model;
    completeModel = model;
    int batchSize = spec.batchSize();
    this.engine = engine;
    parallel = engine.parallel();
    feed = new Feed(spec.input(), dataset, model, batchSize, spec.timeSteps(), spec.seed());
    this.teacher = Teacher.of(spec, teacher, feed, engine);
    network = network(model);
    if (weights == null) {
      network.draw(spec.seed());
    } else {
      network.load(weights);
    }
    network.optimize(spec.optimizer(), new GradientClip(spec.clipGradNorm(), spec.clipGradValue()));
    counter = new Counter(network, spec.dt());
    testCounter = new Counter(network, spec.dt());
    this.baseline =
        baseline == null
            ? Baseline.measure(network, feed, counter, batchSize, engine)
                .withWarnings(InputWarnings.of(spec.input(), dataset))
            : baseline;
    complete = new Counter(network, spec.dt());
    synopsBefore = Baseline.synopsByLayer(this.baseline);
    var mistakes = new Mistakes();
    SpecCheck.checkBaseline(spec.loss(), synopsBefore, mistakes);
    mistakes.throwIfAny();
    loss = loss(network);
    stepCounter = stepCounter(spec, feed, network, loss);
    earlyStop = new EarlyStop(spec, targetSynops());
    plateau = new PlateauDetector(spec.lrScheduler());
    best = new BestWeights(spec, targetSynops());
    pruner = new ChannelPruner(spec, model, targetSynops());
    labels = new int[engine.ranks().mostSamples(batchSize) * feed.labelsPerSample()];
  }

  /**
   * Reports mistakes in the combination of spec, model and data: shapes, labels, layer names and
   * weights.
   */
  public static void check(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      Mistakes mistakes) {
    new SpecCheck(spec, model, weights, dataset, mistakes).run();
  }

  /**
   * Reports a teacher that cannot teach this network.
   *
   * @param trained whether it has weights
   */
  public static void checkTeacher(
      TrainingSpec spec, ModelSpec model, ModelSpec teacher, boolean trained, Mistakes mistakes) {
    new SpecCheck(spec, model, null, null, mistakes).checkTeacher(teacher, trained);
  }

  /** Memory of a teacher during a training, in bytes. */
  public static long estimateTeacher(TrainingSpec spec, ModelSpec teacher) {
    return Plan.estimateMemory(
        teacher,
        spec.batchSize(),
        spec.timeSteps(),
        Feed.constant(spec.input()),
        Purpose.MEASURING);
  }

  /**
   * Whether {@link #checkTargets} can find a mistake, so that the baseline has to be measured
   * before the training is accepted.
   */
  public static boolean hasTargetToCheck(TrainingSpec spec) {
    return SpecCheck.hasTargetToCheck(spec);
  }

  /**
   * Reports every synops target below what the raw input alone causes in the first layer.
   *
   * @param baseline statistics of the untrained network
   */
  public static void checkTargets(
      TrainingSpec spec, ModelSpec model, Statistics baseline, Mistakes mistakes) {
    new SpecCheck(spec, model, null, null, mistakes).checkTargets(baseline);
  }

  /** Training memory in addition to the data set (weights, optimiser and activations), in bytes. */
  public static long estimateMemory(TrainingSpec spec, ModelSpec model) {
    return estimateMemory(spec, model, spec.activationCheckpointing());
  }

  /** The same, were its activations checkpointed or not. */
  public static long estimateMemory(
      TrainingSpec spec, ModelSpec model, boolean activationCheckpointing) {
    // A smaller network is built while the one before is still there.
    int networks = spec.quantize() == null && spec.pruneChannels() == null ? 1 : 2;
    long network =
        Plan.estimateMemory(
            model,
            spec.batchSize(),
            spec.timeSteps(),
            Feed.constant(spec.input()),
            purpose(activationCheckpointing));
    return networks * (network + stepMemory(spec, model))
        + copies(spec) * Float.BYTES * parameters(model);
  }

  private static @Nullable StepCounter stepCounter(
      TrainingSpec spec, Feed feed, Executor network, Loss loss) {
    return feed.testSize() == 0
        ? null
        : new StepCounter(
            network,
            spec.batchSize(),
            earlyExit(spec).thresholds(),
            loss.scoresPeaks(),
            feed.labelsPerSample());
  }

  /** Goes on with another network, with an optimiser in its initial state. */
  private void change(TrainedModel to) {
    model = to.spec();
    network = network(model);
    network.load(to.weights());
    network.optimize(spec.optimizer(), new GradientClip(spec.clipGradNorm(), spec.clipGradValue()));
    counter = new Counter(network, spec.dt());
    testCounter = new Counter(network, spec.dt());
    loss = loss(network);
    stepCounter = stepCounter(spec, feed, network, loss);
  }

  /** Removes the channels of the next epoch. */
  private void removeChannels() {
    if (!pruner.isActive()) {
      return;
    }
    var weights = network.stateDict();
    var smaller = pruner.smaller(epoch, model, weights);
    if (smaller != null) {
      var optimizer = smaller.optimizer(network.optimizerState(), weights);
      change(smaller.model());
      network.restoreOptimizer(optimizer);
    }
  }

  private static EarlyExit earlyExit(TrainingSpec spec) {
    return spec.earlyExit() == null ? EarlyExit.DEFAULT : spec.earlyExit();
  }

  private static long stepMemory(TrainingSpec spec, ModelSpec model) {
    int outputs = model.graph().output().shape().size();
    long steps =
        spec.loss().stream().anyMatch(Loss::looksAtSteps)
            ? 2L * Float.BYTES * spec.batchSize() * spec.timeSteps() * outputs
            : 0;
    return spec.input() instanceof InputSpec.FromDataset
        ? steps + StepCounter.memory(spec.batchSize(), spec.timeSteps(), outputs)
        : 0;
  }

  /** Number of copies per weight in addition to those of a training with Adam. */
  private static int copies(TrainingSpec spec) {
    int copies = spec.restoreBest() == null ? 0 : 1;
    copies += spec.batchesPerStep() > 1 ? 1 : 0;
    copies += spec.quantize() != null && spec.quantize().trains(Integer.MAX_VALUE) ? 4 : 0;
    return switch (spec.optimizer()) {
      case OptimizerSpec.Adaptive adam -> copies + (Boolean.TRUE.equals(adam.amsgrad()) ? 1 : 0);
      case OptimizerSpec.RmsProp _ -> copies + 1;
      case OptimizerSpec.Sgd _ -> copies;
    };
  }

  private static long parameters(ModelSpec model) {
    return model.graph().layers().stream()
        .flatMap(layer -> layer.spec().parameters(layer.inputShape()).values().stream())
        .mapToLong(Shape::size)
        .sum();
  }

  /**
   * Memory of one training step on {@code batchSize} samples in addition to the data set, in bytes.
   */
  public static long estimateMemory(ModelSpec model, int batchSize, int timeSteps) {
    return Plan.estimateMemory(model, batchSize, timeSteps, false, Purpose.TRAINING);
  }

  private static Purpose purpose(boolean activationCheckpointing) {
    return activationCheckpointing ? Purpose.CHECKPOINTED_TRAINING : Purpose.TRAINING;
  }

  private Loss loss(Executor network) {
    var loss = new Loss(spec.loss(), network, spec.batchSize(), spec.dt(), synopsBefore);
    if (feed.labelsPerSample() > 1) {
      loss.readSteps();
    }
    return loss;
  }

  private Executor network(ModelSpec model) {
    return engine.executor(
        model,
        spec.batchSize(),
        spec.timeSteps(),
        Feed.constant(spec.input()),
        purpose(spec.activationCheckpointing()));
  }

  /** Statistics of the initial weights on the job's own input. */
  public Statistics baseline() {
    return baseline;
  }

  /** Target of the first synops term, in synops per sample; null without such a term. */
  public @Nullable Double targetSynops() {
    return Baseline.targetSynops(spec, loss);
  }

  /** Number of complete epochs. */
  public int epoch() {
    return epoch;
  }

  /**
   * Trains until all epochs are completed, a stop condition is met, the listener stops the
   * training, or the training fails.
   */
  public Outcome run(TrainingListener listener) {
    try {
      Outcome outcome;
      if (engine.ranks().alone()) {
        outcome = trainAll(listener, () -> goOn(listener));
      } else {
        var together = new Together(engine.ranks(), listener);
        beforeBatch = () -> goOn(together);
        outcome = trainAll(together, () -> {});
      }
      switch (outcome) {
        case COMPLETED, TARGET_MET, NO_IMPROVEMENT -> restoreBest();
        case STOPPED, DIVERGED, NETWORK_SILENT -> {}
      }
      return outcome;
    } catch (Stopped e) {
      return Outcome.STOPPED;
    } finally {
      beforeBatch = () -> {};
    }
  }

  /** Loads the weights of the best epoch, counts what they cause, and predicts with them. */
  private void restoreBest() {
    if (best.epoch() >= 0 && best.epoch() < epoch - 1) {
      network.load(best.weights());
      cover(best.epoch());
      try {
        if (feed.testSize() > 0) {
          Tested tested = test(tester(), feed.testSamples(), () -> {});
          predictions = tested.predictions();
          overTime = tested.overTime();
        }
        complete.clear();
        Baseline.measure(network, feed, complete, spec.batchSize(), engine);
      } finally {
        network.uncover();
      }
    }
  }

  /** Rounds the weights that the network computes with, in an epoch that trains so. */
  private void cover(int epoch) {
    if (spec.quantize() != null && spec.quantize().trains(epoch)) {
      network.cover(
          Quantizer.rounded(new TrainedModel(model, network.stateDict()), spec.quantize()));
    }
  }

  /**
   * The epoch whose weights a completed training keeps, counted from 0; null where they are those
   * of the last epoch because {@code restore_best} is absent.
   */
  public @Nullable Integer bestEpoch() {
    return best.epoch() < 0 ? null : (Integer) best.epoch();
  }

  /** Thrown to leave an epoch before its end. */
  private static final class Stopped extends RuntimeException {
    Stopped() {
      super(null, null, false, false);
    }
  }

  /**
   * The listener of the first process for all of them: they stop together, before the same batch or
   * after the same epoch, and not where one of them waits for the others.
   */
  private record Together(Ranks ranks, TrainingListener first) implements TrainingListener {

    @Override
    public void onEpoch(EpochMetrics metrics) {
      RuntimeException thrown = null;
      if (ranks.isFirst()) {
        try {
          first.onEpoch(metrics);
        } catch (RuntimeException e) {
          thrown = e;
        }
      }
      boolean failed = ranks.asFirst(thrown != null);
      if (thrown != null) {
        throw thrown;
      }
      if (failed) {
        throw new Stopped();
      }
    }

    @Override
    public boolean keepGoing() {
      return ranks.asFirst(ranks.isFirst() && first.keepGoing());
    }
  }

  private static void goOn(TrainingListener listener) {
    if (!listener.keepGoing()) {
      throw new Stopped();
    }
  }

  private Outcome trainAll(TrainingListener listener, Runnable goOn) {
    while (epoch < spec.epochs() && earlyStop.outcome().isEmpty()) {
      long start = System.nanoTime();
      Epoch trained = trainEpoch(goOn);
      Tested tested = feed.testSize() == 0 ? null : testAsTrained(goOn);
      if (!trained.finite() || !network.isFinite()) {
        return Outcome.DIVERGED;
      }
      Tested quantized = spec.quantize() == null ? null : testQuantized(spec.quantize(), goOn);
      double durationMs = (System.nanoTime() - start) / 1e6;
      EpochMetrics metrics = trained.metrics(epoch, counter, tested, quantized, durationMs);
      if (!metrics.allFinite()) {
        return Outcome.DIVERGED;
      }
      requireSameWeights();
      predictions = tested == null ? null : tested.predictions();
      overTime = tested == null ? null : tested.overTime();
      Counter spare = complete;
      complete = counter;
      completeModel = model;
      counter = pruner.isActive() ? new Counter(network, spec.dt()) : spare;
      epoch++;
      // Updated before the listener is called, which may store a checkpoint of this state.
      plateau.after(metrics);
      pruner.after(metrics);
      if (metrics.epoch() >= spec.pruned()) {
        best.after(metrics, network::stateDict);
        earlyStop.after(metrics);
      }
      listener.onEpoch(metrics);
      if (complete.silent() && !network.hasGradient()) {
        return Outcome.NETWORK_SILENT;
      }
    }
    return earlyStop.outcome().orElse(Outcome.COMPLETED);
  }

  /**
   * Processes that compute with other bits, as on processors with other vectors, would train apart
   * from each other.
   */
  private void requireSameWeights() {
    Ranks ranks = engine.ranks();
    if (ranks.alone()) {
      return;
    }
    long hash = 1;
    for (Tensor tensor : network.stateDict().tensors().values()) {
      for (float value : tensor.data()) {
        hash = 31 * hash + Float.floatToRawIntBits(value);
      }
    }
    long[] hashes = ranks.all(hash);
    for (int r = 1; r < hashes.length; r++) {
      if (hashes[r] != hashes[0]) {
        throw new IllegalStateException(
            "after epoch %d the weights of rank %d differ from those of rank 0: all ranks must run the same version on processors with the same vector width"
                .formatted(epoch, r));
      }
    }
  }

  private record Tester(
      Executor network, Loss loss, Counter counter, @Nullable StepCounter steps) {}

  private Tester tester() {
    return new Tester(network, loss, testCounter, stepCounter);
  }

  private record Tested(
      @Nullable Double accuracy,
      double synops,
      @Nullable Predictions predictions,
      Statistics.@Nullable OverTime overTime) {}

  /** Sums over the training samples of an epoch. */
  private static final class Epoch {
    final double[] terms;
    final boolean labelled;
    double loss;
    long correct;
    long predictions;
    long samples;

    Epoch(int terms, boolean labelled) {
      this.terms = new double[terms];
      this.labelled = labelled;
    }

    boolean finite() {
      return Double.isFinite(loss);
    }

    EpochMetrics metrics(
        int epoch,
        Counter counter,
        @Nullable Tested tested,
        @Nullable Tested quantized,
        double durationMs) {
      Map<String, Double> lossTerms = new LinkedHashMap<>();
      for (int i = 0; i < terms.length; i++) {
        lossTerms.put(Integer.toString(i), terms[i] / samples);
      }
      return new EpochMetrics(
          epoch,
          loss / samples,
          lossTerms,
          counter.synops(),
          counter.firingRate(),
          labelled ? (double) correct / predictions : null,
          tested == null ? null : tested.accuracy(),
          tested == null ? null : (Double) tested.synops(),
          quantized == null ? null : quantized.accuracy(),
          quantized == null ? null : (Double) quantized.synops(),
          durationMs,
          counter.epochParameters(),
          counter.epochSpiking());
    }
  }

  private Epoch trainEpoch(Runnable goOn) {
    // Before weights or channels are removed, so that a training that stops here has those of its
    // last epoch.
    beforeBatch.run();
    goOn.run();
    removeChannels();
    var sums = new Epoch(spec.loss().size(), feed.labelled());
    int[] order = feed.order(epoch);
    counter.clear();
    if (spec.prune() != null) {
      network.prune(spec.prune(), epoch, spec.epochs());
    }
    network.train(true);
    for (int from = 0; from < order.length; from += spec.batchSize()) {
      int batch = Math.min(spec.batchSize(), order.length - from);
      cover(epoch);
      double value;
      try {
        show(network, order, from, batch, epoch, goOn);
        if (teacher != null) {
          loss.teach(teacher.logits(order, from, batch, epoch, goOn));
        }
        value = loss.compute(batch, labels, feed.labelsPerSample() > 1);
        counter.add(batch);
        network.backward(batch, loss.gradients(), goOn);
        loss.addWeightGradients();
      } finally {
        network.uncover();
      }
      step(from / spec.batchSize(), Math.ceilDiv(order.length, spec.batchSize()));
      sums.samples += batch;
      sums.predictions += (long) batch * feed.labelsPerSample();
      sums.loss += value * batch;
      for (int i = 0; i < sums.terms.length; i++) {
        sums.terms[i] += loss.values()[i] * batch;
      }
      sums.correct += correct(loss, network.share(batch).size());
    }
    sums.correct = engine.ranks().addWhole(sums.correct);
    counter.complete();
    return sums;
  }

  /** Makes an optimiser step after {@code batch}, unless more batches belong to the step. */
  private void step(int batch, int batches) {
    int perStep = spec.batchesPerStep();
    if (perStep > 1) {
      network.accumulate();
      if ((batch + 1) % perStep != 0 && batch + 1 < batches) {
        return;
      }
    }
    double given = spec.optimizer().learningRate();
    LrScheduler schedule = spec.lrScheduler();
    if (schedule == null) {
      network.step(given);
      return;
    }
    long steps = Math.ceilDiv(batches, perStep);
    var at =
        new LrScheduler.Position(
            epoch * steps + batch / perStep, steps, spec.epochs(), plateau.reductions());
    network.step(schedule.learningRate(given, at), schedule.momentum(at));
  }

  private void show(
      Executor network, int[] samples, int from, int batch, int epoch, Runnable goOn) {
    beforeBatch.run();
    network.reset();
    int[] order = network.inputOrder();
    var share = network.share(batch);
    parallel.run(
        share.size(),
        b -> {
          int sample = samples[from + share.first() + b];
          int at = b * network.inputSize();
          if (epoch == Feed.TEST_EPOCH) {
            feed.encode(epoch, sample, order, network.input(), at);
          } else {
            feed.encodeForTraining(epoch, sample, order, network.input(), at);
          }
          network.sampleSeeds()[b] = feed.networkSeed(epoch, sample);
          for (int k = 0; feed.labelled() && k < feed.labelsPerSample(); k++) {
            labels[b * feed.labelsPerSample() + k] = feed.label(sample, k);
          }
        });
    network.forward(batch, goOn);
  }

  private Tested testAsTrained(Runnable goOn) {
    cover(epoch);
    try {
      return test(tester(), feed.testSamples(), goOn);
    } finally {
      network.uncover();
    }
  }

  private Tested testQuantized(Quantization how, Runnable goOn) {
    var model = Quantizer.quantize(new TrainedModel(this.model, network.stateDict()), how).model();
    var quantized = network(model.spec());
    quantized.load(model.weights());
    var tester = new Tester(quantized, loss(quantized), new Counter(quantized, spec.dt()), null);
    int[] samples =
        feed.testSize() > 0
            ? feed.testSamples()
            : Arrays.copyOf(feed.trainSamples(), Math.min(feed.trainSize(), BASELINE_SAMPLES));
    return test(tester, samples, goOn);
  }

  private Tested test(Tester tester, int[] samples, Runnable goOn) {
    tester.counter().clear();
    StepCounter steps = tester.steps();
    if (steps != null) {
      steps.clear();
    }
    tester.network().train(false);
    int each = feed.labelsPerSample();
    var predicted = new int[samples.length * each];
    var truth = new int[predicted.length];
    long correct = 0;
    for (int from = 0; from < samples.length; from += spec.batchSize()) {
      int batch = Math.min(spec.batchSize(), samples.length - from);
      show(tester.network(), samples, from, batch, Feed.TEST_EPOCH, goOn);
      tester.counter().add(batch);
      if (steps != null) {
        steps.add(batch, labels);
      }
      tester.loss().readOutput(batch);
      var share = tester.network().share(batch);
      for (int i = 0; feed.labelled() && i < share.size() * each; i++) {
        int at = (from + share.first()) * each + i;
        predicted[at] = predicted(tester.loss(), i);
        truth[at] = labels[i];
        correct += predicted[at] == labels[i] ? 1 : 0;
      }
    }
    tester.counter().complete();
    correct = engine.ranks().addWhole(correct);
    gather(predicted);
    gather(truth);
    return new Tested(
        feed.labelled() ? (Double) ((double) correct / predicted.length) : null,
        tester.counter().synops(),
        feed.labelled()
            ? new Predictions(repeated(samples, each), truth, predicted, network.outputs())
            : null,
        steps == null ? null : steps.result());
  }

  private static int[] repeated(int[] samples, int times) {
    var repeated = new int[samples.length * times];
    Arrays.setAll(repeated, i -> samples[i / times]);
    return repeated;
  }

  /** Fills in what the other processes have, where this one has zeros. */
  private void gather(int[] values) {
    if (!engine.ranks().alone()) {
      var all = Arrays.stream(values).asDoubleStream().toArray();
      engine.ranks().addWhole(List.of(all));
      Arrays.setAll(values, i -> (int) all[i]);
    }
  }

  private long correct(Loss loss, int batch) {
    long correct = 0;
    for (int i = 0; feed.labelled() && i < batch * feed.labelsPerSample(); i++) {
      correct += predicted(loss, i) == labels[i] ? 1 : 0;
    }
    return correct;
  }

  /**
   * Class that the network predicts in place of label {@code i}: of a sample, or of a time step of
   * a sample.
   */
  private int predicted(Loss loss, int i) {
    int classes = network.outputs();
    float[] scores = feed.labelsPerSample() > 1 ? loss.stepScores() : loss.scores();
    return Softmax.largest(scores, i * classes, classes);
  }

  /** Counts of the latest completed epoch of this run; null before the first. */
  public @Nullable Analysis latest() {
    return complete.samples() == 0
        ? null
        : Analysis.of(complete, completeModel).with(predictions).with(overTime);
  }

  public StateDict weights() {
    return network.stateDict();
  }

  /** The network that {@link #weights} belong to. */
  public ModelSpec model() {
    return model;
  }

  public Checkpoint checkpoint() {
    var monitors = earlyStop.state().with(plateau.state()).with(best.state()).with(pruner.state());
    return new Checkpoint(
        epoch,
        network.stateDict(),
        network.optimizerState(),
        teacher == null ? monitors : monitors.with(teacher.state()));
  }

  /** Continues from {@code checkpoint} as if it had never been interrupted. */
  public void restore(Checkpoint checkpoint) {
    if (teacher != null) {
      teacher.restore(checkpoint.monitors());
    }
    if (pruner.isActive()) {
      change(pruner.fit(checkpoint.weights()));
    } else {
      network.load(checkpoint.weights());
    }
    network.restoreOptimizer(checkpoint.optimizer());
    earlyStop.restore(checkpoint.monitors());
    plateau.restore(checkpoint.monitors());
    best.restore(checkpoint.monitors());
    pruner.restore(checkpoint.monitors());
    epoch = checkpoint.epoch();
  }
}
