package dev.spikewise.snn.loss;

import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.layer.DifferenceCount;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.network.OutputGradients;
import dev.spikewise.snn.statistics.Softmax;
import dev.spikewise.spec.LossTerm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Computes the loss of a batch as the sum of its terms, and stores the gradients for the backward
 * pass.
 */
public final class Loss {

  private final List<LossTerm> terms;
  private final Executor network;
  private final @Nullable Double dt;
  private final Map<String, Double> baseline;
  private final double[] values;
  private final float[] logits;
  private final float @Nullable [] outputGradient;
  private final float @Nullable [] peaks;
  private final float @Nullable [] peakGradient;
  private @Nullable StepLoss stepLoss;
  private final int batchSize;
  private float @Nullable [] teacher;
  private final List<float[]> rateGradients;

  /**
   * @param baseline synops per sample of each parameter layer before training
   * @param dt length of a time step in seconds, if it has one
   */
  public Loss(
      List<LossTerm> terms,
      Executor network,
      int batchSize,
      @Nullable Double dt,
      Map<String, Double> baseline) {
    this.terms = terms;
    this.network = network;
    this.dt = dt;
    this.baseline = baseline;
    values = new double[terms.size()];
    logits = new float[batchSize * network.outputs()];
    outputGradient =
        terms.stream()
                .anyMatch(
                    t ->
                        t instanceof LossTerm.CrossEntropy
                            || t instanceof LossTerm.MseCount
                            || t instanceof LossTerm.Distillation)
            ? new float[logits.length]
            : null;
    boolean looksAtPeaks =
        terms.stream().anyMatch(LossTerm.MaxMembraneCrossEntropy.class::isInstance);
    peaks = looksAtPeaks ? new float[logits.length] : null;
    peakGradient = looksAtPeaks ? new float[logits.length] : null;
    this.batchSize = batchSize;
    stepLoss =
        terms.stream().anyMatch(Loss::looksAtSteps) ? new StepLoss(network, batchSize) : null;
    for (LossTerm term : terms) {
      if (term instanceof LossTerm.InputDifference difference) {
        counted(difference).forEach(DifferenceCount::countDifference);
      }
    }
    rateGradients =
        network.counts().neurons().stream().map(n -> new float[n.counts().length]).toList();
  }

  /**
   * Sets the outputs that a teacher has for the next batch, [B, outputs], before {@link #compute}.
   */
  public void teach(float[] outputs) {
    teacher = outputs;
  }

  /** Whether a term depends on the output at each time step. */
  public static boolean looksAtSteps(LossTerm term) {
    return term instanceof LossTerm.StepCrossEntropy || term instanceof LossTerm.MseMembrane;
  }

  /** Values of the terms for the last batch, weighted, in the order of the spec. */
  public double[] values() {
    return values;
  }

  /** Gradients with respect to the output of the last batch. */
  public OutputGradients gradients() {
    return new OutputGradients(
        outputGradient,
        peakGradient,
        stepLoss != null && terms.stream().anyMatch(Loss::looksAtSteps)
            ? stepLoss.gradient()
            : null);
  }

  /** dL/d(output at every step), [B, outputs]; null when no term depends on the output. */
  public float @Nullable [] outputGradient() {
    return outputGradient;
  }

  /** dL/d(largest output over time), [B, outputs]; null when no term depends on it. */
  public float @Nullable [] peakGradient() {
    return peakGradient;
  }

  /** Reads the output of the last batch; {@link #compute} does this itself. */
  public void readOutput(int samples) {
    int here = network.share(samples).size();
    if (stepLoss != null) {
      stepLoss.read(here);
    }
    network.sumOutput(here, logits);
    if (peaks != null) {
      network.maxOutput(here, peaks);
    }
  }

  /**
   * Score of each class for the last batch, [B, outputs]: the output summed over time, or its
   * maximum over time when the loss depends on that.
   */
  public float[] scores() {
    return peaks == null ? logits : peaks;
  }

  /** Reads the output of each time step from now on, for {@link #stepScores}. */
  public void readSteps() {
    if (stepLoss == null) {
      stepLoss = new StepLoss(network, batchSize);
    }
  }

  /** Score of each class at each time step of the last batch, [B, T, outputs]. */
  public float[] stepScores() {
    return Objects.requireNonNull(stepLoss).outputs();
  }

  /** Whether {@link #scores} are largest outputs over time instead of sums. */
  public boolean scoresPeaks() {
    return peaks != null;
  }

  /**
   * Computes the loss of the last batch.
   *
   * @param samples number of samples in the whole batch
   * @param labels of the samples of this process; empty where the input has none
   */
  public double compute(int samples, int[] labels) {
    return compute(samples, labels, false);
  }

  /** The same with one label per sample or, if {@code labelsPerStep}, per sample and time step. */
  public double compute(int samples, int[] labels, boolean labelsPerStep) {
    readOutput(samples);
    if (outputGradient != null) {
      Arrays.fill(outputGradient, 0);
    }
    if (peakGradient != null) {
      Arrays.fill(peakGradient, 0);
    }
    if (stepLoss != null) {
      stepLoss.clear();
    }
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      LossTerm term = terms.get(i);
      double value =
          switch (term) {
            case LossTerm.Synops s -> synops(s, samples);
            case LossTerm.FiringRate r -> firingRate(r, samples);
            case LossTerm.CrossEntropy c ->
                new CrossEntropy(logits, term.weight(), c.labelSmoothing())
                    .compute(samples, labels, Objects.requireNonNull(outputGradient));
            case LossTerm.MaxMembraneCrossEntropy c ->
                new CrossEntropy(Objects.requireNonNull(peaks), term.weight(), c.labelSmoothing())
                    .compute(samples, labels, Objects.requireNonNull(peakGradient));
            case LossTerm.StepCrossEntropy c ->
                Objects.requireNonNull(stepLoss).crossEntropy(c, samples, labels, labelsPerStep);
            case LossTerm.MseMembrane m ->
                Objects.requireNonNull(stepLoss).mse(m, samples, labels, labelsPerStep);
            case LossTerm.MseCount m -> mseCount(m, samples, labels);
            case LossTerm.Distillation d -> distillation(d, samples);
            case LossTerm.L1 l -> l1(l, samples);
            case LossTerm.WeightNorm w -> weightNorm(w);
            case LossTerm.InputDifference d -> inputDifference(d, samples);
          };
      values[i] = term.weight() * value;
      sum += values[i];
    }
    return sum;
  }

  private double synops(LossTerm.Synops term, int samples) {
    double unit = perUnit(term.unit());
    List<Synaptic> counted = counted(term);
    var groups = new ArrayList<List<Synaptic>>();
    switch (term.scope()) {
      case MODEL -> groups.add(counted);
      case LAYER -> counted.forEach(layer -> groups.add(List.of(layer)));
    }
    double loss = 0;
    for (List<Synaptic> group : groups) {
      double synops = unit * group.stream().mapToDouble(Synaptic::synops).sum() / samples;
      double target = target(term, group, unit);
      double excess = synops - target;
      double scale =
          term.normalize() || term.mode() == LossTerm.Mode.TRACK ? 1 / (target * target) : 1;
      if (term.mode() == LossTerm.Mode.LIMIT) {
        excess = Math.max(excess, 0);
      }
      loss += excess * excess * scale;
      double gradient = term.weight() * 2 * excess * scale * unit / samples;
      group.forEach(layer -> layer.addToLoss(gradient));
    }
    return loss;
  }

  private double target(LossTerm.Synops term, List<Synaptic> group, double unit) {
    Double multiple = term.target().baselineMultiple();
    return multiple == null
        ? Objects.requireNonNull(term.target().value())
        : multiple
            * unit
            * group.stream()
                .mapToDouble(layer -> Objects.requireNonNull(baseline.get(layer.name())))
                .sum();
  }

  /** Target of a term over its whole scope, in synops per sample. */
  public double targetPerSample(LossTerm.Synops term) {
    double unit = perUnit(term.unit());
    List<Synaptic> counted = counted(term);
    int groups =
        term.scope() == LossTerm.Scope.LAYER && term.target().value() != null ? counted.size() : 1;
    return groups * target(term, counted, unit) / unit;
  }

  private List<Synaptic> counted(LossTerm.Synops term) {
    List<String> names = term.layers();
    return network.counts().synapses().stream()
        .filter(layer -> names == null || names.contains(layer.name()))
        .toList();
  }

  /** Factor from synops per sample to {@code unit}. */
  private double perUnit(LossTerm.Unit unit) {
    return switch (unit) {
      case PER_SAMPLE -> 1;
      case PER_TIMESTEP -> 1.0 / network.timeSteps();
      case PER_SECOND -> 1.0 / network.timeSteps() / Objects.requireNonNull(dt);
    };
  }

  private double firingRate(LossTerm.FiringRate term, int samples) {
    double trials = (double) samples * network.timeSteps();
    double loss = 0;
    List<SpikeCount> layers = network.counts().neurons();
    for (int i = 0; i < layers.size(); i++) {
      SpikeCount layer = layers.get(i);
      if (!layer.spikes() || term.layers() != null && !term.layers().contains(layer.name())) {
        continue;
      }
      double[] counts = counts(layer);
      float[] gradient = rateGradients.get(i);
      for (int n = 0; n < counts.length; n++) {
        double rate = counts[n] / trials;
        double below = term.min() == null ? 0 : Math.max(term.min() - rate, 0);
        double above = term.max() == null ? 0 : Math.max(rate - term.max(), 0);
        loss += below * below + above * above;
        gradient[n] = (float) (term.weight() * 2 * (above - below) / trials);
      }
      layer.addToLoss(gradient);
    }
    return loss;
  }

  /** Spikes of each neuron in the whole batch. */
  private double[] counts(SpikeCount layer) {
    if (network.ranks().alone()) {
      return layer.counts();
    }
    double[] counts = layer.counts().clone();
    network.ranks().addWhole(List.of(counts));
    return counts;
  }

  private final class CrossEntropy {
    private final float[] logits;
    private final double weight;
    private final double smoothing;

    CrossEntropy(float[] logits, double weight, @Nullable Double smoothing) {
      this.logits = logits;
      this.weight = weight;
      this.smoothing = smoothing == null ? 0 : smoothing;
    }

    double compute(int samples, int[] labels, float[] gradient) {
      int classes = network.outputs();
      var chunks = network.share(samples);
      var loss = new TreeSum(1);
      for (int b = 0; b < chunks.size(); b++) {
        int row = b * classes;
        double top = logits[row + Softmax.largest(logits, row, classes)];
        double sum = Softmax.sum(logits, row, classes, top);
        loss.add(Math.log(sum) + top - wanted(row, classes, labels[b]));
        if (chunks.isLast(b)) {
          loss.endChunk();
        }
        for (int c = 0; c < classes; c++) {
          double softmax = Math.exp(logits[row + c] - top) / sum;
          double label = (c == labels[b] ? 1 - smoothing : 0) + smoothing / classes;
          gradient[row + c] += (float) (weight * (softmax - label) / samples);
        }
      }
      network.ranks().complete(samples, List.of(loss));
      return loss.value() / samples;
    }

    /** Mean of the logits, weighted by the smoothed label. */
    private double wanted(int row, int classes, int label) {
      if (smoothing == 0) {
        return logits[row + label];
      }
      double sum = 0;
      for (int c = 0; c < classes; c++) {
        sum += logits[row + c];
      }
      return (1 - smoothing) * logits[row + label] + smoothing * sum / classes;
    }
  }

  private double mseCount(LossTerm.MseCount term, int samples, int[] labels) {
    float[] gradient = Objects.requireNonNull(outputGradient);
    int classes = network.outputs();
    double count = (double) samples * classes;
    var chunks = network.share(samples);
    var loss = new TreeSum(1);
    for (int b = 0; b < chunks.size(); b++) {
      for (int c = 0; c < classes; c++) {
        double rate = logits[b * classes + c] / network.timeSteps();
        double error = rate - (c == labels[b] ? term.correctRate() : term.incorrectRate());
        loss.add(error * error);
        gradient[b * classes + c] +=
            (float) (term.weight() * 2 * error / network.timeSteps() / count);
      }
      if (chunks.isLast(b)) {
        loss.endChunk();
      }
    }
    network.ranks().complete(samples, List.of(loss));
    return loss.value() / count;
  }

  private double distillation(LossTerm.Distillation term, int samples) {
    float[] wanted = Objects.requireNonNull(teacher, "teach() must be called before compute()");
    float[] gradient = Objects.requireNonNull(outputGradient);
    int classes = network.outputs();
    double heat = term.temperature();
    var chunks = network.share(samples);
    var loss = new TreeSum(1);
    var log = new double[classes];
    var logWanted = new double[classes];
    for (int b = 0; b < chunks.size(); b++) {
      logSoftmax(logits, b * classes, heat, log);
      logSoftmax(wanted, b * classes, heat, logWanted);
      double divergence = 0;
      for (int c = 0; c < classes; c++) {
        double share = Math.exp(logWanted[c]);
        divergence += share * (logWanted[c] - log[c]);
        gradient[b * classes + c] +=
            (float) (term.weight() * heat * (Math.exp(log[c]) - share) / samples);
      }
      loss.add(heat * heat * divergence);
      if (chunks.isLast(b)) {
        loss.endChunk();
      }
    }
    network.ranks().complete(samples, List.of(loss));
    return loss.value() / samples;
  }

  /** Logarithm of the softmax of {@code values / heat}. */
  private static void logSoftmax(float[] values, int from, double heat, double[] result) {
    double top = values[from + Softmax.largest(values, from, result.length)];
    double sum = 0;
    for (int c = 0; c < result.length; c++) {
      result[c] = (values[from + c] - top) / heat;
      sum += Math.exp(result[c]);
    }
    double logSum = Math.log(sum);
    for (int c = 0; c < result.length; c++) {
      result[c] -= logSum;
    }
  }

  private double l1(LossTerm.L1 term, int samples) {
    double spikes = 0;
    List<SpikeCount> layers = network.counts().neurons();
    for (int i = 0; i < layers.size(); i++) {
      SpikeCount layer = layers.get(i);
      if (layer.spikes() && (term.layers() == null || term.layers().contains(layer.name()))) {
        spikes += Arrays.stream(counts(layer)).sum();
        float[] gradient = rateGradients.get(i);
        Arrays.fill(gradient, (float) (term.weight() / samples));
        layer.addToLoss(gradient);
      }
    }
    return spikes / samples;
  }

  private double weightNorm(LossTerm.WeightNorm term) {
    return network.weightNorm(weights(term), term.p());
  }

  /**
   * Adds the gradients of terms that depend only on the weights. Call it after the backward pass.
   */
  public void addWeightGradients() {
    for (LossTerm term : terms) {
      if (term instanceof LossTerm.WeightNorm norm) {
        network.addWeightNorm(weights(norm), norm.p(), norm.weight());
      }
    }
  }

  private List<String> weights(LossTerm.WeightNorm term) {
    return network.counts().synapses().stream()
        .map(Synaptic::name)
        .filter(name -> term.layers() == null || term.layers().contains(name))
        .map(name -> name + ".weight")
        .toList();
  }

  private double inputDifference(LossTerm.InputDifference term, int samples) {
    double loss = 0;
    for (DifferenceCount layer : counted(term)) {
      double values = (double) samples * network.timeSteps() * layer.outputs();
      loss += layer.difference() / values;
      layer.addDifferenceToLoss(term.weight() / values);
    }
    return loss;
  }

  private List<DifferenceCount> counted(LossTerm.InputDifference term) {
    return network.counts().synapses().stream()
        .filter(DifferenceCount.class::isInstance)
        .map(DifferenceCount.class::cast)
        .filter(layer -> term.layers() == null || term.layers().contains(layer.name()))
        .toList();
  }
}
