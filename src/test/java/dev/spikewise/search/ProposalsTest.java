package dev.spikewise.search;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchRange;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.SearchSpec.Strategy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProposalsTest {

  private static final int POPULATION = 12;

  private static SearchSpec spec(Strategy strategy, SearchSpec.Bound... bounds) {
    var over = new LinkedHashMap<String, SearchRange>();
    over.put("a", new SearchRange.Float(0.0, 1.0));
    over.put("b", new SearchRange.Log(1e-4, 1.0));
    over.put("c", new SearchRange.Int(1L, 9L));
    over.put("d", new SearchRange.Choice(List.of("x", "y", "z")));
    return new SearchSpec(
        null,
        null,
        over,
        List.of(
            new SearchSpec.Objective(SearchMetric.TEST_ACCURACY, null),
            new SearchSpec.Objective(SearchMetric.TEST_SYNOPS, 1000.0)),
        List.of(bounds),
        strategy,
        POPULATION,
        null,
        new SearchSpec.Budget(100, null, null),
        7L);
  }

  /** More synops have more accuracy; what is wrong with the other values costs accuracy. */
  private static Outcome measured(int trial, Map<String, @Nullable Object> values) {
    double a = (Double) values.get("a");
    double wrong =
        Math.abs(Math.log10((Double) values.get("b")) + 2) / 4
            + Math.abs((Long) values.get("c") - 4) / 16.0
            + (values.get("d").equals("y") ? 0 : 0.2);
    return outcome(trial, 0, values, Math.sqrt(a) * Math.max(0, 1 - wrong), 1000 * a);
  }

  private static Outcome outcome(
      int trial, int rung, Map<String, @Nullable Object> values, double accuracy, double synops) {
    return new Outcome(
        trial,
        rung,
        values,
        Map.of(SearchMetric.TEST_ACCURACY, accuracy, SearchMetric.TEST_SYNOPS, synops));
  }

  private static List<Outcome> run(SearchSpec spec, int generations) {
    var outcomes = new ArrayList<Outcome>();
    for (int generation = 0; generation < generations; generation++) {
      for (var values : Proposals.propose(spec, generation, List.copyOf(outcomes), POPULATION)) {
        outcomes.add(measured(outcomes.size(), values));
      }
    }
    return outcomes;
  }

  @ParameterizedTest
  @EnumSource
  void proposesTheSameFromTheSameSeedAndOutcomesWhateverOtherSearchesDo(Strategy strategy) {
    var spec = spec(strategy);
    var first = run(spec, 3);
    var others =
        CompletableFuture.runAsync(
            () -> {
              for (int i = 0; i < 20; i++) {
                run(spec(Strategy.NSGA2), 3);
              }
            });
    for (int i = 0; i < 5; i++) {
      assertThat(run(spec, 3)).isEqualTo(first);
    }
    others.join();
    var values = first.stream().map(Outcome::values).toList();
    assertThat(new HashSet<>(values)).as("no values twice").hasSize(3 * POPULATION);
    assertThat(values)
        .allSatisfy(
            value -> {
              assertThat((Double) value.get("a")).isBetween(0.0, 1.0);
              assertThat((Double) value.get("b")).isBetween(1e-4, 1.0);
              assertThat((Long) value.get("c")).isBetween(1L, 9L);
              assertThat((String) value.get("d")).isIn("x", "y", "z");
            });
  }

  @ParameterizedTest
  @EnumSource(names = {"NSGA2", "TPE"})
  void findsBetterFrontsThanRandomSamples(Strategy strategy) {
    var spec = spec(strategy);
    var ranking = new Ranking(spec);
    var reference = ranking.reference(List.of());
    double found = ranking.hypervolume(run(spec, 8), reference);
    double random = ranking.hypervolume(run(spec(Strategy.RANDOM), 8), reference);
    assertThat(found).isGreaterThan(random + 0.02);
  }

  @Test
  void hypervolumeIsTheAreaThatTheFrontDominates() {
    var ranking = new Ranking(spec(Strategy.NSGA2));
    var outcomes =
        List.of(
            outcome(0, 0, Map.of(), 0.5, 200),
            outcome(1, 0, Map.of(), 0.8, 600),
            outcome(2, 0, Map.of(), 0.4, 500));
    var reference = ranking.reference(outcomes);
    assertThat(reference)
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(SearchMetric.TEST_ACCURACY, 0.0, SearchMetric.TEST_SYNOPS, 1000.0));
    assertThat(ranking.hypervolume(outcomes, reference))
        .isCloseTo(0.8 * 0.5 + 0.4 * 0.3, org.assertj.core.data.Offset.offset(1e-12));
    assertThat(ranking.front(outcomes)).extracting(Outcome::trial).containsExactly(0, 1);
  }

  @Test
  void laterRungsThenBoundsThenDominanceDecideTheOrder() {
    var spec = spec(Strategy.NSGA2, new SearchSpec.Bound(SearchMetric.TEST_SYNOPS, null, 500.0));
    var outcomes =
        List.of(
            outcome(0, 0, Map.of(), 0.9, 400),
            outcome(1, 1, Map.of(), 0.3, 400),
            outcome(2, 1, Map.of(), 0.99, 600),
            outcome(3, 1, Map.of(), 0.4, 300),
            new Outcome(4, 1, Map.of(), null));
    assertThat(new Ranking(spec).sort(outcomes))
        .extracting(Outcome::trial)
        .containsExactly(3, 1, 2, 0);
    assertThat(new Ranking(spec).front(outcomes)).extracting(Outcome::trial).containsExactly(0, 3);
  }

  @ParameterizedTest
  @EnumSource(names = {"NSGA2", "TPE"})
  void firstGenerationHasTheEndsOfEachRange(Strategy strategy) {
    var first = Proposals.propose(spec(strategy), 0, List.of(), POPULATION);
    assertThat(first).hasSize(POPULATION);
    assertThat(first).extracting(values -> values.get("a")).contains(0.0, 1.0);
    assertThat(first).extracting(values -> values.get("b")).contains(1e-4, 1.0);
    assertThat(first).extracting(values -> values.get("c")).contains(1L, 9L);
    assertThat(first).extracting(values -> values.get("d")).containsOnly("x", "y", "z");
    assertThat(Proposals.propose(spec(strategy), 0, List.of(), 1)).hasSize(1);
  }

  @Test
  void trialThatAnEarlierOneDominatesGoesOnIfItIsAmongTheBestThirdOfAll() {
    var spec = withRungs(spec(Strategy.NSGA2));
    var before =
        List.of(
            outcome(0, 0, Map.of(), 0.9, 500),
            outcome(1, 0, Map.of(), 0.3, 700),
            outcome(2, 0, Map.of(), 0.3, 800));
    var near = outcome(3, 0, Map.of(), 0.89, 510);
    var cheapest = outcome(4, 0, Map.of(), 0.2, 100);
    var far = outcome(5, 0, Map.of(), 0.1, 900);
    var ranking = new Ranking(spec);
    assertThat(ranking.promoted(before, List.of(near, far, outcome(6, 0, Map.of(), 0.1, 950))))
        .as("second of six")
        .containsExactly(near);
    assertThat(ranking.promoted(before, List.of(far, near, cheapest)))
        .as("the front comes first, and one of three goes on")
        .containsExactly(cheapest);
    assertThat(ranking.promoted(before, List.of(far))).isEmpty();
    assertThat(ranking.promoted(List.of(), List.of(far)))
        .as("without comparison with earlier generations")
        .containsExactly(far);
  }

  private static SearchSpec withRungs(SearchSpec spec) {
    return new SearchSpec(
        null,
        null,
        spec.over(),
        spec.objectives(),
        List.of(),
        spec.strategy(),
        POPULATION,
        new SearchSpec.Rungs(1, 3, null),
        spec.budget(),
        spec.seed());
  }
}
