package dev.spikewise.snn.network;

import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.Map;

/**
 * Values that take the place of a network's own for a while, such as rounded ones.
 *
 * @param tensors parameters by name, as in a state_dict
 * @param neurons neurons with other constants, by name of their layer
 */
public record Overlay(Map<String, Tensor> tensors, Map<String, NeuronSpec> neurons) {}
