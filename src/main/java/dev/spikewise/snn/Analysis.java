package dev.spikewise.snn;

import dev.spikewise.spec.Statistics;
import java.util.Map;

/**
 * Statistics, and what is too large for them.
 *
 * @param firingRates by spiking layer: spikes a step of every neuron, in PyTorch's (C, H, W) order, mean over the batch
 */
public record Analysis(Statistics statistics, Map<String, Tensor> firingRates) {}
