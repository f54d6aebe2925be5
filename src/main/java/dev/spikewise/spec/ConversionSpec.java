package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.layer.NeuronSpec;
import org.jspecify.annotations.Nullable;

/**
 * How a network of ReLUs is converted to one of spiking neurons, as sinabs' from_model does, with
 * its defaults.
 *
 * @param name Name of the spiking model; the original's name when absent.
 * @param minVMem Lower bound of the neurons' membrane potential.
 * @param biasRescaling Divisor applied to all biases.
 * @param inputWeightRescaling Factor applied to the weights of the first layer that has some, so
 *     that more spikes carry the same activity.
 * @param addSpikingOutput Whether spiking neurons are added where the last layer is not a ReLU.
 * @param normalize Scaling of the weights before the conversion; weights are left as they are when
 *     absent.
 * @param spikeThreshold Spike threshold of the new neurons.
 * @param spikeFn Spike function of the new neurons.
 * @param resetFn Reset function of the new neurons.
 * @param surrogateGradFn Surrogate gradient of the new neurons.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ConversionSpec(
    @Nullable String name,
    Double spikeThreshold,
    SpikeFn spikeFn,
    ResetFn resetFn,
    SurrogateSpec surrogateGradFn,
    @JsonProperty("min_v_mem") Double minVMem,
    Double biasRescaling,
    Double inputWeightRescaling,
    Boolean addSpikingOutput,
    @Nullable Normalization normalize)
    implements Checked {

  /**
   * Scales each layer so that the given percentile of its activations is 1, while the network
   * computes the same function (Rueckauer et al. 2017, doi:10.3389/fnins.2017.00682).
   *
   * @param input Input of type {@code dataset} on which activations are measured.
   * @param percentile Percentile of the activations that becomes 1, above 0 and at most 100.
   * @param samples Number of samples on which activations are measured.
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Normalization(InputSpec input, Double percentile, Integer samples) {
    public Normalization {
      percentile = percentile == null ? 99.0 : percentile;
      samples = samples == null ? 256 : samples;
    }

    void check(Mistakes mistakes) {
      if (mistakes.require(
          input instanceof InputSpec.FromDataset,
          "input",
          "must be of type dataset because activations are measured on samples")) {
        input.check(mistakes.in("input"));
        mistakes.require(
            input instanceof InputSpec.FromDataset d && !d.encoding().hasTime(),
            "input",
            "must name samples without a time axis because the network is not spiking");
      }
      mistakes.require(
          percentile > 0 && percentile <= 100,
          "percentile",
          "must be above 0 and at most 100 but was " + percentile);
      mistakes.between(samples, 1, 4096, "samples");
    }
  }

  public ConversionSpec {
    spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
    spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
    resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
    surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
    minVMem = minVMem == null ? -1.0 : minVMem;
    biasRescaling = biasRescaling == null ? 1.0 : biasRescaling;
    inputWeightRescaling = inputWeightRescaling == null ? 1.0 : inputWeightRescaling;
    addSpikingOutput = addSpikingOutput == null ? false : addSpikingOutput;
  }

  /** Neurons that replace a ReLU. */
  public NeuronSpec.IAF neuron() {
    return new NeuronSpec.IAF(
        Constant.of(spikeThreshold), spikeFn, resetFn, surrogateGradFn, null, minVMem, false);
  }

  @Override
  public void check(Mistakes mistakes) {
    if (name != null) {
      mistakes.name(name, "name");
    }
    neuron().check(mistakes);
    mistakes.positive(biasRescaling, "bias_rescaling");
    mistakes.positive(inputWeightRescaling, "input_weight_rescaling");
    if (normalize != null) {
      normalize.check(mistakes.in("normalize"));
    }
  }
}
