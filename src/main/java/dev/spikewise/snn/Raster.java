package dev.spikewise.snn;

import dev.spikewise.snn.tensor.Tensor;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Spikes of one sample in the layers of spiking neurons.
 *
 * @param sample index of the sample in its data set; 0 for other inputs
 * @param label class of the sample; null for other inputs, and with a label per time step
 * @param predicted output with the largest sum over time
 * @param layers number of spikes at each time step, [T, ...] with the layer's shape in PyTorch's
 *     (C, H, W) order, by layer
 */
public record Raster(
    int sample, @Nullable Integer label, int predicted, Map<String, Tensor> layers) {}
