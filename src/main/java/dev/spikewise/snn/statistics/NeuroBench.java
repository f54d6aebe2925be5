package dev.spikewise.snn.statistics;

import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EnergyPreset;
import dev.spikewise.spec.Statistics;
import java.util.EnumMap;

/** NeuroBench's cost metrics of a network (Yik et al. 2025, doi:10.1038/s41467-025-56739-4). */
public final class NeuroBench {

  private NeuroBench() {}

  /** Cost of the last batch of a network that measures. */
  public static Statistics.Cost cost(Executor network, int samples) {
    StateDict state = network.stateDict();
    double acs = 0;
    double macs = 0;
    for (Synaptic synapses : network.counts().synapses()) {
      acs += synapses.operations().acs() / samples;
      macs += synapses.operations().macs() / samples;
    }
    var energy = new EnumMap<EnergyPreset, Statistics.Energy>(EnergyPreset.class);
    for (EnergyPreset preset : EnergyPreset.values()) {
      energy.put(preset, new Statistics.Energy(preset.joules(acs, macs), preset.source()));
    }
    return new Statistics.Cost(
        acs,
        macs,
        network.activationSparsity(samples),
        connectionSparsity(network, state),
        bytes(state),
        energy);
  }

  /** Size of parameters and buffers in bytes. */
  private static long bytes(StateDict state) {
    return state.tensors().values().stream()
        .mapToLong(tensor -> (long) Float.BYTES * tensor.data().length)
        .sum();
  }

  /** Share of the synapses' weights that are 0. */
  private static double connectionSparsity(Executor network, StateDict state) {
    long zeros = 0;
    long all = 0;
    for (Synaptic synapses : network.counts().synapses()) {
      Tensor tensor = state.tensors().get(synapses.name() + ".weight");
      if (tensor != null) {
        all += tensor.data().length;
        for (float weight : tensor.data()) {
          zeros += weight == 0 ? 1 : 0;
        }
      }
    }
    return all == 0 ? 0 : (double) zeros / all;
  }
}
