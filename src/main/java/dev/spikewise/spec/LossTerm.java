package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One term of the loss; the loss is the weighted sum of its terms. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = LossTerm.Synops.class, name = "synops"),
  @JsonSubTypes.Type(value = LossTerm.FiringRate.class, name = "firing_rate"),
  @JsonSubTypes.Type(value = LossTerm.CrossEntropy.class, name = "cross_entropy"),
  @JsonSubTypes.Type(
      value = LossTerm.MaxMembraneCrossEntropy.class,
      name = "max_membrane_cross_entropy"),
  @JsonSubTypes.Type(
      value = LossTerm.StepCrossEntropy.class,
      names = {"step_cross_entropy", "tet"}),
  @JsonSubTypes.Type(value = LossTerm.MseCount.class, name = "mse_count"),
  @JsonSubTypes.Type(value = LossTerm.MseMembrane.class, name = "mse_membrane"),
  @JsonSubTypes.Type(value = LossTerm.Distillation.class, name = "distillation"),
  @JsonSubTypes.Type(value = LossTerm.L1.class, name = "l1"),
  @JsonSubTypes.Type(value = LossTerm.WeightNorm.class, name = "weight_norm"),
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
   * Target of a synops term: a number of synaptic operations, or a multiple of what the initial
   * weights cause on the job's own input.
   *
   * @param value Number of synaptic operations, in the unit of the term; absent beside a multiple.
   * @param baselineMultiple Multiple of the synaptic operations that the initial weights cause;
   *     absent beside a value.
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
   * Distance of the synaptic operations from a target.
   *
   * @param layers Names of the parameter layers that count; all of them when absent.
   * @param normalize Whether the penalty of a limit is divided by the squared target; true by
   *     default.
   * @param mode Whether the target is approached from both sides ({@code track}) or is an upper
   *     limit ({@code limit}).
   * @param target Number of synaptic operations to reach.
   * @param scope Whether the target holds for the whole model or for each layer by itself.
   * @param unit Unit of the target: per sample, per time step or per second.
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

    /** A limit on the whole model, in synops per sample. */
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
   * {@code sum over neurons of relu(min - rate)^2 + relu(rate - max)^2}, with the rate in spikes
   * per neuron per time step, averaged over the batch.
   *
   * @param min Firing rate below which a neuron is penalised; no lower bound when absent.
   * @param max Firing rate above which a neuron is penalised; no upper bound when absent.
   * @param layers Names of the spiking layers that count; all of them when absent.
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
        mistakes.require(max >= min, "max", "must be at least min " + min + " but was " + max);
      }
    }
  }

  /**
   * Cross entropy of the last layer's spikes, summed over time, against the labels.
   *
   * @param labelSmoothing Part of each label that is spread evenly over all classes (Szegedy et al.
   *     2016, arXiv:1512.00567), at least 0 and below 1; 0 when absent.
   */
  record CrossEntropy(Double weight, @Nullable Double labelSmoothing) implements LossTerm {
    public CrossEntropy {
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      checkSmoothing(labelSmoothing, mistakes);
    }
  }

  private static void checkSmoothing(@Nullable Double smoothing, Mistakes mistakes) {
    mistakes.require(
        smoothing == null || smoothing >= 0 && smoothing < 1,
        "label_smoothing",
        "must be at least 0 and below 1 but was " + smoothing);
  }

  /**
   * Cross entropy between the labels and the largest membrane potential of each output over time.
   * The last layer must return potentials, as ExpLeak does; the predicted class is then the argmax
   * of these values.
   *
   * @param labelSmoothing Part of each label that is spread evenly over all classes, at least 0 and
   *     below 1; 0 when absent.
   */
  record MaxMembraneCrossEntropy(Double weight, @Nullable Double labelSmoothing)
      implements LossTerm {
    public MaxMembraneCrossEntropy {
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      checkSmoothing(labelSmoothing, mistakes);
    }
  }

  /**
   * Temporal efficient training (Deng et al. 2022, arXiv:2202.11946): {@code (1 - lambda) *
   * mean_t(cross_entropy(o_t, label)) + lambda * mean((o_t - mean)^2)} of the last layer's output
   * o_t at each time step. Accepts data sets with one label per sample or per time step.
   *
   * @param lambda Share of the squared distance from {@code mean}, at least 0 and at most 1; 0 when
   *     absent.
   * @param mean Value that the outputs are drawn to by {@code lambda}; 1 when absent, as the
   *     threshold in the paper.
   * @param labelSmoothing Part of each label that is spread evenly over all classes, at least 0 and
   *     below 1; 0 when absent.
   */
  record StepCrossEntropy(
      Double lambda, Double mean, Double weight, @Nullable Double labelSmoothing)
      implements LossTerm {
    public StepCrossEntropy {
      lambda = lambda == null ? 0.0 : lambda;
      mean = mean == null ? 1.0 : mean;
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      mistakes.between(lambda, 0, 1, "lambda");
      mistakes.finite(mean, "mean");
      checkSmoothing(labelSmoothing, mistakes);
    }
  }

  /**
   * Mean over samples, time steps and outputs of the squared distance of the membrane potential
   * from {@code on_target} for the neuron of the label and from {@code off_target} for all others:
   * snnTorch's {@code mse_membrane_loss}. The last layer must return potentials, as ExpLeak does.
   *
   * @param onTarget Potential wanted of the label's neuron; 1 when absent.
   * @param offTarget Potential wanted of all other neurons; 0 when absent.
   */
  record MseMembrane(Double onTarget, Double offTarget, Double weight) implements LossTerm {
    public MseMembrane {
      onTarget = onTarget == null ? 1.0 : onTarget;
      offTarget = offTarget == null ? 0.0 : offTarget;
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      mistakes.finite(onTarget, "on_target");
      mistakes.finite(offTarget, "off_target");
    }
  }

  /**
   * Distance from the outputs of a trained network (Hinton et al. 2015, arXiv:1503.02531): {@code
   * temperature^2 * KL(softmax(teacher / temperature) || softmax(output / temperature))}, averaged
   * over the batch, with the outputs summed over time. Hinton's {@code (1 - alpha) * cross_entropy
   * + alpha * distillation} are two terms with these weights.
   *
   * @param teacher Trained network that receives the same input: <code>{"id": ...}</code> of a
   *     stored model or <code>{"job": ...}</code>. It must exist until the training has ended.
   * @param temperature Number that divides the outputs of both networks; 2 when absent.
   * @param teacherLogits Whether the teacher's outputs are summed over time, as for spiking
   *     networks, or averaged, which are the outputs of a network of ReLUs with constant input;
   *     {@code sum} when absent.
   */
  record Distillation(ModelRef teacher, Double temperature, Logits teacherLogits, Double weight)
      implements LossTerm {

    /** Outputs of the teacher. */
    public enum Logits {
      /** Sum over the time steps. */
      @JsonProperty("sum")
      SUM,
      /** Mean over the time steps. */
      @JsonProperty("mean")
      MEAN
    }

    public Distillation {
      temperature = temperature == null ? 2.0 : temperature;
      teacherLogits = teacherLogits == null ? Logits.SUM : teacherLogits;
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      mistakes.positive(temperature, "temperature");
      if (mistakes.require(
              teacher != null,
              "teacher",
              "is missing: give {\"id\": \"...\"} of a stored model or {\"job\": \"...\"}")
          && mistakes.require(
              !teacher.isDefinition(),
              "teacher",
              "must be a network with trained weights: give {\"id\": \"...\"} of a stored model or"
                  + " {\"job\": \"...\"} instead of a definition")) {
        teacher.check(mistakes.in("teacher"));
      }
    }
  }

  /**
   * Mean squared distance of the last layer's firing rates from {@code correct_rate} for the neuron
   * of the label and from {@code incorrect_rate} for all others.
   *
   * @param correctRate Firing rate wanted of the label's neuron, in spikes per time step.
   * @param incorrectRate Firing rate wanted of all other neurons, in spikes per time step.
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
   * Number of spikes per sample, summed over time and over the neurons of the named spiking layers.
   *
   * @param layers Names of the spiking layers that count; all of them when absent.
   */
  record L1(Double weight, @Nullable List<String> layers) implements LossTerm {
    public L1 {
      weight = weight == null ? 1.0 : weight;
    }
  }

  /**
   * {@code sum of |w|^p} over the weights of the named parameter layers, biases excluded: L1
   * (lasso) or L2 (ridge) regularisation.
   *
   * @param p Exponent: 1 or 2; 2 when absent.
   * @param layers Names of the parameter layers that count; all of them when absent.
   */
  record WeightNorm(Integer p, Double weight, @Nullable List<String> layers) implements LossTerm {
    public WeightNorm {
      p = p == null ? 2 : p;
      weight = weight == null ? 1.0 : weight;
    }

    @Override
    public void check(Mistakes mistakes) {
      LossTerm.super.check(mistakes);
      mistakes.require(p == 1 || p == 2, "p", "must be 1 or 2 but was " + p);
    }
  }

  /**
   * Mean over samples, time steps and outputs of {@code |W| x - |W x + b|}, summed over the named
   * parameter layers: sinabs' {@code input_diff_hook}. Minimising it avoids inputs of opposite sign
   * that cancel each other within a time step, which an asynchronous chip receives one after the
   * other.
   *
   * @param layers Names of the parameter layers that count; all of them when absent.
   */
  record InputDifference(Double weight, @Nullable List<String> layers) implements LossTerm {
    public InputDifference {
      weight = weight == null ? 1.0 : weight;
    }
  }
}
