package dev.spikewise.search;

import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Result of a trial at the end of a rung.
 *
 * @param rung number of the rung, starting from 0
 * @param metrics metrics that the search optimises or bounds; null where the trial failed
 */
record Outcome(
    int trial,
    int rung,
    Map<String, @Nullable Object> values,
    @Nullable Map<SearchMetric, Double> metrics) {

  /** Value of {@code metric}, which must be among {@link #metrics}. */
  double value(SearchMetric metric) {
    Double value = metrics == null ? null : metrics.get(metric);
    if (value == null) {
      throw new IllegalStateException("trial " + trial + " has no " + metric.word());
    }
    return value;
  }

  /**
   * Sum of the distances from all bounds that are not met, each relative to its bound so that
   * metrics of different units add up; 0 when all are met.
   */
  double violation(SearchSpec spec) {
    double sum = 0;
    for (var bound : spec.bounds()) {
      double value = value(bound.metric());
      if (bound.min() != null && value < bound.min()) {
        sum += (bound.min() - value) / scale(bound.min());
      }
      if (bound.max() != null && value > bound.max()) {
        sum += (value - bound.max()) / scale(bound.max());
      }
    }
    return sum;
  }

  private static double scale(double bound) {
    return bound == 0 ? 1 : Math.abs(bound);
  }
}
