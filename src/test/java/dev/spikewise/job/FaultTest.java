package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Whatever becomes of the process, a job ends with the epochs and the bits of an undisturbed one.
 */
class FaultTest {

  private static final int KILLS = Integer.getInteger("spikewise.kills", 3);
  private static final int EPOCHS = 400;

  /**
   * Some seconds of training; its checkpoints rarely fall together with what is stored of its
   * epochs.
   */
  static final String SPEC =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"},
         {"type": "SumPool2d", "kernel_size": 2}, {"type": "Flatten"},
         {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "limit": 100}, "batch_size": 32, "time_steps": 10, "seed": 1,
       "epochs": %d, "checkpoint_every_epochs": 7,
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 0.9}}]}"""
          .formatted(EPOCHS);

  @TempDir Path dir;
  JdbcClient database;
  final List<String> settings =
      new ArrayList<>(List.of("--spikewise.jobs.lease=4s", "--spikewise.jobs.max-losses=99"));

  @BeforeEach
  void createDatabase() {
    database =
        JdbcClient.create(
            new DriverManagerDataSource("jdbc:h2:file:" + dir.resolve("spikewise"), "", ""));
  }

  ServiceProcess start() throws IOException, InterruptedException {
    return ServiceProcess.start(dir, settings);
  }

  @Test
  void killedServicesJobsEndWithTheSameBits() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var jobs = new ArrayList<String>();
    int seen = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      try (var service = start()) {
        if (jobs.isEmpty() || isOver(service.json(jobs.getLast()))) {
          jobs.add(service.submit(SPEC));
          seen = 0;
        }
        assertThat(epoch(service.json(jobs.getLast())))
            .as("epochs once seen stay")
            .isGreaterThanOrEqualTo(seen);
        Thread.sleep(random.nextInt(2000));
        seen = epoch(service.json(jobs.getLast()));
        Thread.sleep(random.nextInt(100));
      }
    }
    try (var service = start()) {
      var undisturbed = finished(service, service.submit(SPEC));
      int differences = 0;
      for (var job : jobs) {
        differences += finished(service, job).equals(undisturbed) ? 0 : 1;
      }
      System.out.printf(
          "%s: %d kills, %d jobs, %d epochs, %d differences (seed %d)%n",
          getClass().getSimpleName(), KILLS, jobs.size(), jobs.size() * EPOCHS, differences, seed);
      assertThat(differences).isZero();
    }
    assertThat(leases()).isZero();
  }

  @Test
  void aTerminatedServicesJobIsQueuedWithItsCheckpointAndEndsWithTheSameBits() throws Exception {
    String job;
    try (var service = start()) {
      job = service.submit(SPEC);
      service.await(job, now -> epoch(now) > 20);
      service.terminate();
    }
    assertThat(database.sql("select status from job").query(String.class).single())
        .isEqualTo("QUEUED");
    assertThat(database.sql("select reason from job").query(String.class).single())
        .isEqualTo("WORKER_DRAINED");
    assertThat(database.sql("select max(epoch) from checkpoint").query(Integer.class).single())
        .isBetween(7, EPOCHS - 1);
    assertThat(leases()).isZero();
    try (var service = start()) {
      assertThat(finished(service, job)).isEqualTo(finished(service, service.submit(SPEC)));
    }
  }

  private static boolean isOver(JsonNode job) {
    return job.get("status").asString().equals("succeeded");
  }

  static int epoch(JsonNode job) {
    return job.at("/progress/epoch").asInt();
  }

  int leases() {
    return database
        .sql("select count(*) from job where lease_owner is not null")
        .query(Integer.class)
        .single();
  }

  /** All that must not depend on what happened on the way. */
  record Result(List<JsonNode> epochs, String weights) {}

  static Result finished(ServiceProcess service, String job)
      throws IOException, InterruptedException {
    var end = service.await(job, now -> now.get("finished_at").isString());
    assertThat(isOver(end)).as(end.toPrettyString()).isTrue();
    var epochs = service.json(job + "/epochs?limit=10000").get("data");
    assertThat(
            StreamSupport.stream(epochs.spliterator(), false)
                .map(epoch -> epoch.get("epoch").asInt()))
        .containsExactlyElementsOf(IntStream.range(0, EPOCHS).boxed().toList());
    epochs.forEach(epoch -> ((ObjectNode) epoch).remove("duration_ms"));
    return new Result(List.copyOf(epochs.values()), Arrays.toString(service.get(job + "/weights")));
  }
}
