package dev.spikewise.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.json.JsonMapper;

/** Rounds of halving, begun by hand where the processes of a fleet would. */
@SpringBootTest
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:rounds;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.sweeps.poll=1h"
    })
class RoundsTest {

  private static final int PROCESSES = 6;

  @Autowired Sweeps sweeps;
  @Autowired SweepRepository repository;
  @Autowired Rounds rounds;
  @Autowired JsonMapper json;
  @Autowired Jobs jobs;
  @Autowired JdbcClient jdbc;

  private Sweep trained() throws InterruptedException {
    var job =
        json.readValue(
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [
               {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "Flatten"},
               {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
             "epochs": 2, "loss": [{"type": "synops", "target": {"baseline_multiple": 3}}]}\
            """,
            TrainingSpec.class);
    var spec = new SweepSpec(null, job, null, null, new SweepSpec.Halving(2));
    var id = sweeps.create(spec, _ -> job).id();
    var deadline = Instant.now().plus(Duration.ofSeconds(60));
    while (sweeps.get(id).jobs().getFirst().status() != JobState.SUCCEEDED) {
      assertThat(Instant.now()).isBefore(deadline);
      Thread.sleep(20);
    }
    return sweeps.get(id);
  }

  @Test
  void variantsShareTheDocumentOfTheirSweep() {
    var spec =
        json.readValue(
            """
            {"job": {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
               "epochs": 1, "labels": {"long": "%s"}, "loss": [{"type": "firing_rate", "min": 0.5}]},
             "over": {"optimizer/learning_rate": [0.1, 0.2]}, "seeds": [1, 2, 3]}\
            """
                .formatted("x".repeat(1000)),
            SweepSpec.class);
    var sweep = sweeps.create(spec, _ -> spec.job());
    var jobIds = sweep.jobs().stream().map(Sweep.Part::id).toList();
    assertThat(jobIds).hasSize(6);
    assertThat(
            jdbc.sql(
                    "select count(*) from job_spec where id = ? or id in (select id from job where"
                        + " spec_id = ?)")
                .params(sweep.id(), sweep.id())
                .query(Integer.class)
                .single())
        .as("one document for all")
        .isEqualTo(1);
    var last = jobs.get(jobIds.getLast()).spec();
    assertThat(last.seed()).isEqualTo(3);
    assertThat(last.optimizer()).extracting("learningRate").isEqualTo(0.2);
    assertThat(last.name()).isEqualTo("learning_rate 0.2, seed 3");
    assertThat(last.labels()).isEqualTo(spec.job().labels());
    assertThat(sweeps.list(10, Long.MAX_VALUE).data())
        .filteredOn(listed -> listed.id().equals(sweep.id()))
        .singleElement()
        .satisfies(listed -> assertThat(listed.spec()).isNull());
  }

  @Test
  void roundStartsOnceWithManyProcesses() throws Exception {
    var sweep = trained();
    assertThat(sweep.status()).as("a round is to come").isEqualTo(JobState.RUNNING);
    var due =
        repository.due().stream()
            .filter(place -> place.sweepId().equals(sweep.id()))
            .findFirst()
            .orElseThrow();
    var together = new CyclicBarrier(PROCESSES);
    try (var processes = Executors.newFixedThreadPool(PROCESSES)) {
      var all =
          IntStream.range(0, PROCESSES)
              .mapToObj(
                  i ->
                      processes.submit(
                          () -> {
                            together.await();
                            rounds.startNext(due);
                            return i;
                          }))
              .toList();
      for (var one : all) {
        one.get();
      }
    }
    assertThat(sweeps.get(sweep.id()).jobs()).hasSize(2);
    assertThat(repository.due()).doesNotContain(due);
  }

  @Test
  void noRoundBeginsOnceTheSweepIsCancelled() throws Exception {
    var sweep = trained();
    var due = repository.due();
    assertThat(sweeps.cancel(sweep.id()).status()).isEqualTo(JobState.CANCELLED);
    due.forEach(rounds::startNext);
    assertThat(sweeps.get(sweep.id()).jobs()).hasSize(1);
    assertThat(sweeps.get(sweep.id()).status()).isEqualTo(JobState.CANCELLED);
  }
}
