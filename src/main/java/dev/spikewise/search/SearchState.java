package dev.spikewise.search;

import dev.spikewise.search.SearchRepository.ResultRow;
import dev.spikewise.search.SearchRepository.Row;
import dev.spikewise.search.SearchRepository.TrialRow;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides the next step of a search, apart from the states of its jobs.
 *
 * @param trials in the order of their numbers
 * @param results in the order in which they were stored
 */
record SearchState(Row row, SearchSpec spec, List<TrialRow> trials, List<ResultRow> results) {

  /** Number of the latest generation; -1 before the first. */
  int generation() {
    return trials.isEmpty() ? -1 : trials.getLast().generation();
  }

  /** Trials of the latest generation that have no result in their rung yet. */
  List<TrialRow> inProgress() {
    record Place(int trial, int rung) {}
    var done = new HashSet<Place>();
    results.forEach(result -> done.add(new Place(result.trial(), result.rung())));
    return trials.stream()
        .filter(trial -> trial.generation() == generation())
        .filter(trial -> !done.contains(new Place(trial.number(), trial.rung())))
        .toList();
  }

  /** Last outcome of each trial that has one, in the order of the trials. */
  List<Outcome> outcomes() {
    return outcomes(results.size());
  }

  /** Last outcome of each trial among the first {@code count} results. */
  List<Outcome> outcomes(int count) {
    var last = new LinkedHashMap<Integer, Outcome>();
    results.subList(0, count).forEach(result -> last.put(result.trial(), outcome(result)));
    return last.values().stream()
        .sorted((one, other) -> Integer.compare(one.trial(), other.trial()))
        .toList();
  }

  /** Outcomes of all trials at the end of {@code rung}. */
  List<Outcome> outcomesAt(int rung) {
    return results.stream().filter(result -> result.rung() == rung).map(this::outcome).toList();
  }

  private Outcome outcome(ResultRow result) {
    return outcome(trials.get(result.trial()), result.rung(), result.metrics());
  }

  Outcome outcome(TrialRow trial, int rung, @Nullable Map<SearchMetric, Double> metrics) {
    return new Outcome(trial.number(), rung, values(trial), metrics);
  }

  /** Values of a trial as its ranges return them, in the order of the ranges. */
  Map<String, @Nullable Object> values(TrialRow trial) {
    var values = new LinkedHashMap<String, @Nullable Object>();
    spec.over().forEach((path, range) -> values.put(path, range.read(trial.values().get(path))));
    return Collections.unmodifiableMap(values);
  }

  /** Number of epochs that the trials with results have completed. */
  long epochs() {
    var last = new LinkedHashMap<Integer, Integer>();
    results.forEach(result -> last.merge(result.trial(), result.epochs(), Math::max));
    return last.values().stream().mapToLong(Integer::longValue).sum();
  }

  /** Maximum number of epochs that a generation of {@code count} trials can take. */
  long epochs(int count) {
    var ends = spec.rungEpochs();
    long sum = 0;
    int left = count;
    for (int rung = 0; rung < ends.size(); rung++) {
      int before = rung == 0 ? 0 : ends.get(rung - 1);
      sum += (long) left * (ends.get(rung) - before);
      left = spec.promoted(left);
    }
    return sum;
  }

  /**
   * Number of trials of the next generation: as many as the limits allow.
   *
   * @param mostTrials maximum number of trials of any search
   */
  int nextCount(int mostTrials) {
    int most =
        spec.budget().trials() == null ? mostTrials : Math.min(mostTrials, spec.budget().trials());
    int count = Math.min(spec.population(), Math.max(0, most - trials.size()));
    var epochs = spec.budget().epochs();
    while (epochs != null && count > 0 && epochs() + epochs(count) > epochs) {
      count--;
    }
    return count;
  }
}
