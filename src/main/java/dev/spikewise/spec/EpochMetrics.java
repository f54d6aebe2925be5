package dev.spikewise.spec;

import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One epoch's figures. Where an epoch has several batches they are means over its training samples.
 *
 * @param lossTerms by index in the spec's {@code loss}: weighted, so that they sum to {@code loss}
 * @param accuracy of the training samples, null without labels
 * @param testAccuracy of the held-out samples after the epoch, null where there are none
 * @param testSynops a held-out sample, after the epoch
 * @param quantizedAccuracy of the network in whole numbers after the epoch, on the held-out
 *     samples, or where there are none, on those of the baseline; null without labels or {@code
 *     quantize}
 * @param quantizedSynops a sample of those; null without {@code quantize}
 * @param parameter synops a sample by parameter layer
 * @param epoch from 0
 * @param loss sum of the weighted terms
 * @param synops a sample
 * @param firingRate spikes a neuron and step
 * @param durationMs milliseconds it took
 * @param spiking by spiking layer
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
   * A layer with weights.
   *
   * @param synops a sample
   */
  public record Parameter(double synops) {}

  /**
   * A spiking layer.
   *
   * @param firingRate spikes a neuron and step
   * @param silentRatio share of the neurons that did not spike once
   */
  public record Spiking(double firingRate, double silentRatio) {}

  /** Whether every number of the epoch is finite: a network that overflows has none to report. */
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
