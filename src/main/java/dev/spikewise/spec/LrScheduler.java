package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's learning-rate schedules. They advance once per epoch; OneCycleLR advances once per
 * batch.
 */
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
   * StepLR: multiplies the learning rate by {@code gamma} every {@code step_size} epochs.
   *
   * @param stepSize Number of epochs between two changes of the learning rate.
   * @param gamma Factor applied to the learning rate at each change.
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
   * CosineAnnealingLR: lowers the learning rate to {@code eta_min} within {@code t_max} epochs
   * along half a cosine, and raises it again after them (Loshchilov and Hutter 2017,
   * arXiv:1608.03983).
   *
   * @param tMax Number of epochs until the lowest learning rate; the job's number of epochs when
   *     absent.
   * @param etaMin Lowest learning rate of the schedule.
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
          etaMin >= 0 && Double.isFinite(etaMin),
          "eta_min",
          "must be at least 0 but was " + etaMin);
    }

    @Override
    public double learningRate(double given, Position at) {
      double part = (double) at.epoch() / (tMax == null ? at.epochs() : tMax);
      return etaMin + (given - etaMin) * (1 + Math.cos(Math.PI * part)) / 2;
    }
  }

  /**
   * ExponentialLR: multiplies the learning rate by {@code gamma} after every epoch.
   *
   * @param gamma Factor applied to the learning rate per epoch.
   */
  record Exponential(Double gamma) implements LrScheduler {
    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(gamma != null, "gamma", "is missing: give the factor per epoch")) {
        mistakes.positive(gamma, "gamma");
      }
    }

    @Override
    public double learningRate(double given, Position at) {
      return given * Math.pow(gamma, at.epoch());
    }
  }

  /**
   * OneCycleLR: raises the learning rate during the first {@code pct_start} of all batches from
   * {@code 1 / div_factor} of the optimiser's rate to that rate, then lowers it to {@code 1 /
   * (div_factor final_div_factor)} of it, each along half a cosine (Smith and Topin 2017,
   * arXiv:1708.07120). Momentum is constant, as with PyTorch's cycle_momentum=False.
   *
   * @param pctStart Fraction of all batches during which the learning rate rises.
   * @param divFactor Highest learning rate divided by the first one.
   * @param finalDivFactor First learning rate divided by the last one.
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
