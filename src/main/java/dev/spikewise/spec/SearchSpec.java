package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Request to find the values of a job's properties with the best results.
 *
 * @param name Display name of the search.
 * @param job Job that all trials share.
 * @param over Ranges by their place in {@code job}, such as {@code "optimizer/learning_rate":
 *     {"type": "log", "min": 0.0001, "max": 0.1}}.
 * @param objectives Metrics to optimise: accuracies are maximised, all others minimised.
 * @param bounds Limits of metrics; a trial within all bounds is better than every trial outside.
 * @param strategy How values are proposed; {@code nsga2} when absent.
 * @param population Number of trials per generation; 16 when absent. A generation is proposed from
 *     the results of all earlier ones.
 * @param rungs Successive halving: trials train for few epochs, and only the best of them for more;
 *     every trial trains all epochs when absent.
 * @param budget Limits of the whole search, at least one.
 * @param seed Seed of the proposals; 1 when absent. The same search with the same seed has the same
 *     trials and results, whatever the number of workers.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SearchSpec(
    @Nullable String name,
    TrainingSpec job,
    Map<String, SearchRange> over,
    List<Objective> objectives,
    List<Bound> bounds,
    Strategy strategy,
    Integer population,
    @Nullable Rungs rungs,
    Budget budget,
    Long seed)
    implements Checked {

  private static final int MAX_NAME = 200;
  private static final int MAX_PLACES = 64;
  private static final int MAX_OBJECTIVES = 3;
  private static final int MAX_BOUNDS = 16;
  private static final int MAX_POPULATION = 256;
  private static final int MAX_WORD = 80;

  /** How values are proposed. */
  public enum Strategy {
    /**
     * NSGA-II (Deb et al. 2002, doi:10.1109/4235.996017): crossover and mutation of the best trials
     * so far. The first generation is a Latin hypercube that includes the ends of each range.
     */
    @JsonProperty("nsga2")
    NSGA2,
    /**
     * Tree-structured Parzen estimator for several objectives (Bergstra et al. 2011; Ozaki et al.
     * 2020, doi:10.1145/3377930.3389817): values that are likely among the best quarter of the
     * trials and unlikely among the others. The first generation is that of {@code nsga2}.
     */
    @JsonProperty("tpe")
    TPE,
    /** Latin hypercube samples, which do not depend on any result. */
    @JsonProperty("random")
    RANDOM
  }

  /**
   * Metric to optimise.
   *
   * @param metric Metric of the trial's last epoch.
   * @param reference Worst value that counts for the hypervolume; the worst value of any trial when
   *     absent. Searches can be compared if they have the same references.
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Objective(SearchMetric metric, @Nullable Double reference) {}

  /**
   * Limit of a metric.
   *
   * @param metric Metric of the trial's last epoch.
   * @param min Smallest allowed value; unbounded when absent.
   * @param max Largest allowed value; unbounded when absent.
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Bound(SearchMetric metric, @Nullable Double min, @Nullable Double max) {

    void check(Mistakes mistakes) {
      mistakes.require(metric != null, "metric", "is missing: give the metric to bound");
      if (min == null && max == null) {
        mistakes.add("must have min, max or both");
      }
      boolean finite =
          (min == null || mistakes.finite(min, "min"))
              & (max == null || mistakes.finite(max, "max"));
      if (!finite || metric == null) {
        return;
      }
      if (min != null && max != null) {
        mistakes.require(
            min <= max,
            "max",
            "must be at least min, or no network meets the bound: min is "
                + min
                + " and max is "
                + max);
      }
      if (min != null && metric.isAccuracy()) {
        mistakes.require(
            min <= 1,
            "min",
            "must be at most 1 because an accuracy is a fraction of samples, but was " + min);
      }
      if (max != null) {
        mistakes.require(
            max >= 0,
            "max",
            "must be at least 0 because no " + metric.word() + " is negative, but was " + max);
      }
    }
  }

  /**
   * Successive halving in synchronous rungs (Jamieson and Talwalkar 2016, arXiv:1502.07943). The
   * trials of a generation train up to the end of a rung; the best of them train on from there up
   * to the next one, whose number of epochs is {@code factor} times as large.
   *
   * @param firstEpochs Number of epochs of the first rung.
   * @param factor Ratio of the epochs of two rungs, and of the trials before and after a rung; 3
   *     when absent.
   * @param stopDominated Whether a trial of a later generation stops after a rung unless it is also
   *     among the best 1/{@code factor} of the trials of all generations after as many epochs; true
   *     when absent.
   */
  public record Rungs(Integer firstEpochs, Integer factor, Boolean stopDominated) {
    public Rungs {
      factor = factor == null ? 3 : factor;
      stopDominated = stopDominated == null || stopDominated;
    }

    private void check(TrainingSpec job, Mistakes mistakes) {
      mistakes.between(factor, 2, 16, "factor");
      if (mistakes.require(
              firstEpochs != null,
              "first_epochs",
              "is missing: give the number of epochs of the first rung")
          && mistakes.atLeast(firstEpochs, 1, "first_epochs")
          && job != null) {
        mistakes.require(
            firstEpochs < job.epochs(),
            "first_epochs",
            "must be below the %d epochs of the job but was %d"
                .formatted(job.epochs(), firstEpochs));
      }
    }
  }

  /**
   * Limits of a search; it ends at the first one that it reaches.
   *
   * @param trials Maximum number of trials.
   * @param epochs Maximum number of epochs of all trials together.
   * @param hours Maximum training time of all trials together, in hours. The results of a search
   *     that ends here depend on the speed of the machine.
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Budget(@Nullable Integer trials, @Nullable Long epochs, @Nullable Double hours) {

    private void check(Mistakes mistakes) {
      if (trials == null && epochs == null && hours == null) {
        mistakes.add("must have trials, epochs or hours, or the search would never end");
      }
      if (trials != null) {
        mistakes.atLeast(trials, 1, "trials");
      }
      if (epochs != null) {
        mistakes.atLeast(epochs, 1, "epochs");
      }
      if (hours != null) {
        mistakes.positive(hours, "hours");
      }
    }
  }

  public SearchSpec {
    over = over == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(over));
    objectives =
        objectives == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(objectives));
    bounds = bounds == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(bounds));
    strategy = strategy == null ? Strategy.NSGA2 : strategy;
    population = population == null ? 16 : population;
    seed = seed == null ? 1L : seed;
  }

  @Override
  public void check(Mistakes mistakes) {
    if (name != null) {
      mistakes.name(name, "name");
    }
    mistakes.require(job != null, "job", "is missing: give a job as for POST /jobs");
    checkRanges(mistakes);
    checkObjectives(mistakes);
    mistakes.between(population, 2, MAX_POPULATION, "population");
    if (rungs != null) {
      rungs.check(job, mistakes.in("rungs"));
      mistakes.require(
          !varies("/epochs"),
          "rungs",
          "must be left out when over/epochs is given, because rungs decide how long a trial"
              + " trains");
    }
    if (mistakes.require(
        budget != null,
        "budget",
        "is missing: give trials, epochs or hours, such as" + " {\"trials\": 64}")) {
      budget.check(mistakes.in("budget"));
      if (budget.epochs() != null && job != null && mistakes.isEmpty()) {
        mistakes
            .in("budget")
            .require(
                budget.epochs() >= rungEpochs().getFirst(),
                "epochs",
                "must be at least the %d epochs that one trial trains first but was %d"
                    .formatted(rungEpochs().getFirst(), budget.epochs()));
      }
    }
  }

  private void checkRanges(Mistakes mistakes) {
    if (mistakes.require(
        !over.isEmpty(),
        "over",
        "must have at least one range, such as {\"optimizer/learning_rate\": {\"type\": \"log\","
            + " \"min\": 0.0001, \"max\": 0.1}}")) {
      mistakes.require(
          over.size() <= MAX_PLACES,
          "over",
          "must have at most %d places but has %d".formatted(MAX_PLACES, over.size()));
    }
    over.forEach(
        (path, range) -> {
          if (mistakes.in("over").require(range != null, path, "must be a range")) {
            range.check(mistakes.in("over").in(path));
          }
          over.keySet().stream()
              .filter(
                  other ->
                      !other.equals(path)
                          && (SweepSpec.pointer(path) + "/")
                              .startsWith(SweepSpec.pointer(other) + "/"))
              .forEach(
                  other ->
                      mistakes
                          .in("over")
                          .in(path)
                          .add("must not be within " + other + ", which the search varies too"));
        });
  }

  private void checkObjectives(Mistakes mistakes) {
    mistakes.require(
        !objectives.isEmpty() && objectives.size() <= MAX_OBJECTIVES,
        "objectives",
        "must have 1 to %d metrics, such as [{\"metric\": \"test_accuracy\"}, {\"metric\":"
                .formatted(MAX_OBJECTIVES)
            + " \"test_synops\"}], but has "
            + objectives.size());
    var seen = EnumSet.noneOf(SearchMetric.class);
    for (int i = 0; i < objectives.size(); i++) {
      var at = mistakes.in("objectives").in(i);
      var objective = objectives.get(i);
      if (objective == null || objective.metric() == null) {
        at.add("must have a metric");
      } else {
        at.require(
            seen.add(objective.metric()),
            "metric",
            "must differ from those of the other objectives but was " + objective.metric().word());
        if (objective.reference() != null) {
          checkReference(objective, at);
        }
      }
    }
    mistakes.require(
        bounds.size() <= MAX_BOUNDS,
        "bounds",
        "must have at most %d entries but has %d".formatted(MAX_BOUNDS, bounds.size()));
    for (int i = 0; i < bounds.size(); i++) {
      if (bounds.get(i) == null) {
        mistakes.in("bounds").in(i).add("must be a bound but was null");
      } else {
        bounds.get(i).check(mistakes.in("bounds").in(i));
      }
    }
  }

  private static void checkReference(Objective objective, Mistakes mistakes) {
    double reference = objective.reference() == null ? 0 : objective.reference();
    if (objective.metric().isAccuracy()) {
      mistakes.require(
          reference >= 0 && reference < 1,
          "reference",
          "must be at least 0 and below 1 but was " + reference);
    } else {
      mistakes.positive(reference, "reference");
    }
  }

  /** All metrics of the search and the pointers of the places that name them. */
  @JsonIgnore
  public Map<String, SearchMetric> metrics() {
    var metrics = new LinkedHashMap<String, SearchMetric>();
    for (int i = 0; i < objectives.size(); i++) {
      metrics.put("/objectives/" + i + "/metric", objectives.get(i).metric());
    }
    for (int i = 0; i < bounds.size(); i++) {
      metrics.put("/bounds/" + i + "/metric", bounds.get(i).metric());
    }
    return metrics;
  }

  /** Returns {@code job} with a limit of {@code synops} per sample as its only loss. */
  public static TrainingSpec limited(TrainingSpec job, double synops) {
    return job.with(job.name(), List.of(LossTerm.Synops.limit(new LossTerm.Target(synops, null))));
  }

  /** Whether the search varies a place at or below {@code pointer}. */
  public boolean varies(String pointer) {
    return over.keySet().stream()
        .anyMatch(path -> (SweepSpec.pointer(path) + "/").startsWith(pointer + "/"));
  }

  /** Number of epochs at the end of each rung. */
  @JsonIgnore
  public List<Integer> rungEpochs() {
    if (rungs == null) {
      return List.of(job.epochs());
    }
    var ends = new ArrayList<Integer>();
    for (long end = rungs.firstEpochs(); end < job.epochs(); end *= rungs.factor()) {
      ends.add((int) end);
    }
    ends.add(job.epochs());
    return ends;
  }

  /** Maximum number of trials that go on after a rung with {@code trials}. */
  public int promoted(int trials) {
    return rungs == null ? 0 : Math.ceilDiv(trials, rungs.factor());
  }

  /** Values of a trial in words: "learning_rate 0.003, out_channels 12". */
  public static String label(Map<String, @Nullable Object> values) {
    return values.entrySet().stream()
        .map(
            value ->
                value.getKey().substring(value.getKey().lastIndexOf('/') + 1)
                    + " "
                    + excerpt(String.valueOf(value.getValue())))
        .collect(Collectors.joining(", "));
  }

  private static String excerpt(String text) {
    return text.length() <= MAX_WORD ? text : text.substring(0, MAX_WORD - 3) + "...";
  }

  /** Name of a trial's job. */
  public String jobName(int number, Map<String, @Nullable Object> values) {
    var words =
        Stream.of(job.name() == null ? name : job.name(), "trial " + number, label(values))
            .filter(word -> word != null && !word.isEmpty())
            .collect(Collectors.joining(", "))
            .replaceAll("\\p{Cntrl}", " ");
    return words.substring(0, Math.min(words.length(), MAX_NAME));
  }
}
