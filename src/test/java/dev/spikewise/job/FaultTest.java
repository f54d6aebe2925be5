package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.store.H2Recovery;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

  private static final int KILLS = Integer.getInteger("spikewise.kills", 1);
  private static final int EPOCHS = 1000;

  /**
   * With lease and poll so short that the tests need not wait for long, and kills that are meant.
   */
  static final List<String> SETTINGS =
      List.of(
          "--spikewise.jobs.lease=4s",
          "--spikewise.jobs.max-losses=1000",
          "--spikewise.jobs.rest=0s");

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
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 0.9}}]}\
      """
          .formatted(EPOCHS);

  @TempDir Path dir;
  JdbcClient database;
  final List<String> settings = new ArrayList<>(SETTINGS);

  @BeforeEach
  void createDatabase() {
    database =
        JdbcClient.create(
            new DriverManagerDataSource(
                // As the service does: the one before it may have been killed.
                H2Recovery.recovering("jdbc:h2:file:" + dir.resolve("spikewise")), "", ""));
  }

  private ServiceProcess start() throws IOException, InterruptedException {
    return ServiceProcess.start(dir, settings);
  }

  /** Kills at random moments; then one end in good order, in the middle of an epoch. */
  @Test
  void jobsOfKilledAndTerminatedServicesEndWithTheSameBits() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var jobs = new ArrayList<String>();
    int seen = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      if (random.nextInt(10) == 0 && !jobs.isEmpty()) {
        killWhileItStarts(random);
        continue;
      }
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

    var news = new News();
    try (var service = start()) {
      jobs.add(service.submit(SPEC));
      service.events(jobs.getLast(), news.last, event -> news.add(event) && news.epochs < 30);
      service.terminate();
      assertThat(service.log()).doesNotContain("Lost the lease", " ERROR ");
    }
    assertThat(
            database
                .sql("select reason from job where status = 'QUEUED' order by number desc limit 1")
                .query(String.class)
                .single())
        .isEqualTo("WORKER_DRAINED");
    assertThat(database.sql("select max(epoch) from checkpoint").query(Integer.class).single())
        .isBetween(7, EPOCHS);
    assertThat(leases()).isZero();
    damageTheLastCheckpoint();

    try (var service = start()) {
      var undisturbed = finished(service, service.submit(SPEC));
      int differences = 0;
      for (var job : jobs) {
        differences += finished(service, job).equals(undisturbed) ? 0 : 1;
      }
      System.out.printf(
          "%s: %d kills, %d restarts, %d jobs, %d epochs, differences: %d (seed %d)%n",
          getClass().getSimpleName(),
          KILLS,
          KILLS + 1,
          jobs.size() + 1,
          (jobs.size() + 1) * EPOCHS,
          differences,
          seed);
      assertThat(differences).isZero();
      service.events(jobs.getLast(), news.last, news::add);
      news.assertComplete();
    }
    assertThat(leases()).isZero();
  }

  private void damageTheLastCheckpoint() {
    var last =
        database
            .sql(
                """
                select job_id, epoch, content from checkpoint where job_id in
                (select id from job where status = 'QUEUED') order by epoch desc limit 1\
                """)
            .query()
            .singleRow();
    var content = (byte[]) last.get("content");
    content[content.length / 2]++;
    database
        .sql("update checkpoint set content = ? where job_id = ? and epoch = ?")
        .params(content, last.get("job_id"), last.get("epoch"))
        .update();
  }

  private void killWhileItStarts(Random random) throws Exception {
    try (var _ = ServiceProcess.launch(dir, settings, Map.of())) {
      Thread.sleep(random.nextInt(8000));
    }
  }

  /** What a reader of a job's events has seen, over however many connections. */
  static final class News {
    String last = "0-0-0";
    int epochs;
    private boolean ended;
    private final Map<String, Integer> seen = new HashMap<>();

    boolean add(ServiceProcess.Event event) {
      if (event.type().equals("end")) {
        ended = true;
      } else {
        last = event.id();
        seen.merge(last, 1, Integer::sum);
      }
      if (event.type().equals("epoch")) {
        assertThat(event.data().get("epoch").asInt()).as("epochs come in order").isEqualTo(epochs);
        epochs++;
      }
      return true;
    }

    void assertComplete() {
      assertThat(ended).isTrue();
      assertThat(epochs).isEqualTo(EPOCHS);
      assertThat(seen.values()).as("every event comes once").containsOnly(1);
    }
  }

  private static boolean isOver(JsonNode job) {
    return job.get("status").asString().equals("succeeded");
  }

  static int epoch(JsonNode job) {
    return job.at("/progress/epoch").asInt();
  }

  private int leases() {
    return leases(database);
  }

  static int leases(JdbcClient database) {
    return database
        .sql("select count(*) from job where lease_owner is not null")
        .query(Integer.class)
        .single();
  }

  /** All that must not depend on what happened on the way. */
  record Result(List<JsonNode> epochs, String weights) {}

  static Result finished(ServiceProcess service, String job)
      throws IOException, InterruptedException {
    return finished(service, job, EPOCHS);
  }

  static Result finished(ServiceProcess service, String job, int expected)
      throws IOException, InterruptedException {
    var end = service.await(job, now -> now.get("finished_at").isString());
    assertThat(isOver(end)).as(end.toPrettyString()).isTrue();
    var epochs = service.json(job + "/epochs?limit=10000").get("data");
    assertThat(
            StreamSupport.stream(epochs.spliterator(), false)
                .map(epoch -> epoch.get("epoch").asInt()))
        .containsExactlyElementsOf(IntStream.range(0, expected).boxed().toList());
    epochs.forEach(epoch -> ((ObjectNode) epoch).remove("duration_ms"));
    return new Result(List.copyOf(epochs.values()), Arrays.toString(service.get(job + "/weights")));
  }
}
