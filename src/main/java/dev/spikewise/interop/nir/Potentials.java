package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.layer.NeuronSpec;
import tools.jackson.databind.node.ObjectNode;

/**
 * Spiking neurons whose input is multiplied. IAF and LIF emit the same spikes if thresholds, bounds
 * and reset values are multiplied by the same factor.
 */
final class Potentials {

  private Potentials() {}

  static NeuronSpec.Spiking scaled(NeuronSpec.Spiking layer, double factor) {
    ObjectNode json = SpecJson.json(layer);
    json.set(
        "spike_threshold",
        SpecJson.value(layer.spikeThreshold().map(value -> value * factor).json()));
    Double least = layer.minVMem();
    if (least != null) {
      json.put("min_v_mem", least * factor);
    }
    Double reset = layer.resetFn().value();
    if (reset != null) {
      json.set(
          "reset_fn", SpecJson.value(new ResetFn(layer.resetFn().kind(), reset * factor).json()));
    }
    return (NeuronSpec.Spiking) SpecJson.layer(json);
  }
}
