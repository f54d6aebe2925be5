package dev.spikewise.spec;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One epoch's figures. Where an epoch has several batches they are means over its training samples.
 *
 * @param lossTerms by index in the spec's {@code loss}: weighted, so that they sum to {@code loss}
 * @param accuracy of the training samples, null without labels
 * @param testAccuracy of the held-out samples after the epoch, null where there are none
 * @param testSynops a held-out sample, after the epoch
 * @param parameter synops a sample by parameter layer
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
    double durationMs,
    Map<String, Parameter> parameter,
    Map<String, Spiking> spiking) {

  public record Parameter(double synops) {}

  public record Spiking(double firingRate, double silentRatio) {}
}
