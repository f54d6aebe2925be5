package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/** A layer of neurons with a state. */
public sealed interface NeuronSpec extends ElementwiseSpec {
  @Override
  default int spikesPerUnit(int unit, Shape input) {
    return 1;
  }

  Constant ONE = Constant.of(1);

  /**
   * Time constant of the membrane potential in time steps: a number, or a list with one per channel
   * or per neuron.
   */
  default @Nullable Constant tauMem() {
    return null;
  }

  /**
   * Time constant of the synaptic current in time steps: a number, or a list with one per channel
   * or per neuron; no synaptic current when absent.
   */
  @Nullable Constant tauSyn();

  default @Nullable Constant tauAdapt() {
    return null;
  }

  /** Whether exp(-1 / tau) is trained instead of tau. */
  default Boolean trainAlphas() {
    return false;
  }

  /**
   * Whether the time constants are trained; when false they keep their values, like those of
   * SpikingJelly's LIFNode and snnTorch's Leaky.
   */
  default Boolean trainConstants() {
    return true;
  }

  /** Whether the input current is scaled by 1 - exp(-1 / tau_mem). */
  default Boolean normInput() {
    return false;
  }

  /** Lower bound of the membrane potential; unbounded when absent. */
  @Nullable Double minVMem();

  /** Trainable time constants under sinabs' names, with their initial values. */
  default SequencedMap<String, Constant> timeConstants() {
    var constants = new LinkedHashMap<String, Constant>();
    put(constants, "mem", tauMem());
    put(constants, "adapt", tauAdapt());
    put(constants, "syn", tauSyn());
    return constants;
  }

  private void put(SequencedMap<String, Constant> constants, String which, @Nullable Constant tau) {
    if (tau != null) {
      constants.put(
          (trainAlphas() ? "alpha_" : "tau_") + which,
          trainAlphas() ? tau.map(value -> Math.exp(-1 / value)) : tau);
    }
  }

  @Override
  default SequencedMap<String, Shape> parameters(Shape input) {
    var parameters = new LinkedHashMap<String, Shape>();
    timeConstants().forEach((name, constant) -> parameters.put(name, constant.shape(input)));
    return parameters;
  }

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    boolean fit = true;
    for (var constant : constants().entrySet()) {
      fit &= constant.getValue().fits(input, constant.getKey(), mistakes);
    }
    return fit ? input : null;
  }

  /** Constants that may differ between neurons, by the name of the option. */
  default SequencedMap<String, Constant> constants() {
    var constants = new LinkedHashMap<String, Constant>();
    putOption(constants, "tau_mem", tauMem());
    putOption(constants, "tau_adapt", tauAdapt());
    putOption(constants, "tau_syn", tauSyn());
    return constants;
  }

  private static void putOption(
      SequencedMap<String, Constant> constants, String name, @Nullable Constant constant) {
    if (constant != null) {
      constants.put(name, constant);
    }
  }

  @Override
  default void check(Mistakes mistakes) {
    constants().forEach((name, constant) -> constant.positive(name, mistakes));
    if (minVMem() != null) {
      mistakes.finite(minVMem(), "min_v_mem");
    }
  }

  /** A layer of spiking neurons. */
  sealed interface Spiking extends NeuronSpec {
    /**
     * Membrane potential at which a neuron spikes: a number, or a list with one per channel or per
     * neuron. Not trained.
     */
    Constant spikeThreshold();

    SpikeFn spikeFn();

    ResetFn resetFn();

    /** Surrogate for the derivative of a spike in the backward pass. */
    SurrogateSpec surrogateGradFn();

    /**
     * Reproduces sinabs' MembraneReset, which adds the reset value to every neuron, spiking or not.
     */
    Boolean sinabsCompat();

    /**
     * Whether the backward pass treats the reset as independent of the spike that causes it;
     * SpikingJelly's {@code detach_reset}. When absent, as in sinabs: true where a spike sets the
     * potential, false where it subtracts.
     */
    default @Nullable Boolean detachReset() {
      return null;
    }

    /** Value of {@link #detachReset} with its default applied. */
    default boolean resetDetached() {
      Boolean detach = detachReset();
      return detach == null ? resetFn().kind() == ResetFn.Kind.RESET : detach;
    }

    /**
     * Equivalent neurons with rescaled potentials; null when they cannot be rescaled.
     *
     * @param threshold replacement for {@link #spikeThreshold}
     * @param reset replacement for {@link #resetFn}
     * @param lowest replacement for {@link #minVMem}
     * @param scale factor of other numbers that are added to a potential or a threshold
     */
    @Nullable Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale);

    @Override
    default void check(Mistakes mistakes) {
      NeuronSpec.super.check(mistakes);
      surrogateGradFn().check(mistakes.in("surrogate_grad_fn"));
      if (minVMem() != null) {
        mistakes.require(
            minVMem() < spikeThreshold().least(),
            "min_v_mem",
            "must be below spike_threshold " + spikeThreshold() + " but was " + minVMem());
      }
      if (resetFn().kind() == ResetFn.Kind.RESET && !resetDetached()) {
        mistakes.require(
            spikeFn().kind() == SpikeFn.Kind.SINGLE && !sinabsCompat(),
            "detach_reset",
            "must be true with this reset_fn, unless spike_fn is \"single\" and sinabs_compat"
                + " false: the gradient of a reset to a value is defined for one spike per time"
                + " step");
      }
    }

    @Override
    default SequencedMap<String, Constant> constants() {
      var constants = NeuronSpec.super.constants();
      constants.put("spike_threshold", spikeThreshold());
      return constants;
    }
  }

  /** Spiking neurons that receive their own spikes one time step later through a Linear layer. */
  sealed interface Recurrent extends Spiking {
    /** Linear layer from all neurons back to all neurons; without a bias when absent. */
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
                + " takes a flat input, but the preceding layer outputs "
                + input
                + "; put a Flatten before it");
        return null;
      }
      if (Spiking.super.outputShape(input, mistakes) == null) {
        return null;
      }
      if (recConnect() != null) {
        Shape back = recConnect().outputShape(input, mistakes.in("rec_connect"));
        if (back != null && !back.equals(input)) {
          mistakes
              .in("rec_connect")
              .in("out_features")
              .add("must be " + input.dim(0) + " but was " + back.dim(0));
        }
      }
      return input;
    }
  }

  /** Spiking neurons with an adaptation state, for which NIR has no node. */
  sealed interface Adaptive extends Spiking {}

  /** Integrate-and-fire neurons without leak. */
  record IAF(
      Constant spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @Nullable Constant tauSyn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat,
      @Nullable Boolean detachReset)
      implements Spiking {
    /** Neurons with the gradient of sinabs' reset. */
    public IAF(
        Constant spikeThreshold,
        SpikeFn spikeFn,
        ResetFn resetFn,
        SurrogateSpec surrogateGradFn,
        @Nullable Constant tauSyn,
        @Nullable Double minVMem,
        Boolean sinabsCompat) {
      this(spikeThreshold, spikeFn, resetFn, surrogateGradFn, tauSyn, minVMem, sinabsCompat, null);
    }

    public IAF {
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      return new IAF(
          threshold, spikeFn, reset, surrogateGradFn, tauSyn, lowest, sinabsCompat, detachReset);
    }
  }

  /** Leaky integrate-and-fire neurons; {@code tau_mem} and {@code tau_syn} in time steps. */
  record LIF(
      Constant tauMem,
      @Nullable Constant tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Constant spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat,
      Boolean trainConstants,
      @Nullable Boolean detachReset)
      implements Spiking {
    /** Neurons with trained time constants and the gradient of sinabs' reset. */
    public LIF(
        Constant tauMem,
        @Nullable Constant tauSyn,
        Boolean trainAlphas,
        Boolean normInput,
        Constant spikeThreshold,
        SpikeFn spikeFn,
        ResetFn resetFn,
        SurrogateSpec surrogateGradFn,
        @Nullable Double minVMem,
        Boolean sinabsCompat) {
      this(
          tauMem,
          tauSyn,
          trainAlphas,
          normInput,
          spikeThreshold,
          spikeFn,
          resetFn,
          surrogateGradFn,
          minVMem,
          sinabsCompat,
          true,
          null);
    }

    public LIF {
      trainConstants = trainConstants == null ? true : trainConstants;
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Spiking.super.check(mistakes);
      mistakes.require(
          tauMem != null,
          "tau_mem",
          "is missing: give the time constant of the membrane potential in time steps");
    }

    @Override
    public Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      return new LIF(
          tauMem,
          tauSyn,
          trainAlphas,
          normInput,
          threshold,
          spikeFn,
          reset,
          surrogateGradFn,
          lowest,
          sinabsCompat,
          trainConstants,
          detachReset);
    }
  }

  /**
   * Leaky neurons whose threshold, {@code spike_threshold + adapt_scale b}, rises with their spikes
   * and decays with {@code tau_adapt}. By default they spike at most once per time step.
   *
   * @param tauAdapt time constant of the threshold in time steps: a number, or a list with one per
   *     channel or per neuron
   * @param adaptScale Increase of the threshold per spike, before it decays.
   */
  record ALIF(
      Constant tauMem,
      Constant tauAdapt,
      @Nullable Constant tauSyn,
      Double adaptScale,
      Boolean trainAlphas,
      Boolean normInput,
      Constant spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Adaptive {
    public ALIF {
      adaptScale = adaptScale == null ? 1.8 : adaptScale;
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.SINGLE : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Adaptive.super.check(mistakes);
      mistakes.require(
          tauMem != null,
          "tau_mem",
          "is missing: give the time constant of the membrane potential in time steps");
      mistakes.require(
          tauAdapt != null,
          "tau_adapt",
          "is missing: give the time constant of the threshold in time steps");
      mistakes.finite(adaptScale, "adapt_scale");
    }

    @Override
    public Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      return new ALIF(
          tauMem,
          tauAdapt,
          tauSyn,
          scale.applyAsDouble(adaptScale),
          trainAlphas,
          normInput,
          threshold,
          spikeFn,
          reset,
          surrogateGradFn,
          lowest,
          sinabsCompat);
    }
  }

  /**
   * Adaptive leaky integrate-and-fire neurons with at most one spike per step (Bittar and Garner
   * 2022, doi:10.3389/fnins.2022.865897). {@code alpha}, {@code beta}, {@code a} and {@code b} are
   * trained, and stay in the authors' ranges. Each is a number, or a list with one per channel or
   * per neuron; when absent, the value of each neuron is drawn from the range.
   *
   * @param alpha decay of the membrane potential per step, from exp(-1/5) to exp(-1/25)
   * @param beta decay of the adaptation per step, from exp(-1/30) to exp(-1/120)
   * @param a adaptation per unit of the membrane potential, from -1 to 1
   * @param b adaptation per spike, from 0 to 2
   */
  record AdLIF(
      @Nullable Constant alpha,
      @Nullable Constant beta,
      @Nullable Constant a,
      @Nullable Constant b,
      Constant spikeThreshold,
      SurrogateSpec surrogateGradFn)
      implements Adaptive {

    /** Bounds of a trained constant. */
    public record Range(Double least, Double most) {}

    /** The trained constants, in the order in which the authors' code draws them. */
    public static final SequencedMap<String, Range> RANGES = ranges();

    public AdLIF {
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      surrogateGradFn = surrogateGradFn == null ? new SurrogateSpec.Boxcar(0.5) : surrogateGradFn;
    }

    private static SequencedMap<String, Range> ranges() {
      var ranges = new LinkedHashMap<String, Range>();
      ranges.put("alpha", new Range(Math.exp(-1.0 / 5), Math.exp(-1.0 / 25)));
      ranges.put("beta", new Range(Math.exp(-1.0 / 30), Math.exp(-1.0 / 120)));
      ranges.put("a", new Range(-1.0, 1.0));
      ranges.put("b", new Range(0.0, 2.0));
      return Collections.unmodifiableSequencedMap(ranges);
    }

    /** The trained constants with given values. */
    @Override
    public SequencedMap<String, Constant> timeConstants() {
      var given = new LinkedHashMap<String, Constant>();
      NeuronSpec.putOption(given, "alpha", alpha);
      NeuronSpec.putOption(given, "beta", beta);
      NeuronSpec.putOption(given, "a", a);
      NeuronSpec.putOption(given, "b", b);
      return given;
    }

    @Override
    public SequencedMap<String, Constant> constants() {
      var constants = timeConstants();
      constants.put("spike_threshold", spikeThreshold);
      return constants;
    }

    @Override
    public SequencedMap<String, Shape> parameters(Shape input) {
      var given = timeConstants();
      var parameters = new LinkedHashMap<String, Shape>();
      for (String name : RANGES.keySet()) {
        Constant constant = given.get(name);
        parameters.put(name, constant == null ? input : constant.shape(input));
      }
      return parameters;
    }

    @Override
    public void check(Mistakes mistakes) {
      timeConstants()
          .forEach(
              (name, constant) -> {
                Range range = Objects.requireNonNull(RANGES.get(name));
                constant.values().stream()
                    .filter(value -> !(value >= range.least && value <= range.most))
                    .findFirst()
                    .ifPresent(value -> mistakes.between(value, range.least, range.most, name));
              });
      spikeThreshold.positive("spike_threshold", mistakes);
      surrogateGradFn.check(mistakes.in("surrogate_grad_fn"));
    }

    @Override
    @JsonIgnore
    public @Nullable Constant tauSyn() {
      return null;
    }

    @Override
    @JsonIgnore
    public SpikeFn spikeFn() {
      return SpikeFn.SINGLE;
    }

    @Override
    @JsonIgnore
    public ResetFn resetFn() {
      return ResetFn.SUBTRACT;
    }

    @Override
    @JsonIgnore
    public @Nullable Double minVMem() {
      return null;
    }

    @Override
    @JsonIgnore
    public Boolean sinabsCompat() {
      return false;
    }

    @Override
    public @Nullable Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      // The constant b is added at the scale of the potential but is a trained parameter, which
      // cannot be rescaled here.
      return null;
    }
  }

  /** IAF neurons with recurrent connections from each neuron to all neurons. */
  record IAFRecurrent(
      SynapticSpec.@Nullable Linear recConnect,
      @Nullable Constant tauSyn,
      Constant spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public IAFRecurrent {
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      return new IAFRecurrent(
          recConnect, tauSyn, threshold, spikeFn, reset, surrogateGradFn, lowest, sinabsCompat);
    }
  }

  /** LIF neurons with recurrent connections from each neuron to all neurons. */
  record LIFRecurrent(
      Constant tauMem,
      SynapticSpec.@Nullable Linear recConnect,
      @Nullable Constant tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Constant spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public LIFRecurrent {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? ONE : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Recurrent.super.check(mistakes);
      mistakes.require(
          tauMem != null,
          "tau_mem",
          "is missing: give the time constant of the membrane potential in time steps");
    }

    @Override
    public Spiking scaled(
        Constant threshold, ResetFn reset, double lowest, DoubleUnaryOperator scale) {
      return new LIFRecurrent(
          tauMem,
          recConnect,
          tauSyn,
          trainAlphas,
          normInput,
          threshold,
          spikeFn,
          reset,
          surrogateGradFn,
          lowest,
          sinabsCompat);
    }
  }

  /** Leaky integrators without spikes: the output is the membrane potential. */
  record ExpLeak(
      Constant tauMem,
      @Nullable Constant tauSyn,
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
      mistakes.require(
          tauMem != null,
          "tau_mem",
          "is missing: give the time constant of the membrane potential in time steps");
    }
  }
}
