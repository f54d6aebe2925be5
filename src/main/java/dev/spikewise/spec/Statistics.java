package dev.spikewise.spec;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one forward pass over a batch counted: sinabs' SNNAnalyzer. All figures are means over the
 * batch.
 *
 * @param synops synaptic operations a sample: sum over time, neurons and parameter layers of value
 *     x fan-out
 * @param synopsPerTimestep synops / T
 * @param synopsPerSecond synopsPerTimestep / dt; null without a dt
 * @param firingRate spikes a neuron and step, mean over all spiking neurons of all layers together
 * @param parameter by name of the parameter layer (Conv2d, Linear)
 * @param spiking by name of the spiking layer
 * @param activation by name of the layer without a state (ReLU, NeuromorphicReLU)
 */
public record Statistics(
    double synops,
    double synopsPerTimestep,
    @Nullable Double synopsPerSecond,
    double firingRate,
    long nSpikingNeurons,
    Map<String, Parameter> parameter,
    Map<String, Spiking> spiking,
    Map<String, Activation> activation) {

  public Statistics {
    // Statistics that were stored before there were such layers have none.
    activation = activation == null ? Map.of() : activation;
  }

  /** Synaptic operations caused by one parameter layer's input. */
  public record Parameter(
      double synops, double synopsPerTimestep, @Nullable Double synopsPerSecond) {}

  /**
   * @param silentRatio share of the neurons that did not spike once
   * @param histogram of the neurons' firing rates
   */
  public record Spiking(
      long nNeurons, double firingRate, double silentRatio, Histogram histogram) {}

  /**
   * @param activity sinabs' NeuromorphicReLU.activity: output a sample, summed over time and
   *     neurons, times the layer's fan-out
   */
  public record Activation(double activity) {}

  /**
   * {@code counts[i]} neurons have a rate in [edges[i], edges[i + 1]), the last bin with its upper
   * edge.
   */
  public record Histogram(List<Double> edges, List<Long> counts) {}
}
