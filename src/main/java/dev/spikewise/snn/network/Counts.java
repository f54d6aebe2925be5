package dev.spikewise.snn.network;

import dev.spikewise.snn.layer.Activity;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.layer.Synaptic;
import java.util.List;

/**
 * What the layers of a network count in a batch, and where a loss puts the gradients of these
 * counts.
 *
 * @param synapses all that causes synaptic operations, in the order of computing
 * @param neurons the layers of neurons, spiking or not
 * @param rectifiers the layers without a state whose output may stand for spikes
 */
public record Counts(
    List<Synaptic> synapses, List<SpikeCount> neurons, List<Activity> rectifiers) {}
