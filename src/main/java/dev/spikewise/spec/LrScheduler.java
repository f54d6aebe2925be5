package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import org.jspecify.annotations.Nullable;

/** PyTorch's learning-rate schedules, one step an epoch. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(
      value = LrScheduler.Step.class,
      names = {"step", "StepLR"}),
  @JsonSubTypes.Type(
      value = LrScheduler.Cosine.class,
      names = {"cosine", "CosineAnnealingLR"}),
  @JsonSubTypes.Type(
      value = LrScheduler.Exponential.class,
      names = {"exponential", "ExponentialLR"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LrScheduler {

  void check(Mistakes mistakes);

  /**
   * @param initial the optimiser's learning rate
   * @param epoch from 0
   * @param epochs of the whole job
   */
  double learningRate(double initial, int epoch, int epochs);

  /** StepLR: times {@code gamma} every {@code step_size} epochs. */
  record Step(Integer stepSize, Double gamma) implements LrScheduler {
    public Step {
      gamma = gamma == null ? 0.1 : gamma;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(stepSize != null, "step_size", "is missing: give a number of epochs")) {
        mistakes.atLeast(stepSize, 1, "step_size");
      }
      mistakes.positive(gamma, "gamma");
    }

    @Override
    public double learningRate(double initial, int epoch, int epochs) {
      return initial * Math.pow(gamma, epoch / stepSize);
    }
  }

  /**
   * CosineAnnealingLR: down to {@code eta_min} in {@code t_max} epochs, and up again after them
   * (Loshchilov and Hutter 2017, arXiv:1608.03983).
   *
   * @param tMax the job's epochs if null
   */
  record Cosine(@Nullable Integer tMax, Double etaMin) implements LrScheduler {
    public Cosine {
      etaMin = etaMin == null ? 0.0 : etaMin;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (tMax != null) {
        mistakes.atLeast(tMax, 1, "t_max");
      }
      mistakes.require(
          etaMin >= 0 && Double.isFinite(etaMin), "eta_min", "must be at least 0, was " + etaMin);
    }

    @Override
    public double learningRate(double initial, int epoch, int epochs) {
      double part = (double) epoch / (tMax == null ? epochs : tMax);
      return etaMin + (initial - etaMin) * (1 + Math.cos(Math.PI * part)) / 2;
    }
  }

  /** ExponentialLR: times {@code gamma} every epoch. */
  record Exponential(Double gamma) implements LrScheduler {
    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(gamma != null, "gamma", "is missing: give the factor of an epoch")) {
        mistakes.positive(gamma, "gamma");
      }
    }

    @Override
    public double learningRate(double initial, int epoch, int epochs) {
      return initial * Math.pow(gamma, epoch);
    }
  }
}
