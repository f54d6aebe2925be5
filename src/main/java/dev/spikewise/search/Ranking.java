package dev.spikewise.search;

import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.moeaframework.core.Solution;
import org.moeaframework.core.comparator.NondominatedSortingComparator;
import org.moeaframework.core.comparator.ParetoDominanceComparator;
import org.moeaframework.core.indicator.PISAHypervolume;
import org.moeaframework.core.population.FastNondominatedSorting;
import org.moeaframework.core.population.Population;

/**
 * Compares the outcomes of a search: by violated bounds, then by Pareto dominance, then by the
 * distance from their neighbours on the front (Deb et al. 2002, doi:10.1109/4235.996017).
 */
final class Ranking {

  private final SearchSpec spec;

  Ranking(SearchSpec spec) {
    this.spec = spec;
  }

  /**
   * Sorts the outcomes that have metrics, best first. An outcome of a later rung precedes all of
   * earlier rungs, because its trial was among the best there.
   */
  List<Outcome> sort(Collection<Outcome> outcomes) {
    var byRung = new TreeMap<Integer, List<Outcome>>(Comparator.reverseOrder());
    for (var outcome : outcomes) {
      if (outcome.metrics() != null) {
        byRung.computeIfAbsent(outcome.rung(), _ -> new ArrayList<>()).add(outcome);
      }
    }
    var sorted = new ArrayList<Outcome>();
    byRung.values().forEach(rung -> sorted.addAll(sortEqual(rung)));
    return sorted;
  }

  /**
   * The outcomes whose trials go on after a rung, best first: among the best share of all trials at
   * this rung, and at most the same share of {@code outcomes}.
   *
   * @param before outcomes of the earlier generations at the same rung
   */
  List<Outcome> promoted(List<Outcome> before, List<Outcome> outcomes) {
    var all = new ArrayList<>(before);
    all.addAll(outcomes);
    var sorted = sort(all);
    return sorted.stream()
        .limit(spec.promoted(sorted.size()))
        .filter(outcomes::contains)
        .limit(spec.promoted(outcomes.size()))
        .toList();
  }

  private List<Outcome> sortEqual(List<Outcome> outcomes) {
    var solutions = new LinkedHashMap<Solution, Outcome>();
    var population = new Population();
    outcomes.stream()
        .sorted(Comparator.comparingInt(Outcome::trial))
        .forEach(
            outcome -> {
              var solution = solution(outcome);
              solutions.put(solution, outcome);
              population.add(solution);
            });
    new FastNondominatedSorting(new ParetoDominanceComparator()).evaluate(population);
    var comparator = new NondominatedSortingComparator();
    return solutions.entrySet().stream()
        .sorted(Map.Entry.comparingByKey(comparator::compare))
        .map(Map.Entry::getValue)
        .toList();
  }

  /** The outcomes within all bounds that no other one dominates, in the order of the trials. */
  List<Outcome> front(Collection<Outcome> outcomes) {
    var within = within(outcomes);
    return within.stream()
        .filter(one -> within.stream().noneMatch(other -> dominates(other, one)))
        .toList();
  }

  private List<Outcome> within(Collection<Outcome> outcomes) {
    return outcomes.stream()
        .filter(outcome -> outcome.metrics() != null && outcome.violation(spec) == 0)
        .sorted(Comparator.comparingInt(Outcome::trial))
        .toList();
  }

  /** Whether {@code one} is better than {@code other}; both must have metrics. */
  boolean dominates(Outcome one, Outcome other) {
    return new ParetoDominanceComparator().compare(solution(one), solution(other)) < 0;
  }

  private Solution solution(Outcome outcome) {
    var objectives = spec.objectives();
    var solution = new Solution(0, objectives.size(), 1);
    for (int i = 0; i < objectives.size(); i++) {
      var metric = objectives.get(i).metric();
      double value = outcome.value(metric);
      solution.setObjectiveValue(i, metric.isAccuracy() ? -value : value);
    }
    solution.setConstraintValue(0, outcome.violation(spec));
    return solution;
  }

  /**
   * Worst value of each objective that counts for the hypervolume: the reference of the
   * specification, else 0 for an accuracy and the worst of {@code outcomes} for other metrics.
   */
  Map<SearchMetric, Double> reference(Collection<Outcome> outcomes) {
    var reference = new LinkedHashMap<SearchMetric, Double>();
    for (var objective : spec.objectives()) {
      var metric = objective.metric();
      double worst =
          metric.isAccuracy()
              ? 0
              : within(outcomes).stream().mapToDouble(one -> one.value(metric)).max().orElse(0);
      reference.put(metric, objective.reference() == null ? (Double) worst : objective.reference());
    }
    return reference;
  }

  /**
   * Share of the box between the reference and the best conceivable values (1 for an accuracy, 0
   * for other metrics) that the outcomes dominate, between 0 and 1.
   */
  double hypervolume(Collection<Outcome> outcomes, Map<SearchMetric, Double> reference) {
    var solutions = new ArrayList<Solution>();
    for (var outcome : front(outcomes)) {
      var solution = new Solution(0, reference.size());
      int i = 0;
      for (var entry : reference.entrySet()) {
        var metric = entry.getKey();
        double worst = entry.getValue();
        double value = outcome.value(metric);
        double gain =
            metric.isAccuracy()
                ? (value - worst) / (1 - worst)
                : worst == 0 ? 0 : (worst - value) / worst;
        solution.setObjectiveValue(i++, Math.clamp(gain, 0, 1));
      }
      solutions.add(solution);
    }
    return solutions.isEmpty()
        ? 0
        : PISAHypervolume.calculateHypervolume(solutions, solutions.size(), reference.size());
  }
}
