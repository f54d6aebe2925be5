package dev.spikewise.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spikes of the neurons of a layer at each time step, for one sample.
 *
 * @param sample Index of the sample in its data set; 0 without a data set.
 * @param label Class of the sample; null without a data set, and with a label per time step.
 * @param predicted Class that the network predicts for the sample.
 * @param layers Names of all spiking layers of the network, in the order of computation.
 * @param layer Name of this layer.
 * @param shape Shape of the layer, (C, H, W) or (features).
 * @param timeSteps Number of time steps.
 * @param spikes Number of spikes of the layer over all time steps.
 * @param step Time step of each entry, starting from 0, in ascending order.
 * @param neuron Neuron of each entry: its index in the layer in row-major order.
 * @param count Number of spikes of the neuron at this time step, for each entry.
 */
public record SpikeRaster(
    int sample,
    @Nullable Integer label,
    int predicted,
    List<String> layers,
    String layer,
    List<Integer> shape,
    int timeSteps,
    long spikes,
    int[] step,
    int[] neuron,
    int[] count) {

  /** Largest number of entries that a JSON document holds. */
  public static final int MAX_ENTRIES = 100_000;
}
