package dev.spikewise.job;

import dev.spikewise.spec.Statistics;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a training once its worker has built the network.
 *
 * @param targetSynops of the loss's first synops term, in synops per sample
 * @param baseline statistics of the initial weights
 * @param provenance where the result will come from
 * @param samples that an epoch trains on
 * @param neuronSteps spiking neurons times time steps
 */
record Start(
    @Nullable Double targetSynops,
    Statistics baseline,
    Provenance provenance,
    long samples,
    double neuronSteps) {}
