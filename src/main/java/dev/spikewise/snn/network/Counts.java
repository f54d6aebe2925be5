package dev.spikewise.snn.network;

import dev.spikewise.snn.layer.Activity;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.layer.Synaptic;
import java.util.List;

/**
 * Counts of the layers of a network in a batch, and the gradients of the loss with respect to them.
 *
 * @param synapses everything that causes synaptic operations, in the order of computation
 * @param neurons the layers of neurons, spiking or not
 * @param rectifiers the layers without a state whose output may represent spikes
 */
public record Counts(
    List<Synaptic> synapses, List<SpikeCount> neurons, List<Activity> rectifiers) {}
