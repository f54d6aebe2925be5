package dev.spikewise.retention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.job.JobAction;
import dev.spikewise.job.JobResults;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import dev.spikewise.sweep.Sweeps;
import dev.spikewise.tenant.Tenants;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.core.context.SecurityContextHolder;
import tools.jackson.databind.json.JsonMapper;

/** Expired resources, and what still needs them. Jobs end without being trained. */
@ExtendWith(OutputCaptureExtension.class)
@SpringBootTest(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:retention;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.sweeps.poll=1h",
      // A test in the same process may have turned it off.
      "logging.level.dev.spikewise.audit=info",
      "spikewise.retention.jobs=30d",
      "spikewise.retention.events=20d",
      "spikewise.retention.epochs=10d",
      "spikewise.retention.checkpoints=5d",
      "spikewise.retention.datasets=30d",
      "spikewise.retention.tenants.short.jobs=1d",
      "spikewise.retention.tenants.long.jobs=36500d"
    })
class RetentionTest {

  private static final String SPEC =
      """
      {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
       "batch_size": 1, "time_steps": 1, "epochs": 3, "loss": [{"type": "firing_rate", "min": 0.5}]}\
      """;

  @Autowired Retention retention;
  @Autowired RetentionRuns runs;
  @Autowired RetentionSettings settings;
  @Autowired Jobs jobs;
  @Autowired JobResults results;
  @Autowired Sweeps sweeps;
  @Autowired JdbcClient database;
  @Autowired JsonMapper json;
  @Autowired Database clock;

  @BeforeEach
  void holdBackground() {
    next("2999-01-01T00:00:00Z");
  }

  @AfterEach
  void empty() {
    SecurityContextHolder.clearContext();
    for (var table :
        List.of(
            "search", "sweep", "job", "job_spec", "job_model", "job_weights", "model", "dataset")) {
      database.sql("delete from " + table).update();
    }
  }

  private void next(String time) {
    database
        .sql("update periodic_run set owner = null, lease_until = null, next_at = ?")
        .param(OffsetDateTime.parse(time))
        .update();
  }

  private UUID ended(String state, int daysAgo) {
    var id = jobs.submit(json.readValue(SPEC, TrainingSpec.class)).id();
    end(id, state, daysAgo);
    return id;
  }

  private void end(UUID id, String state, int daysAgo) {
    database
        .sql("update job set status = ?, epoch = 3, finished_at = ?, created_at = ? where id = ?")
        .params(state, ago(daysAgo), ago(daysAgo + 1), id)
        .update();
    for (int epoch = 0; epoch < 3; epoch++) {
      database.sql("insert into epoch values (?, ?, '{}')").params(id, epoch).update();
    }
    database
        .sql(
            "insert into checkpoint (job_id, epoch, content, created_at) values (?, 3, ?,"
                + " current_timestamp)")
        .params(id, new byte[] {1, 2, 3, 4})
        .update();
  }

  private static OffsetDateTime ago(int days) {
    return OffsetDateTime.now(ZoneOffset.UTC).minusDays(days);
  }

  private void keep(UUID job) {
    database.sql("insert into job_label values (?, 'keep', 'true')").param(job).update();
  }

  private void run() {
    assertThat(retention.run(() -> true)).isTrue();
  }

  private boolean exists(UUID job) {
    return count("job where id = '" + job + "'") == 1;
  }

  private long count(String from) {
    return database.sql("select count(*) from " + from).query(Long.class).single();
  }

  private long parts(String table, UUID job) {
    return count(table + " where job_id = '" + job + "'");
  }

  private void as(String tenant) {
    SecurityContextHolder.getContext()
        .setAuthentication(
            new UsernamePasswordAuthenticationToken(
                "test", "", AuthorityUtils.createAuthorityList(Tenants.AUTHORITY + tenant)));
  }

  @Test
  void deletesWhatEndedLongAgoAndNothingElse() {
    var old = ended("SUCCEEDED", 31);
    var failed = ended("FAILED", 31);
    var kept = ended("SUCCEEDED", 31);
    keep(kept);
    var young = ended("SUCCEEDED", 29);
    var running = ended("RUNNING", 400);
    var paused = ended("PAUSED", 400);
    run();
    assertThat(List.of(old, failed)).noneMatch(this::exists);
    assertThat(List.of(kept, young, running, paused)).allMatch(this::exists);
    assertThat(parts("epoch", kept) + parts("checkpoint", kept)).as("keep=true").isEqualTo(4);
    assertThat(parts("epoch", running) + parts("checkpoint", running)).isEqualTo(4);
    assertThat(count("job_spec where id = '" + old + "'")).isZero();
  }

  @Test
  void partsOfJobsExpireOnTheirOwn() {
    var weeks = ended("SUCCEEDED", 6);
    var fortnight = ended("SUCCEEDED", 11);
    var month = ended("SUCCEEDED", 21);
    run();
    assertThat(parts("checkpoint", weeks)).isZero();
    assertThat(parts("epoch", weeks)).isEqualTo(3);
    assertThat(parts("epoch", fortnight)).isZero();
    assertThat(parts("state_change", fortnight)).isOne();
    assertThat(parts("state_change", month)).isZero();
    assertThat(exists(month)).isTrue();
  }

  @Test
  void endedJobWithoutCheckpointHasNoWeightsInsteadOfItsInitialOnes() {
    var job = ended("SUCCEEDED", 6);
    var initial =
        Checkpoint.initial(
            new StateDict(Map.of("0.weight", new Tensor(new int[] {2, 4}, new float[8]))));
    database
        .sql("insert into job_weights (id, tenant, content) values (?, '', ?)")
        .params(job, initial.toBytes())
        .update();
    database.sql("update job set weights_id = id where id = ?").param(job).update();
    run();
    assertThatThrownBy(() -> results.weights(job))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("has no weights any more");
    assertThatThrownBy(() -> results.statistics(job))
        .hasMessageContaining("has no statistics any more");
  }

  /** Otherwise a resumed job would have epochs 2 and 3 but not those before. */
  @Test
  void epochsOfResumableJobStayWithItsCheckpoint() {
    var job = ended("FAILED", 11);
    database.sql("update job set tenant = 'short' where id = ?").param(job).update();
    var plan = retention.plan().data();
    assertThat(count("short", RetentionKind.EPOCHS, plan)).isZero();
    assertThat(count("short", RetentionKind.CHECKPOINTS, plan)).isOne();
  }

  private static long count(String tenant, RetentionKind kind, List<RetentionPlan.Part> plan) {
    return plan.stream()
        .filter(part -> part.tenant().equals(tenant) && part.kind() == kind)
        .mapToLong(RetentionPlan.Part::count)
        .sum();
  }

  @Test
  void lineageOfLiveJobsAndModelsIsKept() {
    var source = ended("SUCCEEDED", 400);
    var live = ended("QUEUED", 1);
    database
        .sql("update job set source_job = ? where id = ?")
        .params(source.toString(), live)
        .update();
    var modelled = ended("SUCCEEDED", 400);
    database
        .sql(
            "insert into model (id, definition, created_at, source, source_id) values (?, '{}',"
                + " current_timestamp, 'TRAINED', ?)")
        .params(UUID.randomUUID(), modelled.toString())
        .update();
    run();
    assertThat(List.of(source, modelled)).allMatch(this::exists);
    assertThat(parts("checkpoint", source)).isOne();

    database.sql("update job set status = 'SUCCEEDED' where id = ?").param(live).update();
    database.sql("delete from model").update();
    run();
    assertThat(List.of(source, modelled)).noneMatch(this::exists);
  }

  @Test
  void sweepGoesAsAWhole() {
    var sweep = sweep(1);
    var members = members(sweep);
    end(members.getFirst(), "SUCCEEDED", 400);
    run();
    assertThat(members).as("the other job still runs").allMatch(this::exists);
    assertThat(parts("checkpoint", members.getFirst())).isOne();

    end(members.getLast(), "FAILED", 29);
    run();
    assertThat(members).as("the last one ended lately").allMatch(this::exists);
    assertThat(parts("checkpoint", members.getFirst())).isZero();

    database.sql("update job set finished_at = ?").param(ago(31)).update();
    keep(members.getFirst());
    run();
    assertThat(members).as("one has keep=true").allMatch(this::exists);

    database.sql("delete from job_label where label = 'keep'").update();
    run();
    assertThat(members).noneMatch(this::exists);
    assertThat(count("sweep") + count("sweep_job") + count("job_spec")).isZero();
  }

  @Test
  void sweepThatStartsAnotherRoundKeepsItsJobs() {
    var sweep = sweep(1);
    members(sweep).forEach(job -> end(job, "SUCCEEDED", 400));
    database.sql("update sweep set rounds = 2").update();
    run();
    assertThat(members(sweep)).hasSize(2);
    assertThat(count("checkpoint")).isEqualTo(2);

    database.sql("update sweep set cancelled_at = current_timestamp").update();
    run();
    assertThat(count("sweep") + count("job")).isZero();
  }

  @Test
  void jobsOfAnUnfinishedSearchAreKept() {
    var trial = ended("SUCCEEDED", 400);
    var search = UUID.randomUUID();
    database
        .sql(
            "insert into search (id, tenant, job_document_id, samples, created_at) values (?, '',"
                + " ?, 'HALTON', ?)")
        .params(search, trial, ago(400))
        .update();
    database
        .sql(
            "insert into search_trial (search_id, number, generation, rung, content, job_id) values"
                + " (?, 0, 0, 0, '{}', ?)")
        .params(search, trial)
        .update();
    run();
    assertThat(parts("epoch", trial) + parts("checkpoint", trial)).isEqualTo(4);

    database.sql("update search set ended_at = ?").param(ago(1)).update();
    run();
    assertThat(exists(trial)).isFalse();
    assertThat(count("search_trial")).as("with its results").isOne();
  }

  private UUID sweep(int rounds) {
    var spec = "{\"job\": %s, \"seeds\": [1, 2]}".formatted(SPEC);
    var parsed = json.readValue(spec, SweepSpec.class);
    var training = json.readValue(SPEC, TrainingSpec.class);
    var id = sweeps.create(parsed, _ -> training).id();
    database
        .sql("update sweep set created_at = ?, rounds = ? where id = ?")
        .params(ago(500), rounds, id)
        .update();
    return id;
  }

  private List<UUID> members(UUID sweep) {
    return database
        .sql("select job_id from sweep_job where sweep_id = ? order by combination")
        .param(sweep)
        .query(UUID.class)
        .list();
  }

  @Test
  void dataSetsStayWhileJobsUseThem() {
    for (var id : List.of("unused", "running", "lately", "long-ago", "kept", "young")) {
      database
          .sql(
              "insert into dataset (id, name, samples, shape, time_steps, classes, created_at)"
                  + " values (?, 'x', 1, '1', 0, 1, ?)")
          .params(id, ago(id.equals("young") ? 3 : 300))
          .update();
      database
          .sql("insert into dataset_chunk values (?, 'file', 0, ?)")
          .params(id, new byte[10])
          .update();
    }
    database.sql("insert into dataset_label values ('kept', 'keep', 'true')").update();
    use("running", ended("RUNNING", 300));
    use("lately", ended("SUCCEEDED", 20));
    use("long-ago", ended("SUCCEEDED", 200));
    assertThat(retention.plan().data())
        .anySatisfy(
            part -> {
              assertThat(part.kind()).isEqualTo(RetentionKind.DATASETS);
              assertThat(part.count()).isEqualTo(2);
              assertThat(part.bytes()).isEqualTo(20);
            });
    run();
    assertThat(database.sql("select id from dataset").query(String.class).list())
        .containsExactlyInAnyOrder("running", "lately", "kept", "young");
  }

  private void use(String dataset, UUID job) {
    database.sql("update job set dataset_id = ? where id = ?").params(dataset, job).update();
  }

  @Test
  void jobIsNotQueuedOnADataSetThatIsGone() {
    var job = ended("FAILED", 1);
    use("gone", job);
    assertThatThrownBy(() -> jobs.request(job, JobAction.RETRY))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("gone");
    assertThat(parts("epoch", job)).isEqualTo(3);
  }

  @Test
  void tenantsHaveTimesOfTheirOwnAndSeeOnlyTheirs() {
    as("short");
    var shortly = ended("SUCCEEDED", 2);
    as("long");
    var forLong = ended("SUCCEEDED", 400);
    as("other");
    var other = ended("SUCCEEDED", 2);
    as("short");
    assertThat(retention.plan().data())
        .isNotEmpty()
        .allMatch(part -> part.tenant().equals("short"))
        .filteredOn(part -> part.kind() == RetentionKind.JOBS)
        .singleElement()
        .satisfies(
            part -> {
              assertThat(part.count()).isOne();
              assertThat(part.bytes()).isGreaterThan(4 + 3 * 2);
            });
    SecurityContextHolder.clearContext();
    assertThat(retention.plan().data().stream().map(RetentionPlan.Part::tenant).distinct())
        .containsExactly("long", "other", "short");
    run();
    assertThat(exists(shortly)).isFalse();
    assertThat(List.of(forLong, other)).allMatch(this::exists);
  }

  @Test
  void dryRunSaysWhatTheRunDeletes(CapturedOutput log) {
    var sweep = sweep(1);
    members(sweep).forEach(job -> end(job, "SUCCEEDED", 31));
    var old = ended("SUCCEEDED", 31);
    ended("SUCCEEDED", 21);
    var planned = counts(retention.plan());
    assertThat(planned)
        .containsEntry(RetentionKind.SWEEPS, 1L)
        .containsEntry(RetentionKind.JOBS, 1L)
        .containsEntry(RetentionKind.CHECKPOINTS, 4L)
        .containsEntry(RetentionKind.DATASETS, 0L);
    assertThat(counts(retention.plan())).as("nothing was deleted").isEqualTo(planned);
    run();
    assertThat(counts(retention.plan()).values()).containsOnly(0L);
    assertThat(log)
        .contains("DELETE /api/v1/jobs/" + old + " by retention from service: 204")
        .contains("DELETE /api/v1/sweeps/" + sweep + " by retention from service: 204");
  }

  private static Map<RetentionKind, Long> counts(RetentionPlan plan) {
    return plan.data().stream()
        .collect(Collectors.toMap(RetentionPlan.Part::kind, RetentionPlan.Part::count, Long::sum));
  }

  /** As after a kill at any point: what is left is deleted by the next run, and nothing else. */
  @Test
  void interruptedRunsLoseNothingElseAndAreContinued() {
    var sweep = sweep(1);
    members(sweep).forEach(job -> end(job, "SUCCEEDED", 31));
    for (int i = 0; i < 3; i++) {
      ended("SUCCEEDED", 31);
    }
    var kept = ended("SUCCEEDED", 31);
    keep(kept);
    var young = ended("SUCCEEDED", 1);
    int steps = 0;
    while (true) {
      var left = new AtomicInteger(1);
      if (retention.run(() -> left.getAndDecrement() > 0)) {
        break;
      }
      steps++;
      for (var job : List.of(kept, young)) {
        assertThat(parts("epoch", job) + parts("checkpoint", job)).isEqualTo(4);
      }
    }
    assertThat(steps).isEqualTo(3);
    assertThat(count("job")).isEqualTo(2);
  }

  @Test
  void jobWithManyEpochsIsDeletedInSeveralTransactions() {
    var job = ended("FAILED", 31);
    int many = 2 * Retention.EPOCHS_AT_ONCE + 5;
    database
        .sql("insert into epoch select ?, x + 10, '{}' from %s".formatted(series(many)))
        .param(job)
        .update();
    run();
    assertThat(exists(job)).isFalse();
    assertThat(count("epoch")).isZero();
  }

  private String series(int count) {
    return (clock.isEmbedded() ? "system_range" : "generate_series") + "(1, " + count + ") as s(x)";
  }

  @Test
  void oneProcessRunsAtATime() {
    next("2020-01-01T00:00:00Z");
    database
        .sql("update periodic_run set owner = 'other', lease_until = ?")
        .param(ago(-1))
        .update();
    var old = ended("SUCCEEDED", 31);
    runs.runWhenDue();
    assertThat(exists(old)).as("another process runs").isTrue();
    assertThat(retention.plan().nextRunAt()).isNull();

    database.sql("update periodic_run set lease_until = ?").param(ago(1)).update();
    runs.runWhenDue();
    assertThat(exists(old)).as("the other process is dead").isFalse();
    assertThat(retention.plan().nextRunAt()).isAfter(Instant.now().plus(Duration.ofMinutes(50)));
    var another = ended("SUCCEEDED", 31);
    runs.runWhenDue();
    assertThat(exists(another)).as("not yet due").isTrue();
  }

  @Test
  void refusesTimesThatWouldDeleteEverything() {
    assertThatThrownBy(
            () ->
                new RetentionSettings(
                    Duration.ZERO, null, null, null, null, Duration.ofHours(1), Map.of()))
        .hasMessage(
            "spikewise.retention.jobs must be longer than 0 but was PT0S: leave it out to keep"
                + " everything");
    assertThat(
            new RetentionSettings(null, null, null, null, null, Duration.ofHours(1), Map.of())
                .deletes())
        .isFalse();
    assertThat(settings.deletes()).isTrue();
  }
}
