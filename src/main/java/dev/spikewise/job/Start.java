package dev.spikewise.job;

import dev.spikewise.spec.Statistics;
import org.jspecify.annotations.Nullable;

/**
 * Facts about a training that are known once its worker has built the network.
 *
 * @param targetSynops target of the loss's first synops term, in synops per sample
 * @param baseline statistics of the initial weights
 * @param provenance origin of the result
 * @param samples number of training samples per epoch
 * @param neuronSteps number of spiking neurons times number of time steps
 */
record Start(
    @Nullable Double targetSynops,
    Statistics baseline,
    Provenance provenance,
    long samples,
    double neuronSteps) {}
