package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A layer of neurons with a state. */
public sealed interface NeuronSpec extends ElementwiseSpec {
  /** Time constants in time steps; null where the neuron has none. */
  default @Nullable Double tauMem() {
    return null;
  }

  /** Time constant of the synapses, in time steps; null where they have none. */
  @Nullable Double tauSyn();

  default @Nullable Double tauAdapt() {
    return null;
  }

  /** Whether exp(-1 / tau) is trained in place of tau. */
  default Boolean trainAlphas() {
    return false;
  }

  /** Whether the input current is scaled by 1 - exp(-1 / tau_mem). */
  default Boolean normInput() {
    return false;
  }

  /** Lower bound of the membrane potential; none if null. */
  @Nullable Double minVMem();

  /** Trainable time constants under sinabs' names, with their initial values. */
  default SequencedMap<String, Double> timeConstants() {
    var constants = new LinkedHashMap<String, Double>();
    put(constants, "mem", tauMem());
    put(constants, "adapt", tauAdapt());
    put(constants, "syn", tauSyn());
    return constants;
  }

  private void put(SequencedMap<String, Double> constants, String which, @Nullable Double tau) {
    if (tau != null) {
      constants.put(
          (trainAlphas() ? "alpha_" : "tau_") + which, trainAlphas() ? Math.exp(-1 / tau) : tau);
    }
  }

  @Override
  default SequencedMap<String, Shape> parameters(Shape input) {
    var parameters = new LinkedHashMap<String, Shape>();
    timeConstants().keySet().forEach(name -> parameters.put(name, Shape.of()));
    return parameters;
  }

  @Override
  default void check(Mistakes mistakes) {
    positive(tauMem(), "tau_mem", mistakes);
    positive(tauSyn(), "tau_syn", mistakes);
    positive(tauAdapt(), "tau_adapt", mistakes);
    if (minVMem() != null) {
      mistakes.finite(minVMem(), "min_v_mem");
    }
  }

  private static void positive(@Nullable Double tau, String name, Mistakes mistakes) {
    if (tau != null) {
      mistakes.positive(tau, name);
    }
  }

  /** A layer of spiking neurons. */
  sealed interface Spiking extends NeuronSpec {
    /** The membrane potential at which a neuron spikes. */
    Double spikeThreshold();

    SpikeFn spikeFn();

    ResetFn resetFn();

    /** What stands for the derivative of a spike in the backward pass. */
    SurrogateSpec surrogateGradFn();

    /**
     * Reproduces sinabs' MembraneReset, which adds the reset value to every neuron, spiking or not.
     */
    Boolean sinabsCompat();

    @Override
    default void check(Mistakes mistakes) {
      NeuronSpec.super.check(mistakes);
      mistakes.positive(spikeThreshold(), "spike_threshold");
      surrogateGradFn().check(mistakes.in("surrogate_grad_fn"));
      if (minVMem() != null) {
        mistakes.require(
            minVMem() < spikeThreshold(),
            "min_v_mem",
            "must be below spike_threshold " + spikeThreshold() + ", was " + minVMem());
      }
    }
  }

  /**
   * Spiking neurons whose spikes come back to all of them as input, one step later, through a
   * Linear layer.
   */
  sealed interface Recurrent extends Spiking {
    /** From all neurons to all neurons; without a bias if null. */
    SynapticSpec.@Nullable Linear recConnect();

    default boolean recurrentBias() {
      return recConnect() != null && recConnect().bias();
    }

    @Override
    default SequencedMap<String, Shape> parameters(Shape input) {
      var parameters = Spiking.super.parameters(input);
      parameters.put("rec_connect.weight", Shape.of(input.size(), input.size()));
      if (recurrentBias()) {
        parameters.put("rec_connect.bias", Shape.of(input.size()));
      }
      return parameters;
    }

    @Override
    default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 1) {
        mistakes.add(
            typeName()
                + " takes a flat input, but the layers before it give "
                + input
                + "; put a Flatten before it");
        return null;
      }
      if (recConnect() != null) {
        Shape back = recConnect().outputShape(input, mistakes.in("rec_connect"));
        if (back != null && !back.equals(input)) {
          mistakes
              .in("rec_connect")
              .in("out_features")
              .add("must be " + input.dim(0) + ", was " + back.dim(0));
        }
      }
      return input;
    }
  }

  /** Integrate-and-fire neurons without leak. */
  record IAF(
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @Nullable Double tauSyn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public IAF {
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }
  }

  /**
   * Leaky integrate-and-fire neurons; {@code tau_mem} and {@code tau_syn} in time steps, trainable.
   */
  record LIF(
      Double tauMem,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public LIF {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Spiking.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }

  /**
   * Leaky neurons whose threshold, {@code spike_threshold + adapt_scale b}, rises with their spikes
   * and decays with {@code tau_adapt}. One spike a step at most, unless told otherwise.
   *
   * @param tauAdapt time constant of the threshold, in time steps
   * @param adaptScale what a spike adds to the threshold, before it decays
   */
  record ALIF(
      Double tauMem,
      Double tauAdapt,
      @Nullable Double tauSyn,
      Double adaptScale,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public ALIF {
      adaptScale = adaptScale == null ? 1.8 : adaptScale;
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.SINGLE : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Spiking.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
      mistakes.require(tauAdapt != null, "tau_adapt", "is missing");
      mistakes.finite(adaptScale, "adapt_scale");
    }
  }

  /** IAF neurons with a way back from each to all. */
  record IAFRecurrent(
      SynapticSpec.@Nullable Linear recConnect,
      @Nullable Double tauSyn,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public IAFRecurrent {
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }
  }

  /** LIF neurons with a way back from each to all. */
  record LIFRecurrent(
      Double tauMem,
      SynapticSpec.@Nullable Linear recConnect,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public LIFRecurrent {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Recurrent.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }

  /** Leaky integrators without spikes: the output is the membrane potential. */
  record ExpLeak(
      Double tauMem,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      @JsonProperty("min_v_mem") @Nullable Double minVMem)
      implements NeuronSpec {
    public ExpLeak {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? false : normInput;
    }

    @Override
    public void check(Mistakes mistakes) {
      NeuronSpec.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }
}
