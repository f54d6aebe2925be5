package dev.spikewise.spec;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Result of one forward pass over a batch, as sinabs' SNNAnalyzer reports it. All figures are means
 * over the batch.
 *
 * @param synops Synaptic operations per sample: the sum over time, neurons and parameter layers of
 *     value times fan-out.
 * @param synopsPerTimestep Synaptic operations per sample and time step.
 * @param synopsPerSecond Synaptic operations per second of input; null without {@code dt}.
 * @param firingRate Spikes per neuron per time step, averaged over all spiking neurons of all
 *     layers.
 * @param parameter Statistics of each layer with weights, by layer name.
 * @param spiking Statistics of each spiking layer, by layer name.
 * @param cost Operations as NeuroBench counts them; only in analyses.
 * @param activation Statistics of each layer without a state (ReLU, NeuromorphicReLU), by layer
 *     name.
 * @param accuracy Fraction of samples whose label is the output with the largest sum over time;
 *     only in analyses of labelled samples.
 * @param quantized Statistics of the quantised network; only in analyses that ask for it.
 * @param nSpikingNeurons Number of neurons in all spiking layers.
 * @param warnings Conditions that change the meaning of the figures, such as negative input, which
 *     reduces the count of synaptic operations; empty for epochs.
 * @param overTime Results after each time step, of the analysed samples or of a job's test samples;
 *     null without labels, and in jobs without test samples.
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
    List<String> warnings,
    @Nullable OverTime overTime) {

  public Statistics {
    warnings = warnings == null ? List.of() : List.copyOf(warnings);
    // Statistics that were stored before there were such layers have none.
    activation = activation == null ? Map.of() : activation;
  }

  public Statistics with(Cost cost, @Nullable Double accuracy) {
    return with(cost, accuracy, null, warnings, overTime);
  }

  public Statistics with(Quantized quantized) {
    return with(cost, accuracy, quantized, warnings, overTime);
  }

  public Statistics withWarnings(List<String> warnings) {
    return with(cost, accuracy, quantized, warnings, overTime);
  }

  public Statistics with(@Nullable OverTime overTime) {
    return with(cost, accuracy, quantized, warnings, overTime);
  }

  private Statistics with(
      @Nullable Cost cost,
      @Nullable Double accuracy,
      @Nullable Quantized quantized,
      List<String> warnings,
      @Nullable OverTime overTime) {
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
        warnings,
        overTime);
  }

  /**
   * Results after each time step. A sample's prediction after a time step is the class with the
   * largest output accumulated so far; with labels per time step, the class with the largest output
   * at that step.
   *
   * @param samples Number of samples that were measured.
   * @param accuracy Fraction of samples predicted correctly after each time step.
   * @param confidence Mean over the samples of the largest value of the softmax of the accumulated
   *     output, after each time step.
   * @param synops Synaptic operations per sample up to and including each time step.
   * @param earlyExit Results of ending each sample as soon as its confidence reaches a threshold,
   *     one entry per threshold.
   */
  public record OverTime(
      long samples,
      List<Double> accuracy,
      List<Double> confidence,
      List<Double> synops,
      List<Exit> earlyExit) {}

  /**
   * Results of ending each sample at the first time step whose confidence reaches the threshold, or
   * at its last time step.
   *
   * @param threshold Confidence that ends a sample.
   * @param accuracy Fraction of samples predicted correctly when they end.
   * @param timeSteps Mean number of time steps after which samples end.
   * @param synops Synaptic operations per sample up to its end.
   * @param exits Number of samples that end after each time step.
   */
  public record Exit(
      double threshold, double accuracy, double timeSteps, double synops, List<Long> exits) {}

  /**
   * Statistics of the same network and input with integer weights.
   *
   * @param scales Factor applied to weights, bias and subsequent potentials before rounding, by
   *     name of the parameter layer.
   * @param statistics Statistics of the quantised network.
   */
  public record Quantized(Map<String, Double> scales, Statistics statistics) {}

  /**
   * Operations per sample as NeuroBench counts them (Yik et al. 2025,
   * doi:10.1038/s41467-025-56739-4).
   *
   * @param effectiveAcs Number of pairs of an input of 1 or -1 and a weight other than 0.
   * @param effectiveMacs Number of pairs of any other non-zero input and a weight other than 0.
   * @param activationSparsity Fraction of zeros in the output of neurons and activation layers.
   * @param connectionSparsity Fraction of zeros among the weights.
   * @param footprintBytes Size of parameters and buffers in bytes, at 32 bits each.
   * @param energy Energy estimates by chip name.
   */
  public record Cost(
      double effectiveAcs,
      double effectiveMacs,
      double activationSparsity,
      double connectionSparsity,
      long footprintBytes,
      Map<EnergyPreset, Energy> energy) {}

  /**
   * Estimated energy of one sample.
   *
   * @param joules Energy per sample in joules: operations times the energy of one operation.
   * @param source Publication that reports the energy of one operation.
   */
  public record Energy(double joules, String source) {}

  /**
   * Synaptic operations caused by the input of one parameter layer.
   *
   * @param synops Synaptic operations per sample.
   * @param synopsPerTimestep Synaptic operations per sample and time step.
   * @param synopsPerSecond Synaptic operations per second of input; null without {@code dt}.
   */
  public record Parameter(
      double synops, double synopsPerTimestep, @Nullable Double synopsPerSecond) {}

  /**
   * Activity of one spiking layer.
   *
   * @param silentRatio Fraction of neurons that never spiked.
   * @param saturatedRatio Fraction of neurons with at least one spike per time step on average.
   * @param histogram Histogram of the neurons' firing rates.
   * @param nNeurons Number of neurons in the layer.
   * @param firingRate Spikes per neuron per time step.
   */
  public record Spiking(
      long nNeurons,
      double firingRate,
      double silentRatio,
      @Nullable Double saturatedRatio,
      Histogram histogram) {}

  /**
   * Activity of one layer without a state.
   *
   * @param activity Output per sample, summed over time and neurons, times the layer's fan-out:
   *     sinabs' NeuromorphicReLU.activity.
   */
  public record Activation(double activity) {}

  /**
   * Histogram: {@code counts[i]} neurons have a rate from edges[i] up to but excluding edges[i +
   * 1]; the last bin includes its upper edge.
   *
   * @param edges Edges of the bins, one more than there are bins.
   * @param counts Number of neurons in each bin.
   */
  public record Histogram(List<Double> edges, List<Long> counts) {}
}
