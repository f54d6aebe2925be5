package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's learning-rate schedules. They advance once per epoch; OneCycleLR advances once per
 * batch. ReduceLROnPlateau follows a metric, all others the position of the training alone.
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
  @JsonSubTypes.Type(
      value = LrScheduler.MultiStep.class,
      names = {"multi_step", "MultiStepLR"}),
  @JsonSubTypes.Type(
      value = LrScheduler.Linear.class,
      names = {"linear", "LinearLR"}),
  @JsonSubTypes.Type(
      value = LrScheduler.WarmRestarts.class,
      names = {"warm_restarts", "CosineAnnealingWarmRestarts"}),
  @JsonSubTypes.Type(
      value = LrScheduler.Plateau.class,
      names = {"plateau", "ReduceLROnPlateau"}),
  @JsonSubTypes.Type(
      value = LrScheduler.Sequential.class,
      names = {"sequential", "SequentialLR"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LrScheduler {

  /** Reports every mistake in the schedule itself. */
  void check(Mistakes mistakes);

  /**
   * Progress of a training.
   *
   * @param batch number of batches since the start of the training
   * @param batchesPerEpoch number of batches per epoch
   * @param epochs number of epochs of the whole training
   * @param reductions number of times that {@link Plateau} has lowered the learning rate
   */
  record Position(long batch, long batchesPerEpoch, int epochs, int reductions) {
    public Position(long batch, long batchesPerEpoch, int epochs) {
      this(batch, batchesPerEpoch, epochs, 0);
    }

    long epoch() {
      return batch / batchesPerEpoch;
    }

    long batches() {
      return batchesPerEpoch * epochs;
    }

    /** The same progress, counted from epoch {@code start}, of a schedule that ends there too. */
    Position since(int start) {
      return new Position(
          batch - start * batchesPerEpoch, batchesPerEpoch, Math.max(epochs - start, 1));
    }
  }

  /** Metric that the schedule follows; null where it follows the position alone. */
  default @Nullable Monitor monitored() {
    return null;
  }

  /**
   * Returns the learning rate of the next batch.
   *
   * @param given learning rate of the optimiser's specification
   */
  double learningRate(double given, Position at);

  /** Momentum of the next batch; null where the schedule leaves the optimiser's own. */
  default @Nullable Double momentum(Position at) {
    return null;
  }

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
   * (div_factor final_div_factor)} of it (Smith and Topin 2017, arXiv:1708.07120). Momentum is
   * constant, as with PyTorch's cycle_momentum=False.
   *
   * @param pctStart Fraction of all batches during which the learning rate rises.
   * @param divFactor Highest learning rate divided by the first one.
   * @param finalDivFactor First learning rate divided by the last one.
   * @param annealStrategy Curve between the learning rates: {@code cos} for half a cosine, or
   *     {@code linear}; {@code cos} when absent.
   * @param threePhase Whether the learning rate falls as fast as it rose, down to the first one,
   *     and only then to the last one; false when absent.
   * @param cycleMomentum Whether the momentum (beta_1 of Adam) falls from {@code max_momentum} to
   *     {@code base_momentum} while the learning rate rises, and rises again while it falls. false
   *     when absent; PyTorch's default is true.
   * @param baseMomentum Least momentum; 0.85 when absent.
   * @param maxMomentum Greatest momentum; 0.95 when absent.
   */
  record OneCycle(
      Double pctStart,
      Double divFactor,
      Double finalDivFactor,
      @Nullable AnnealStrategy annealStrategy,
      @Nullable Boolean threePhase,
      @Nullable Boolean cycleMomentum,
      @Nullable Double baseMomentum,
      @Nullable Double maxMomentum)
      implements LrScheduler {

    private static final double BASE_MOMENTUM = 0.85;
    private static final double MAX_MOMENTUM = 0.95;

    /** Curve between two learning rates. */
    public enum AnnealStrategy {
      @JsonProperty("cos")
      COS,
      @JsonProperty("linear")
      LINEAR
    }

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
      mistakes.require(
          !Boolean.TRUE.equals(threePhase) || pctStart <= 0.5,
          "pct_start",
          "must be at most 0.5 with three_phase but was " + pctStart);
      checkMomentum("base_momentum", baseMomentum, mistakes);
      if (checkMomentum("max_momentum", maxMomentum, mistakes)) {
        mistakes.require(
            base() <= max(),
            "base_momentum",
            "must be at most max_momentum, " + max() + ", but was " + base());
      }
    }

    private boolean checkMomentum(String name, @Nullable Double value, Mistakes mistakes) {
      mistakes.require(
          value == null || Boolean.TRUE.equals(cycleMomentum),
          name,
          "requires cycle_momentum: add \"cycle_momentum\": true, or leave it out");
      return mistakes.require(
          value == null || value >= 0 && value < 1,
          name,
          "must be at least 0 and below 1 but was " + value);
    }

    private double base() {
      return baseMomentum == null ? BASE_MOMENTUM : baseMomentum;
    }

    private double max() {
      return maxMomentum == null ? MAX_MOMENTUM : maxMomentum;
    }

    @Override
    public @Nullable Double momentum(Position at) {
      return Boolean.TRUE.equals(cycleMomentum)
          ? (Double) cycle(max(), base(), max(), max(), at)
          : null;
    }

    @Override
    public double learningRate(double given, Position at) {
      double first = given / divFactor;
      return cycle(first, given, first, first / finalDivFactor, at);
    }

    /**
     * Goes from {@code first} to {@code given}, then to {@code last}, by {@code mid} if
     * three-phase.
     */
    private double cycle(double first, double given, double mid, double last, Position at) {
      double end = at.batches() - 1;
      double top = pctStart * at.batches() - 1;
      if (at.batch() < top) {
        return between(first, given, at.batch() / top);
      }
      if (!Boolean.TRUE.equals(threePhase)) {
        return fall(given, last, top, end, at.batch());
      }
      double middle = 2 * pctStart * at.batches() - 2;
      return at.batch() < middle
          ? fall(given, mid, top, middle, at.batch())
          : fall(mid, last, middle, end, at.batch());
    }

    private double fall(double from, double to, double start, double end, double batch) {
      return between(from, to, end > start ? (batch - start) / (end - start) : 0);
    }

    private double between(double from, double to, double part) {
      return annealStrategy == AnnealStrategy.LINEAR
          ? from + (to - from) * part
          : to + (from - to) * (1 + Math.cos(Math.PI * part)) / 2;
    }
  }

  /**
   * MultiStepLR: multiplies the learning rate by {@code gamma} at each milestone.
   *
   * @param milestones Numbers of completed epochs at which the learning rate changes, in ascending
   *     order.
   * @param gamma Factor applied to the learning rate at each milestone.
   */
  record MultiStep(List<Integer> milestones, Double gamma) implements LrScheduler {
    public MultiStep {
      milestones = copy(milestones);
      gamma = gamma == null ? 0.1 : gamma;
    }

    @Override
    public void check(Mistakes mistakes) {
      checkMilestones(milestones, mistakes);
      mistakes.positive(gamma, "gamma");
    }

    @Override
    public double learningRate(double given, Position at) {
      long passed = milestones.stream().filter(milestone -> at.epoch() >= milestone).count();
      return given * Math.pow(gamma, passed);
    }
  }

  /**
   * LinearLR: changes the factor of the learning rate from {@code start_factor} to {@code
   * end_factor} within {@code total_iters} epochs, in equal steps; a warm-up, with the defaults.
   *
   * @param startFactor Factor of the learning rate in the first epoch, above 0 and at most 1; 1/3
   *     when absent.
   * @param endFactor Factor of the learning rate after {@code total_iters} epochs, at least 0 and
   *     at most 1.
   * @param totalIters Number of epochs until the last factor.
   */
  record Linear(Double startFactor, Double endFactor, Integer totalIters) implements LrScheduler {
    public Linear {
      startFactor = startFactor == null ? 1.0 / 3 : startFactor;
      endFactor = endFactor == null ? 1.0 : endFactor;
      totalIters = totalIters == null ? 5 : totalIters;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          startFactor > 0 && startFactor <= 1,
          "start_factor",
          "must be above 0 and at most 1 but was " + startFactor);
      mistakes.between(endFactor, 0, 1, "end_factor");
      mistakes.atLeast(totalIters, 1, "total_iters");
    }

    @Override
    public double learningRate(double given, Position at) {
      double part = (double) Math.min(at.epoch(), totalIters) / totalIters;
      return given * (startFactor + (endFactor - startFactor) * part);
    }
  }

  /**
   * CosineAnnealingWarmRestarts: lowers the learning rate to {@code eta_min} along half a cosine
   * and starts again from the optimiser's rate, after {@code t_0} epochs and then after {@code
   * t_mult} times as many each time (Loshchilov and Hutter 2017, arXiv:1608.03983).
   *
   * @param t0 Number of epochs until the first restart.
   * @param tMult Factor of that number after each restart; 1 when absent.
   * @param etaMin Lowest learning rate of the schedule.
   */
  record WarmRestarts(@JsonProperty("t_0") Integer t0, Integer tMult, Double etaMin)
      implements LrScheduler {
    public WarmRestarts {
      tMult = tMult == null ? 1 : tMult;
      etaMin = etaMin == null ? 0.0 : etaMin;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(t0 != null, "t_0", "is missing: give a number of epochs")) {
        mistakes.atLeast(t0, 1, "t_0");
      }
      mistakes.atLeast(tMult, 1, "t_mult");
      mistakes.require(
          etaMin >= 0 && Double.isFinite(etaMin),
          "eta_min",
          "must be at least 0 but was " + etaMin);
    }

    @Override
    public double learningRate(double given, Position at) {
      long length = t0;
      long since = at.epoch();
      if (tMult == 1) {
        since %= length;
      }
      while (since >= length) {
        since -= length;
        length *= tMult;
      }
      return etaMin + (given - etaMin) * (1 + Math.cos(Math.PI * since / length)) / 2;
    }
  }

  /**
   * ReduceLROnPlateau: multiplies the learning rate by {@code factor} when {@code monitor} has not
   * improved for more than {@code patience} epochs.
   *
   * @param monitor Metric of the epoch that is watched: the loss is to fall, an accuracy to rise;
   *     {@code loss} when absent.
   * @param factor Factor applied to the learning rate, above 0 and below 1.
   * @param patience Number of epochs without an improvement that are accepted.
   * @param threshold Smallest relative change of {@code monitor} that counts as an improvement.
   * @param cooldown Number of epochs after a change during which nothing is counted.
   * @param minLr Lower bound of the learning rate; 0 when absent.
   */
  record Plateau(
      Monitor monitor,
      Double factor,
      Integer patience,
      Double threshold,
      Integer cooldown,
      Double minLr)
      implements LrScheduler {
    public Plateau {
      monitor = monitor == null ? Monitor.LOSS : monitor;
      factor = factor == null ? 0.1 : factor;
      patience = patience == null ? 10 : patience;
      threshold = threshold == null ? 1e-4 : threshold;
      cooldown = cooldown == null ? 0 : cooldown;
      minLr = minLr == null ? 0.0 : minLr;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          factor > 0 && factor < 1, "factor", "must be above 0 and below 1 but was " + factor);
      mistakes.atLeast(patience, 0, "patience");
      mistakes.between(threshold, 0, 1, "threshold");
      mistakes.atLeast(cooldown, 0, "cooldown");
      mistakes.require(
          minLr >= 0 && Double.isFinite(minLr), "min_lr", "must be at least 0 but was " + minLr);
    }

    @Override
    public @Nullable Monitor monitored() {
      return monitor;
    }

    @Override
    public double learningRate(double given, Position at) {
      return Math.max(given * Math.pow(factor, at.reductions()), Math.min(minLr, given));
    }
  }

  /**
   * SequentialLR: runs one schedule after the other, each from its own first epoch.
   *
   * @param schedulers Schedules in their order; neither ReduceLROnPlateau nor SequentialLR.
   * @param milestones Numbers of completed epochs at which the next schedule begins, in ascending
   *     order; one less than schedules.
   */
  record Sequential(List<LrScheduler> schedulers, List<Integer> milestones) implements LrScheduler {
    public Sequential {
      schedulers = copy(schedulers);
      milestones = copy(milestones);
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          schedulers.size() > 1,
          "schedulers",
          "must have at least 2 schedules but has " + schedulers.size());
      for (int i = 0; i < schedulers.size(); i++) {
        var at = mistakes.in("schedulers").in(i);
        switch (schedulers.get(i)) {
          case null -> at.add("must be a schedule but was null");
          case Plateau _ -> at.add("ReduceLROnPlateau cannot be part of a sequence: use it alone");
          case Sequential _ ->
              at.add("a sequence cannot be part of a sequence: list its schedules");
          case OneCycle cycle -> {
            cycle.check(at);
            at.require(
                !Boolean.TRUE.equals(cycle.cycleMomentum()),
                "cycle_momentum",
                "must be left out in a sequence: use OneCycleLR alone");
          }
          case LrScheduler scheduler -> scheduler.check(at);
        }
      }
      checkMilestones(milestones, mistakes);
      mistakes.require(
          milestones.size() == schedulers.size() - 1,
          "milestones",
          "must have one entry less than schedulers, which has "
              + schedulers.size()
              + ", but has "
              + milestones.size());
    }

    @Override
    public double learningRate(double given, Position at) {
      int current = 0;
      int start = 0;
      while (current < milestones.size() && at.epoch() >= milestones.get(current)) {
        start = milestones.get(current);
        current++;
      }
      int end = current < milestones.size() ? milestones.get(current) : at.epochs();
      var until = new Position(at.batch(), at.batchesPerEpoch(), end);
      return schedulers.get(current).learningRate(given, until.since(start));
    }
  }

  private static <T> List<T> copy(@Nullable List<T> list) {
    return list == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(list));
  }

  private static void checkMilestones(List<Integer> milestones, Mistakes mistakes) {
    mistakes.require(
        !milestones.isEmpty(), "milestones", "is missing: give the epochs of the changes");
    int last = 0;
    for (int i = 0; i < milestones.size(); i++) {
      Integer milestone = milestones.get(i);
      var at = mistakes.in("milestones").in(i);
      if (milestone == null) {
        at.add("must be a number of epochs but was null");
      } else if (milestone <= last) {
        at.add("must be above " + last + " but was " + milestone);
      } else {
        last = milestone;
      }
    }
  }
}
