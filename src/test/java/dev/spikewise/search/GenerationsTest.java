package dev.spikewise.search;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.job.JobState;
import dev.spikewise.job.Variant;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.TrainingSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Steps of searches, taken by hand where the processes of a fleet would; the trainings are made up.
 */
@SpringBootTest
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:generations;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.searches.poll=1h"
    })
class GenerationsTest {

  private static final int PROCESSES = 4;

  @Autowired Searches searches;
  @Autowired Generations generations;
  @Autowired JsonMapper json;
  @Autowired JdbcClient jdbc;

  private Search create(String strategy, String more) {
    var spec =
        json.readValue(
            """
            {"job": {"model": {"input_shape": [1, 8, 8], "layers": [
               {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
               "input": {"type": "dataset", "id": "digits", "limit": 50},
               "time_steps": 2, "epochs": 9, "loss": [{"type": "cross_entropy"}]},
             "over": {"optimizer/learning_rate": {"type": "log", "min": 0.001, "max": 0.1},
               "batch_size": {"type": "integer", "min": 1, "max": 40}},
             "objectives": [{"metric": "test_accuracy"}, {"metric": "test_synops"}],
             "strategy": "%s", "population": 6, %s}\
            """
                .formatted(strategy, more),
            SearchSpec.class);
    return searches.create(spec, values -> job(spec, values));
  }

  private TrainingSpec job(SearchSpec spec, Map<String, @Nullable Object> values) {
    var tree = json.<ObjectNode>valueToTree(spec.job());
    Variant.apply(tree, values, json::valueToTree);
    return json.treeToValue(tree, TrainingSpec.class);
  }

  private static final String RUNGS =
      "\"rungs\": {\"first_epochs\": 1, \"factor\": 3}, \"budget\": {\"trials\": 18}";

  /** Ends the rung of a trial with metrics that depend on its values and epochs alone. */
  private void train(Search.Trial trial) {
    var job = trial.job();
    var pause =
        jdbc.sql("select coalesce(pause_after, 9) from job where id = ?")
            .param(job)
            .query(Integer.class)
            .single();
    double rate = (Double) trial.values().get("optimizer/learning_rate");
    long batch = (Long) trial.values().get("batch_size");
    var metrics =
        json.writeValueAsString(
            new EpochMetrics(
                pause - 1,
                0.5,
                Map.of(),
                77,
                0.1,
                0.5,
                1 - Math.abs(Math.log10(rate) + 2) / 3 - 1.0 / (batch + pause),
                100.0 * batch + pause,
                null,
                null,
                1,
                Map.of(),
                Map.of()));
    jdbc.sql("insert into epoch (job_id, epoch, metrics) values (?, ?, ?)")
        .params(job, pause - 1, metrics)
        .update();
    jdbc.sql(
            "update job set version = version + 1, status = ?, epoch = ?, latest = ?, active_ms ="
                + " active_ms + 60000 where id = ?")
        .params(pause == 9 ? "SUCCEEDED" : "PAUSED", pause, metrics, job)
        .update();
  }

  /**
   * Trains a search to its end.
   *
   * @param reversed whether the later trials end first, and a process looks after each of them
   */
  private Search run(UUID id, boolean reversed) {
    while (true) {
      var search = searches.get(id);
      if (search.finishedAt() != null) {
        return search;
      }
      var waiting =
          new ArrayList<>(
              search.trials().stream()
                  .filter(trial -> trial.status() == Search.TrialState.QUEUED)
                  .toList());
      if (reversed) {
        Collections.reverse(waiting);
      }
      for (var trial : waiting) {
        train(trial);
        if (reversed) {
          generations.advance(id);
        }
      }
      generations.advance(id);
    }
  }

  private static List<Object> decisions(Search search) {
    var decisions = new ArrayList<Object>();
    search
        .trials()
        .forEach(
            trial ->
                decisions.add(
                    List.of(
                        trial.values(),
                        trial.status(),
                        trial.epochs(),
                        trial.metrics(),
                        trial.rung())));
    decisions.add(search.rungs());
    decisions.add(search.paretoFront().stream().map(Search.Point::trial).toList());
    return decisions;
  }

  @Test
  void trialsDoNotDependOnTheOrderInWhichJobsEnd() {
    for (var strategy : List.of("nsga2", "tpe", "random")) {
      var inOrder = run(create(strategy, RUNGS).id(), false);
      var reversed = run(create(strategy, RUNGS).id(), true);
      assertThat(inOrder.reason()).isEqualTo(Search.End.TRIALS);
      assertThat(inOrder.trials()).hasSize(18);
      assertThat(decisions(reversed)).isEqualTo(decisions(inOrder));
    }
  }

  @Test
  void trialsOutsideTheBestThirdOfAllGenerationsStopAfterTheirRung() {
    var search = run(create("random", RUNGS).id(), false);
    var promoted = search.rungs().stream().filter(rung -> rung.rung() == 0).toList();
    assertThat(promoted).hasSize(3);
    assertThat(promoted.getFirst().promoted()).hasSize(2);
    var all =
        run(
            create("random", RUNGS.replace("\"factor\"", "\"stop_dominated\": false, \"factor\""))
                .id(),
            false);
    assertThat(all.rungs().stream().filter(rung -> rung.rung() == 0))
        .allSatisfy(rung -> assertThat(rung.promoted()).hasSize(2));
    assertThat(search.progress().epochs()).isLessThan(all.progress().epochs());
    for (var rung : promoted.subList(1, 3)) {
      int trained = 6 * (rung.generation() + 1);
      for (int number : rung.promoted()) {
        var passed = search.trials().get(number);
        assertThat(search.trials().subList(0, trained).stream().filter(one -> beats(one, passed)))
            .hasSizeLessThan(trained / 3);
      }
    }
  }

  private static boolean beats(Search.Trial one, Search.Trial other) {
    return first(one)[0] > first(other)[0] && first(one)[1] < first(other)[1];
  }

  /** Test accuracy and synops that {@link #train} makes up after the first epoch. */
  private static double[] first(Search.Trial trial) {
    double rate = (Double) trial.values().get("optimizer/learning_rate");
    long batch = (Long) trial.values().get("batch_size");
    return new double[] {
      1 - Math.abs(Math.log10(rate) + 2) / 3 - 1.0 / (batch + 1), 100.0 * batch + 1
    };
  }

  @Test
  void stepIsTakenOnceByManyProcesses() throws Exception {
    var search = create("nsga2", "\"budget\": {\"trials\": 12}");
    search.trials().forEach(this::train);
    var together = new CyclicBarrier(PROCESSES);
    try (var processes = Executors.newFixedThreadPool(PROCESSES)) {
      var all =
          IntStream.range(0, PROCESSES)
              .mapToObj(
                  i ->
                      processes.submit(
                          () -> {
                            together.await();
                            generations.advance(search.id());
                            return i;
                          }))
              .toList();
      for (var one : all) {
        one.get();
      }
    }
    assertThat(searches.get(search.id()).trials()).hasSize(12);
    assertThat(
            jdbc.sql(
                    "select count(*) from job where id in (select job_id from search_trial where"
                        + " search_id = ?)")
                .param(search.id())
                .query(Integer.class)
                .single())
        .isEqualTo(12);
  }

  @Test
  void failedRefusedAndDeletedTrialsAreTheWorst() {
    var search = create("nsga2", RUNGS);
    var trials = search.trials();
    trials.subList(1, 5).forEach(this::train);
    jdbc.sql("update job set status = 'FAILED', version = version + 1 where id = ?")
        .param(trials.getFirst().job())
        .update();
    jdbc.sql("delete from job where id = ?").param(trials.get(5).job()).update();
    generations.advance(search.id());
    var after = searches.get(search.id());
    assertThat(after.trials().getFirst().status()).isEqualTo(Search.TrialState.FAILED);
    assertThat(after.trials().get(5).status()).isEqualTo(Search.TrialState.FAILED);
    assertThat(after.rungs().getFirst().promoted()).hasSize(2).doesNotContain(0, 5);
    assertThat(run(search.id(), false).status()).isEqualTo(JobState.SUCCEEDED);
  }

  @Test
  void hoursEndASearchAndCancelWhatStillTrains() {
    var search = create("random", "\"budget\": {\"hours\": 0.04}");
    search.trials().subList(0, 3).forEach(this::train);
    generations.advance(search.id());
    var after = searches.get(search.id());
    assertThat(after.reason()).isEqualTo(Search.End.HOURS);
    assertThat(after.trials()).hasSize(6);
    assertThat(after.status()).isEqualTo(JobState.SUCCEEDED);
    assertThat(after.paretoFront()).as("what was trained counts").isNotEmpty();
    assertThat(
            jdbc.sql(
                    "select count(*) from job where status = 'QUEUED' and id in (select job_id"
                        + " from search_trial where search_id = ?)")
                .param(search.id())
                .query(Integer.class)
                .single())
        .isZero();
  }
}
