package dev.spikewise.job;

import static dev.spikewise.job.FaultTest.SPEC;
import static dev.spikewise.job.FaultTest.epoch;
import static dev.spikewise.job.FaultTest.finished;
import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.PostgresDatabase;
import dev.spikewise.job.FaultTest.News;
import dev.spikewise.job.FaultTest.Result;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Two services on one PostgreSQL. The clock of the second is an hour fast in all of these tests.
 */
@Needs({Part.POSTGRES, Part.FAKETIME})
@TestMethodOrder(OrderAnnotation.class)
class ReplicasTest {

  @TempDir static Path dir;
  private static final List<String> settings = new ArrayList<>(FaultTest.SETTINGS);
  private static JdbcClient database;
  private static ServiceProcess first;
  private static ServiceProcess second;
  private static Result undisturbed;

  @BeforeAll
  static void start() throws Exception {
    var server = PostgresDatabase.create();
    database = PostgresDatabase.client(server);
    settings.addAll(PostgresDatabase.settings(server));
    var both = ServiceProcess.startTwo(dir, settings);
    first = both.getFirst();
    second = both.getLast();
    undisturbed = finished(first, first.submit(SPEC));
  }

  @AfterAll
  static void stop() throws Exception {
    first.close();
    second.close();
  }

  @AfterEach
  void noLeaseIsLeft() {
    assertThat(FaultTest.leases(database)).isZero();
  }

  /** Whoever trains {@code job}, as its lease says. */
  private static ServiceProcess trainer(String job) {
    var owner =
        database
            .sql("select lease_owner from job where id = ?")
            .param(id(job))
            .query(String.class)
            .single();
    return owner.startsWith(first.pid() + "-") ? first : second;
  }

  private static UUID id(String job) {
    return UUID.fromString(job.substring(job.lastIndexOf('/') + 1));
  }

  private static ServiceProcess other(ServiceProcess service) {
    return service == first ? second : first;
  }

  /** A job in the middle of its training. */
  private static String begun() throws Exception {
    var job = first.submit(SPEC);
    first.await(job, now -> epoch(now) > 20);
    return job;
  }

  @Test
  void leaseTimesAreTheDatabasesWhateverTheClocksOfItsReplicas() throws Exception {
    assertThat(Duration.between(date(first), date(second)).toMinutes()).isBetween(55L, 65L);
    var jobs = new ArrayList<String>();
    for (int trained = 0; trained < 2; trained = trainers()) {
      jobs.add(first.submit(SPEC));
      jobs.add(first.submit(SPEC));
      first.await(jobs.getLast(), now -> epoch(now) > 0);
    }
    assertThat(
            database
                .sql(
                    """
                    select count(*) from job where lease_owner is not null
                    and lease_until not between current_timestamp - interval '1 minute' and current_timestamp + interval '4 s'\
                    """)
                .query(Integer.class)
                .single())
        .isZero();
    for (var job : jobs) {
      assertThat(finished(second, job)).isEqualTo(undisturbed);
    }
    // By its own clock the second would take every lease back at once, again and again.
    assertThat(lost(jobs)).as("only what a slow machine loses").isLessThan(10);
  }

  private static ZonedDateTime date(ServiceProcess service) throws Exception {
    var date = service.send("/api/v1/jobs").headers().firstValue("Date").orElseThrow();
    return ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME);
  }

  private static int trainers() {
    return database
        .sql("select count(distinct lease_owner) from job where lease_owner is not null")
        .query(Integer.class)
        .single();
  }

  /** Number of times that one of {@code jobs} was reclaimed from a worker whose lease expired. */
  private static int lost(List<String> jobs) {
    return database
        .sql(
            "select count(*) from state_change where content like '%worker_lost%' and job_id in"
                + " (:jobs)")
        .param("jobs", jobs.stream().map(ReplicasTest::id).toList())
        .query(Integer.class)
        .single();
  }

  @Test
  void jobOfFrozenReplicaContinuesElsewhereAndItsWritesAreFenced() throws Exception {
    var job = begun();
    var frozen = trainer(job);
    double refused = frozen.metric("spikewise_fenced_writes_total");
    frozen.freeze();
    try {
      other(frozen).await(job, now -> lost(List.of(job)) > 0);
      assertThat(finished(other(frozen), job)).isEqualTo(undisturbed);
    } finally {
      frozen.thaw();
    }
    frozen.await(job, now -> frozen.metric("spikewise_fenced_writes_total") > refused);
    assertThat(finished(frozen, job)).isEqualTo(undisturbed);
  }

  /** The last, as it leaves one replica only. */
  @Test
  @Order(Integer.MAX_VALUE)
  void jobOfKilledReplicaContinuesElsewhere() throws Exception {
    var job = begun();
    var killed = trainer(job);
    killed.close();
    assertThat(finished(other(killed), job)).isEqualTo(undisturbed);
  }

  @Test
  void crashOfDatabaseLosesNothing() throws Exception {
    var job = begun();
    PostgresDatabase.kill(
        database
            .sql("select pid from pg_stat_activity where backend_type = 'checkpointer'")
            .query(Integer.class)
            .single());
    assertThat(finished(first, job)).isEqualTo(undisturbed);
    assertThat(finished(second, job)).isEqualTo(undisturbed);
    first.await(job, now -> first.isReady() && second.isReady());
  }

  @Test
  void readersGoOnAtAnotherReplica() throws Exception {
    var job = first.submit(SPEC);
    var news = new News();
    first.events(job, news.last, event -> news.add(event) && news.epochs < 10);
    second.events(job, news.last, event -> news.add(event) && news.epochs < 60);
    first.events(job, news.last, news::add);
    news.assertComplete();

    var key = UUID.randomUUID().toString();
    var asked = first.post("/api/v1/jobs", SPEC, "Idempotency-Key", key);
    var again = second.post("/api/v1/jobs", SPEC, "Idempotency-Key", key);
    assertThat(again.body()).isEqualTo(asked.body());
    assertThat(again.headers().firstValue("Idempotency-Replayed")).hasValue("true");
    var path = asked.headers().firstValue("Location").orElseThrow();
    finished(first, path);
    var tag = first.send(path).headers().firstValue("ETag").orElseThrow();
    assertThat(second.send(path, "If-None-Match", tag).statusCode()).isEqualTo(304);
  }

  @Test
  void waitEndsWithChangeFromAnotherReplica() throws Exception {
    var job = begun();
    var trainer = trainer(job);
    var tag = trainer.send(job).headers().firstValue("ETag").orElseThrow();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var waiting =
          threads.submit(() -> other(trainer).send(job, "Prefer", "wait=60", "If-None-Match", tag));
      assertThat(waiting.get().statusCode()).isEqualTo(200);
      assertThat(waiting.get().headers().firstValue("ETag").orElseThrow()).isNotEqualTo(tag);
    }
    assertThat(trainer.post(job + "/cancel", "").statusCode()).isEqualTo(202);
    first.await(job, now -> now.get("status").asString().equals("cancelled"));
  }

  @Test
  void anyReplicaCancelsPausesAndResumesJob() throws Exception {
    var job = begun();
    var asked = other(trainer(job));
    assertThat(asked.post(job + "/pause", "").statusCode()).isEqualTo(202);
    asked.await(job, now -> now.get("status").asString().equals("paused"));
    assertThat(asked.post(job + "/resume", "").statusCode()).isEqualTo(202);
    assertThat(finished(asked, job)).isEqualTo(undisturbed);
  }
}
