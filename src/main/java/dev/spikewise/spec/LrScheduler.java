package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/** PyTorch's learning-rate schedules: one step an epoch, or, as OneCycleLR, one a batch. */
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
  @JsonSubTypes.Type(
      value = LrScheduler.OneCycle.class,
      names = {"one_cycle", "OneCycleLR"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LrScheduler {

  void check(Mistakes mistakes);

  /** Where a training stands: batches since its start, and how many there are in all. */
  record Position(long batch, long batchesPerEpoch, int epochs) {
    long epoch() {
      return batch / batchesPerEpoch;
    }

    long batches() {
      return batchesPerEpoch * epochs;
    }
  }

  /**
   * @param given the optimiser's learning rate
   */
  double learningRate(double given, Position at);

  /**
   * StepLR: times {@code gamma} every {@code step_size} epochs.
   *
   * @param stepSize epochs from one step to the next
   * @param gamma factor of a step
   */
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
    public double learningRate(double given, Position at) {
      return given * Math.pow(gamma, at.epoch() / stepSize);
    }
  }

  /**
   * CosineAnnealingLR: down to {@code eta_min} in {@code t_max} epochs, and up again after them
   * (Loshchilov and Hutter 2017, arXiv:1608.03983).
   *
   * @param tMax the job's epochs if null
   * @param etaMin lowest rate
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
    public double learningRate(double given, Position at) {
      double part = (double) at.epoch() / (tMax == null ? at.epochs() : tMax);
      return etaMin + (given - etaMin) * (1 + Math.cos(Math.PI * part)) / 2;
    }
  }

  /**
   * ExponentialLR: times {@code gamma} every epoch.
   *
   * @param gamma factor of an epoch
   */
  record Exponential(Double gamma) implements LrScheduler {
    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(gamma != null, "gamma", "is missing: give the factor of an epoch")) {
        mistakes.positive(gamma, "gamma");
      }
    }

    @Override
    public double learningRate(double given, Position at) {
      return given * Math.pow(gamma, at.epoch());
    }
  }

  /**
   * OneCycleLR, whose max_lr is the optimiser's learning rate: within {@code pct_start} of all
   * batches up to it from {@code 1 / div_factor} of it, then down to {@code 1 / (div_factor
   * final_div_factor)}, each along half a cosine (Smith and Topin 2017, arXiv:1708.07120). Momentum
   * stays, as with cycle_momentum=False.
   *
   * @param pctStart share of the batches on the way up
   * @param divFactor highest rate over the first
   * @param finalDivFactor first rate over the last
   */
  record OneCycle(Double pctStart, Double divFactor, Double finalDivFactor) implements LrScheduler {
    public OneCycle {
      pctStart = pctStart == null ? 0.3 : pctStart;
      divFactor = divFactor == null ? 25.0 : divFactor;
      finalDivFactor = finalDivFactor == null ? 1e4 : finalDivFactor;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.between(pctStart, 0, 1, "pct_start");
      mistakes.positive(divFactor, "div_factor");
      mistakes.positive(finalDivFactor, "final_div_factor");
    }

    @Override
    public double learningRate(double given, Position at) {
      double first = given / divFactor;
      double last = at.batches() - 1;
      double top = pctStart * at.batches() - 1;
      if (at.batch() < top) {
        return between(first, given, at.batch() / top);
      }
      double part = last > top ? (at.batch() - top) / (last - top) : 0;
      return between(given, first / finalDivFactor, part);
    }

    private static double between(double from, double to, double part) {
      return to + (from - to) * (1 + Math.cos(Math.PI * part)) / 2;
    }
  }
}
