package dev.spikewise.snn.statistics;

import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.network.Network;
import dev.spikewise.spec.EnergyPreset;
import dev.spikewise.spec.Statistics;
import java.util.EnumMap;
import java.util.List;

/**
 * NeuroBench's figures of what a network costs (Yik et al. 2025, doi:10.1038/s41467-025-56739-4).
 */
public final class NeuroBench {

  private NeuroBench() {}

  /** The cost of the batch that the network, told to measure, saw last. */
  public static Statistics.Cost cost(Network network, int samples) {
    double acs = 0;
    double macs = 0;
    for (Synaptic synapses : network.synapses()) {
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
        connectionSparsity(network.parameters()),
        network.footprintBytes(),
        energy);
  }

  /** Share of the weights that are 0; biases and time constants are no connections. */
  private static double connectionSparsity(List<Parameter> parameters) {
    long zeros = 0;
    long all = 0;
    for (Parameter p : parameters) {
      if (p.connects()) {
        all += p.values().length;
        for (float weight : p.values()) {
          zeros += weight == 0 ? 1 : 0;
        }
      }
    }
    return all == 0 ? 0 : (double) zeros / all;
  }
}
