package dev.spikewise.spec;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Pareto fronts. */
public final class Pareto {

  private Pareto() {}

  /**
   * Returns the items that no other item dominates (lower cost with at least equal gain, or higher
   * gain with at most equal cost), cheapest first.
   */
  public static <T> List<T> front(
      Collection<T> all, ToDoubleFunction<T> cost, ToDoubleFunction<T> gain) {
    return all.stream()
        .filter(one -> all.stream().noneMatch(other -> beats(other, one, cost, gain)))
        .sorted(Comparator.comparingDouble(cost))
        .toList();
  }

  private static <T> boolean beats(
      T other, T one, ToDoubleFunction<T> cost, ToDoubleFunction<T> gain) {
    int cheaper = Double.compare(cost.applyAsDouble(one), cost.applyAsDouble(other));
    int better = Double.compare(gain.applyAsDouble(other), gain.applyAsDouble(one));
    return cheaper >= 0 && better >= 0 && cheaper + better > 0;
  }
}
