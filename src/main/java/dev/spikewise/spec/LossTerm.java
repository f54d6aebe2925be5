package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One summand of the loss. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = LossTerm.Synops.class, name = "synops"),
  @JsonSubTypes.Type(value = LossTerm.FiringRate.class, name = "firing_rate"),
  @JsonSubTypes.Type(value = LossTerm.CrossEntropy.class, name = "cross_entropy"),
  @JsonSubTypes.Type(
      value = LossTerm.MaxMembraneCrossEntropy.class,
      name = "max_membrane_cross_entropy"),
  @JsonSubTypes.Type(value = LossTerm.MseCount.class, name = "mse_count"),
  @JsonSubTypes.Type(value = LossTerm.L1.class, name = "l1"),
  @JsonSubTypes.Type(
      value = LossTerm.InputDifference.class,
      names = {"input_difference", "input_diff"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LossTerm {

  /** Factor of the term. */
  Double weight();

  default void check(Mistakes mistakes) {
    mistakes.finite(weight(), "weight");
  }

  enum Mode {
    /** {@code ((target - synops) / target)^2}: towards the target from either side. */
    @JsonProperty("track")
    TRACK,
    /** {@code relu(synops - target)^2 / target^2}: only above the target. */
    @JsonProperty("limit")
    LIMIT
  }

  enum Scope {
    @JsonProperty("model")
    MODEL,
    @JsonProperty("layer")
    LAYER
  }

  enum Unit {
    @JsonProperty("per_sample")
    PER_SAMPLE,
    @JsonProperty("per_timestep")
    PER_TIMESTEP,
    @JsonProperty("per_second")
    PER_SECOND
  }

  /**
   * A number of synaptic operations, or a multiple of what the initial weights need on the job's
   * own input.
   *
   * @param value in the unit of the term; null beside a multiple
   * @param baselineMultiple times what the initial weights need; null beside a value
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Target(@Nullable Double value, @Nullable Double baselineMultiple) {
    void check(Mistakes mistakes) {
      if ((value == null) == (baselineMultiple == null)) {
        mistakes.add("must have either value or baseline_multiple");
      } else if (value != null) {
        mistakes.positive(value, "value");
      } else {
        mistakes.positive(baselineMultiple, "baseline_multiple");
      }
    }
  }

  /**
   * Synaptic operations against a target.
   *
   * @param layers names of the parameter layers it counts; all if null
   * @param normalize whether a limit is divided by the squared target
   * @param mode from which side
   * @param target how many
   * @param scope of the whole model, or of each layer
   * @param unit of the target
   */
  record Synops(
      Mode mode,
      Target target,
      Scope scope,
      Unit unit,
      Boolean normalize,
      Double weight,
      @Nullable List<String> layers)
      implements LossTerm {
    public Synops {
      mode = mode == null ? Mode.TRACK : mode;
      scope = scope == null ? Scope.MODEL : scope;
      unit = unit == null ? Unit.PER_SAMPLE : unit;
      normalize = normalize == null ? true : normalize;
      weight = weight == null ? 1.0 : weight;
    }

    /** A limit on the whole model, in synops a sample. */
    static Synops limit(Target target) {
      return new Synops(Mode.LIMIT, target, Scope.MODEL, Unit.PER_SAMPLE, true, 1.0, null);
    }

    /** The same term with another target. */
    Synops withTarget(Target target) {
      return new Synops(mode, target, scope, unit, normalize, weight, layers);
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      if (mistakes.require(
          target != null,
          "target",
          "is missing: give {\"value\": n} or {\"baseline_multiple\": x}")) {
        target.check(mistakes.in("target"));
      }
    }
  }

  /**
   * {@code sum over neurons of relu(min - rate)^2 + relu(rate - max)^2}; rate = spikes a step, mean
   * over the batch.
   *
   * @param min no penalty above; none if null
   * @param max no penalty below; none if null
   * @param layers names of spiking layers; all if null
   */
  record FiringRate(
      @Nullable Double min, @Nullable Double max, Double weight, @Nullable List<String> layers)
      implements LossTerm {
    public FiringRate {
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      if (min == null && max == null) {
        mistakes.add("must have min, max or both");
      }
      if (min != null) {
        mistakes.finite(min, "min");
      }
      if (max != null && mistakes.finite(max, "max") && min != null) {
        mistakes.require(max >= min, "max", "must be at least min " + min + ", was " + max);
      }
    }
  }

  /** Cross entropy of the last layer's spikes, summed over time, against the labels. */
  record CrossEntropy(Double weight) implements LossTerm {
    public CrossEntropy {
      weight = weight == null ? 1.0 : weight;
    }
  }

  /**
   * Cross entropy of the largest membrane potential over time against the labels. The last layer
   * must put it out, as ExpLeak does. Its argmax is then what the network predicts.
   */
  record MaxMembraneCrossEntropy(Double weight) implements LossTerm {
    public MaxMembraneCrossEntropy {
      weight = weight == null ? 1.0 : weight;
    }
  }

  /**
   * Mean squared distance of the last layer's spikes a step from {@code correct_rate} for the
   * label's neuron and {@code incorrect_rate} for the others.
   *
   * @param correctRate spikes a step that the label's neuron shall have
   * @param incorrectRate spikes a step that the others shall have
   */
  record MseCount(Double correctRate, Double incorrectRate, Double weight) implements LossTerm {
    public MseCount {
      correctRate = correctRate == null ? 1.0 : correctRate;
      incorrectRate = incorrectRate == null ? 0.0 : incorrectRate;
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      mistakes.finite(correctRate, "correct_rate");
      mistakes.finite(incorrectRate, "incorrect_rate");
    }
  }

  /**
   * Spikes of a sample, summed over time and neurons of the named spiking layers; of all if null.
   *
   * @param layers names of spiking layers; all if null
   */
  record L1(Double weight, @Nullable List<String> layers) implements LossTerm {
    public L1 {
      weight = weight == null ? 1.0 : weight;
    }
  }

  /**
   * Mean over samples, steps and outputs of {@code |W| x - |W x + b|}, summed over the named
   * parameter layers; all if null. It is what sinabs' {@code input_diff_hook} leaves to be made
   * small: inputs of opposite sign that cancel each other within a step, which an asynchronous chip
   * receives one after the other.
   *
   * @param layers names of parameter layers; all if null
   */
  record InputDifference(Double weight, @Nullable List<String> layers) implements LossTerm {
    public InputDifference {
      weight = weight == null ? 1.0 : weight;
    }
  }
}
