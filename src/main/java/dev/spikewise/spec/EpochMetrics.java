package dev.spikewise.spec;

import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Metrics of one epoch. With several batches per epoch they are means over its training samples.
 *
 * @param lossTerms Weighted value of each loss term, in the order of the specification; they sum to
 *     {@code loss}.
 * @param accuracy Accuracy on the training samples; null without labels.
 * @param testAccuracy Accuracy on the held-out samples after the epoch; null where there are none.
 * @param testSynops Synaptic operations per held-out sample after the epoch; null where there are
 *     none.
 * @param quantizedAccuracy Accuracy of the quantised network after the epoch on the held-out
 *     samples, or on the samples of the baseline where there are none; null without labels or
 *     {@code quantize}.
 * @param quantizedSynops Synaptic operations per sample of the quantised network; null without
 *     {@code quantize}.
 * @param parameter Metrics of each layer with weights, by layer name.
 * @param epoch Number of the epoch, starting from 0.
 * @param loss Sum of the weighted loss terms.
 * @param synops Synaptic operations per training sample.
 * @param firingRate Spikes per neuron per time step.
 * @param durationMs Duration of the epoch in milliseconds.
 * @param spiking Metrics of each spiking layer, by layer name.
 */
public record EpochMetrics(
    int epoch,
    double loss,
    Map<String, Double> lossTerms,
    double synops,
    double firingRate,
    @Nullable Double accuracy,
    @Nullable Double testAccuracy,
    @Nullable Double testSynops,
    @Nullable Double quantizedAccuracy,
    @Nullable Double quantizedSynops,
    double durationMs,
    Map<String, Parameter> parameter,
    Map<String, Spiking> spiking) {

  /**
   * Metrics of one layer with weights.
   *
   * @param synops Synaptic operations per sample.
   */
  public record Parameter(double synops) {}

  /**
   * Metrics of one spiking layer.
   *
   * @param firingRate Spikes per neuron per time step.
   * @param silentRatio Fraction of neurons that never spiked.
   */
  public record Spiking(double firingRate, double silentRatio) {}

  /** Approximate size in JSON, in bytes. */
  public long bytes() {
    return 300 + 40L * lossTerms.size() + 50L * parameter.size() + 90L * spiking.size();
  }

  /**
   * Whether every number of the epoch is finite; the numbers of a network that overflowed are not
   * reported.
   */
  public boolean allFinite() {
    var values =
        Stream.of(
            Stream.of(loss, synops, firingRate),
            Stream.of(accuracy, testAccuracy, testSynops, quantizedAccuracy, quantizedSynops),
            lossTerms.values().stream(),
            parameter.values().stream().map(Parameter::synops),
            spiking.values().stream().map(Spiking::firingRate));
    return values
        .flatMap(numbers -> numbers)
        .filter(Objects::nonNull)
        .allMatch(number -> Double.isFinite(number));
  }
}
