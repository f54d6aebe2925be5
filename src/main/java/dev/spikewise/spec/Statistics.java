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
 * @param synopsPerSecond synops_per_timestep / dt; null without a dt
 * @param firingRate spikes a neuron and step, mean over all spiking neurons of all layers together
 * @param parameter by name of the parameter layer (Conv2d, Linear)
 * @param spiking by name of the spiking layer
 * @param cost of an analysis; null elsewhere, as it takes a pass of its own
 * @param activation by name of the layer without a state (ReLU, NeuromorphicReLU)
 * @param accuracy of an analysis on samples with labels: share of those whose label is the largest
 *     output, summed over time; null elsewhere
 * @param quantized of an analysis that asks for it; null elsewhere
 * @param nSpikingNeurons of all spiking layers
 * @param warnings what makes the figures mean something else than they seem to, such as negative
 *     input that takes synaptic operations away; empty for epochs
 */
public record Statistics(
    double synops,
    double synopsPerTimestep,
    @Nullable Double synopsPerSecond,
    double firingRate,
    long nSpikingNeurons,
    Map<String, Parameter> parameter,
    Map<String, Spiking> spiking,
    Map<String, Activation> activation,
    @Nullable Cost cost,
    @Nullable Double accuracy,
    @Nullable Quantized quantized,
    List<String> warnings) {

  public Statistics {
    warnings = warnings == null ? List.of() : List.copyOf(warnings);
    // Statistics that were stored before there were such layers have none.
    activation = activation == null ? Map.of() : activation;
  }

  public Statistics with(Cost cost, @Nullable Double accuracy) {
    return with(cost, accuracy, null, warnings);
  }

  public Statistics with(Quantized quantized) {
    return with(cost, accuracy, quantized, warnings);
  }

  public Statistics withWarnings(List<String> warnings) {
    return with(cost, accuracy, quantized, warnings);
  }

  private Statistics with(
      @Nullable Cost cost,
      @Nullable Double accuracy,
      @Nullable Quantized quantized,
      List<String> warnings) {
    return new Statistics(
        synops,
        synopsPerTimestep,
        synopsPerSecond,
        firingRate,
        nSpikingNeurons,
        parameter,
        spiking,
        activation,
        cost,
        accuracy,
        quantized,
        warnings);
  }

  /**
   * The same network and input with whole numbers for weights.
   *
   * @param scales by name of the layer with weights: what its weights, its bias and the potentials
   *     after it were multiplied by before they were rounded
   * @param statistics of the quantized network
   */
  public record Quantized(Map<String, Double> scales, Statistics statistics) {}

  /**
   * NeuroBench's figures (Yik et al. 2025, doi:10.1038/s41467-025-56739-4), a sample.
   *
   * @param effectiveAcs pairs of an input of 1 or -1 and a weight other than 0
   * @param effectiveMacs pairs of any other input but 0 and a weight other than 0
   * @param activationSparsity share of zeros in what neurons and activation layers put out
   * @param connectionSparsity share of zeros among the weights
   * @param footprintBytes of parameters and buffers, 32 bits each
   * @param energy estimates by the chip whose published figures they use
   */
  public record Cost(
      double effectiveAcs,
      double effectiveMacs,
      double activationSparsity,
      double connectionSparsity,
      long footprintBytes,
      Map<EnergyPreset, Energy> energy) {}

  /**
   * An estimate.
   *
   * @param joules a sample: operations times what one costs
   * @param source of the figure of an operation
   */
  public record Energy(double joules, String source) {}

  /**
   * Synaptic operations caused by one parameter layer's input.
   *
   * @param synops a sample
   * @param synopsPerTimestep synops / T
   * @param synopsPerSecond synops_per_timestep / dt; null without a dt
   */
  public record Parameter(
      double synops, double synopsPerTimestep, @Nullable Double synopsPerSecond) {}

  /**
   * What a spiking layer puts out.
   *
   * @param silentRatio share of the neurons that did not spike once
   * @param saturatedRatio share of the neurons with at least one spike a step on average
   * @param histogram of the neurons' firing rates
   * @param nNeurons of the layer
   * @param firingRate spikes a neuron and step
   */
  public record Spiking(
      long nNeurons,
      double firingRate,
      double silentRatio,
      @Nullable Double saturatedRatio,
      Histogram histogram) {}

  /**
   * What a layer without a state puts out.
   *
   * @param activity sinabs' NeuromorphicReLU.activity: output a sample, summed over time and
   *     neurons, times the layer's fan-out
   */
  public record Activation(double activity) {}

  /**
   * {@code counts[i]} neurons have a rate in [edges[i], edges[i + 1]), the last bin with its upper
   * edge.
   *
   * @param edges of the bins, one more than bins
   * @param counts neurons in each bin
   */
  public record Histogram(List<Double> edges, List<Long> counts) {}
}
