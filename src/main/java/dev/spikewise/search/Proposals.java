package dev.spikewise.search;

import dev.spikewise.spec.SearchRange;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.SearchSpec.Strategy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.jspecify.annotations.Nullable;
import org.moeaframework.core.PRNG;
import org.moeaframework.core.Solution;
import org.moeaframework.core.operator.CompoundVariation;
import org.moeaframework.core.operator.real.PM;
import org.moeaframework.core.operator.real.SBX;
import org.moeaframework.core.operator.subset.Replace;
import org.moeaframework.core.operator.subset.SSX;
import org.moeaframework.core.population.Population;
import org.moeaframework.core.selection.TournamentSelection;
import org.moeaframework.core.variable.RealVariable;
import org.moeaframework.core.variable.Subset;
import org.moeaframework.util.sequence.LatinHypercube;

/**
 * Proposes the values of a generation. The result depends only on the specification, the number of
 * the generation, and the outcomes of the trials before it.
 */
final class Proposals {

  /** Number of attempts to find values that no trial has yet. */
  private static final int MAX_ATTEMPTS = 1000;

  /** Number of candidates of the Parzen estimator per proposal. */
  private static final int CANDIDATES = 24;

  /** Share of the trials that the Parzen estimator counts as good. */
  private static final double GOOD = 0.25;

  private static final String ORDER = "order";

  /** The library has one random generator for all threads. */
  private static final Object LIBRARY = new Object();

  private final SearchSpec spec;
  private final List<SearchRange> ranges;
  private final Random random;

  private Proposals(SearchSpec spec, int generation) {
    this.spec = spec;
    this.ranges = List.copyOf(spec.over().values());
    this.random = new Random(31 * (31 * spec.seed() + generation) + 17);
  }

  /**
   * Returns at most {@code count} combinations of values that no trial has: fewer where there are
   * none left.
   *
   * @param outcomes last outcome of each trial of the generations before
   */
  static List<Map<String, @Nullable Object>> propose(
      SearchSpec spec, int generation, List<Outcome> outcomes, int count) {
    return new Proposals(spec, generation).propose(outcomes, count);
  }

  private List<Map<String, @Nullable Object>> propose(List<Outcome> outcomes, int count) {
    var sorted = new Ranking(spec).sort(outcomes);
    var seen = new HashSet<List<@Nullable Object>>();
    outcomes.forEach(outcome -> seen.add(new ArrayList<>(outcome.values().values())));
    var proposals = new ArrayList<Map<String, @Nullable Object>>();
    boolean blind = sorted.size() < 2 || spec.strategy() == Strategy.RANDOM;
    synchronized (LIBRARY) {
      PRNG.setRandom(random);
      if (blind) {
        for (double[] positions : new LatinHypercube().generate(count, ranges.size())) {
          add(
              spec.strategy() == Strategy.RANDOM ? positions : withEnds(positions, count),
              seen,
              proposals);
        }
      } else if (spec.strategy() == Strategy.NSGA2) {
        var children = new Children(sorted);
        for (int i = 0; i < MAX_ATTEMPTS && proposals.size() < count; i++) {
          for (double[] positions : children.next()) {
            if (proposals.size() < count) {
              add(positions, seen, proposals);
            }
          }
        }
      } else {
        var estimator = new Estimator(sorted);
        for (int i = 0; i < MAX_ATTEMPTS && proposals.size() < count; i++) {
          add(estimator.next(), seen, proposals);
        }
      }
    }
    for (int i = 0; i < MAX_ATTEMPTS && proposals.size() < count; i++) {
      add(random.doubles(ranges.size()).toArray(), seen, proposals);
    }
    return proposals;
  }

  /**
   * Stretches the cells of a Latin hypercube of {@code count} samples so that the outer ones lie on
   * the ends of each range. The ends of a front often lie there, and the crossovers and mutations
   * of later generations rarely reach them.
   */
  private static double[] withEnds(double[] positions, int count) {
    return count == 1
        ? positions
        : Arrays.stream(positions)
            .map(position -> Math.floor(position * count) / (count - 1))
            .map(position -> Math.min(position, Math.nextDown(1.0)))
            .toArray();
  }

  private void add(
      double[] positions,
      Set<List<@Nullable Object>> seen,
      List<Map<String, @Nullable Object>> proposals) {
    var values = new LinkedHashMap<String, @Nullable Object>();
    int i = 0;
    for (var path : spec.over().keySet()) {
      values.put(path, ranges.get(i).at(positions[i]));
      i++;
    }
    if (seen.add(new ArrayList<>(values.values()))) {
      proposals.add(Collections.unmodifiableMap(values));
    }
  }

  private double[] positions(Outcome outcome) {
    var positions = new double[ranges.size()];
    int i = 0;
    for (var path : spec.over().keySet()) {
      positions[i] = ranges.get(i).position(outcome.values().get(path));
      i++;
    }
    return positions;
  }

  /** NSGA-II: children of the best trials, chosen in tournaments of two. */
  private final class Children {

    private final Population parents = new Population();
    private final TournamentSelection selection =
        new TournamentSelection(2, (one, other) -> Integer.compare(order(one), order(other)));
    private final CompoundVariation variation;

    Children(List<Outcome> sorted) {
      double each = 1.0 / ranges.size();
      variation =
          new CompoundVariation(
              new SBX(1.0, 10.0), new SSX(0.5), new PM(each, 15.0), new Replace(each));
      for (int i = 0; i < Math.min(spec.population(), sorted.size()); i++) {
        var solution = solution(Proposals.this.positions(sorted.get(i)));
        solution.setAttribute(ORDER, i);
        parents.add(solution);
      }
    }

    private static int order(Solution solution) {
      return (Integer) solution.getAttribute(ORDER);
    }

    private Solution solution(double[] positions) {
      var solution = new Solution(ranges.size(), 0);
      for (int i = 0; i < positions.length; i++) {
        if (ranges.get(i) instanceof SearchRange.Choice choice) {
          var variable = new Subset(1, choice.values().size());
          variable.fromArray(new int[] {index(positions[i], choice)});
          solution.setVariable(i, variable);
        } else {
          solution.setVariable(i, new RealVariable(0, Math.nextDown(1.0)).withValue(positions[i]));
        }
      }
      return solution;
    }

    List<double[]> next() {
      var children = variation.evolve(selection.select(variation.getArity(), parents));
      return Arrays.stream(children).map(this::positions).toList();
    }

    private double[] positions(Solution child) {
      var positions = new double[ranges.size()];
      for (int i = 0; i < positions.length; i++) {
        positions[i] =
            ranges.get(i) instanceof SearchRange.Choice choice
                ? (Subset.getSubset(child.getVariable(i))[0] + 0.5) / choice.values().size()
                : RealVariable.getReal(child.getVariable(i));
      }
      return positions;
    }
  }

  private static int index(double position, SearchRange.Choice choice) {
    return (int) Math.min(choice.values().size() - 1, position * choice.values().size());
  }

  /** Parzen estimator: densities of the good trials and of the others for each place. */
  private final class Estimator {

    private final List<Density> good = new ArrayList<>();
    private final List<Density> others = new ArrayList<>();

    Estimator(List<Outcome> sorted) {
      int best = (int) Math.ceil(GOOD * sorted.size());
      var positions = sorted.stream().map(Proposals.this::positions).toList();
      for (int i = 0; i < ranges.size(); i++) {
        int place = i;
        double[] values = positions.stream().mapToDouble(at -> at[place]).toArray();
        good.add(Density.of(ranges.get(i), Arrays.copyOf(values, best)));
        others.add(Density.of(ranges.get(i), Arrays.copyOfRange(values, best, values.length)));
      }
    }

    double[] next() {
      double[] best = new double[ranges.size()];
      double most = Double.NEGATIVE_INFINITY;
      for (int c = 0; c < CANDIDATES; c++) {
        var positions = new double[ranges.size()];
        double score = 0;
        for (int i = 0; i < positions.length; i++) {
          positions[i] = good.get(i).sample(random);
          score +=
              StrictMath.log(good.get(i).at(positions[i]))
                  - StrictMath.log(others.get(i).at(positions[i]));
        }
        if (score > most) {
          most = score;
          best = positions;
        }
      }
      return best;
    }
  }

  /** Density of the positions at one place. */
  private sealed interface Density {

    static Density of(SearchRange range, double[] positions) {
      return range instanceof SearchRange.Choice choice
          ? Shares.of(choice, positions)
          : Kernels.of(positions);
    }

    double at(double position);

    double sample(Random random);
  }

  /** Share of each value of a choice, counting each once more than it occurs. */
  private record Shares(SearchRange.Choice choice, double[] shares) implements Density {

    static Shares of(SearchRange.Choice choice, double[] positions) {
      var shares = new double[choice.values().size()];
      Arrays.fill(shares, 1.0 / (positions.length + shares.length));
      for (double position : positions) {
        shares[index(position, choice)] += 1.0 / (positions.length + shares.length);
      }
      return new Shares(choice, shares);
    }

    @Override
    public double at(double position) {
      return shares[index(position, choice)];
    }

    @Override
    public double sample(Random random) {
      double left = random.nextDouble();
      int i = 0;
      while (i < shares.length - 1 && left >= shares[i]) {
        left -= shares[i++];
      }
      return (i + 0.5) / shares.length;
    }
  }

  /**
   * Mixture of normal distributions within 0 and 1: one around each position, as wide as the larger
   * distance from a neighbour, and one over the whole range.
   */
  private record Kernels(List<NormalDistribution> kernels) implements Density {

    static Kernels of(double[] positions) {
      var kernels = new ArrayList<NormalDistribution>();
      kernels.add(new NormalDistribution(null, 0.5, 1));
      double[] sorted = positions.clone();
      Arrays.sort(sorted);
      double least = 1.0 / Math.min(100, sorted.length + 1);
      for (int i = 0; i < sorted.length; i++) {
        double left = i == 0 ? sorted[i] : sorted[i] - sorted[i - 1];
        double right = i == sorted.length - 1 ? 1 - sorted[i] : sorted[i + 1] - sorted[i];
        kernels.add(
            new NormalDistribution(null, sorted[i], Math.clamp(Math.max(left, right), least, 1)));
      }
      return new Kernels(kernels);
    }

    private static double inside(NormalDistribution kernel) {
      return kernel.cumulativeProbability(1) - kernel.cumulativeProbability(0);
    }

    @Override
    public double at(double position) {
      return kernels.stream().mapToDouble(kernel -> kernel.density(position) / inside(kernel)).sum()
          / kernels.size();
    }

    @Override
    public double sample(Random random) {
      var kernel = kernels.get(random.nextInt(kernels.size()));
      double below = kernel.cumulativeProbability(0);
      double sample =
          kernel.inverseCumulativeProbability(below + random.nextDouble() * inside(kernel));
      return Math.clamp(sample, 0, Math.nextDown(1.0));
    }
  }
}
