package dev.spikewise.spec;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** What is worth its price. */
public final class Pareto {

  private Pareto() {}

  /**
   * Those that no other beats in cost without losing in gain, or the reverse; the cheapest first.
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
