package dev.spikewise.job;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.spikewise.dataset.Datasets;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.BuildVersion;
import dev.spikewise.tenant.Tenants;
import dev.spikewise.tenant.Usage;
import dev.spikewise.tenant.Usages;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.core.context.SecurityContextHolder;
import tools.jackson.databind.json.JsonMapper;

/** The job's row as a queue, without workers of its own. */
@SpringBootTest(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:queue;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.jobs.poll=1h",
      "spikewise.jobs.lease=1h",
      "spikewise.jobs.rest=0s",
      "spikewise.quotas.tenants.few.jobs-queued=5",
      "spikewise.quotas.tenants.little.stored-bytes=145B"
    })
class QueueTest {

  @Autowired Jobs jobs;
  @Autowired Leases leases;
  @Autowired Heartbeat heartbeat;
  @Autowired Checkpoints checkpoints;
  @Autowired Datasets datasets;
  @Autowired JdbcClient database;
  @Autowired JsonMapper json;
  @Autowired Usages usages;
  @Autowired BuildVersion build;

  @AfterEach
  void empty() {
    database.sql("delete from job").update();
    database.sql("delete from job_spec").update();
  }

  private UUID submit(int priority) {
    return jobs.submit(spec(priority)).id();
  }

  private TrainingSpec spec(int priority) {
    var spec =
        """
        {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
         "batch_size": 1, "time_steps": 1, "epochs": 1, "priority": %d,
         "loss": [{"type": "firing_rate", "min": 0.5}]}\
        """
            .formatted(priority);
    return json.readValue(spec, TrainingSpec.class);
  }

  private UUID claim(String owner) {
    return leases.claim(owner).orElseThrow().job().id();
  }

  @Test
  void claimsByPriorityThenAge() {
    var first = submit(0);
    var second = submit(0);
    var urgent = submit(1);
    assertThat(jobs.get(second).queue()).isEqualTo(new Job.Queue(3, 2));
    assertThat(List.of(claim("a"), claim("a"), claim("a"))).containsExactly(urgent, first, second);
    assertThat(leases.claim("a")).isEmpty();
  }

  @Test
  void jobsThatNeedMoreRanksThanAWorkerHasWaitForOneThatHasThem() {
    var wide = jobs.submit(wideSpec(4)).id();
    var narrow = jobs.submit(wideSpec(1)).id();
    var queue = Objects.requireNonNull(jobs.get(wide).queue());
    assertThat(queue.waitingFor())
        .isEqualTo(
            "The job needs 4 ranks, but no worker is there: start a worker with mpirun -np 4.");
    assertThat(jobs.countUnservable()).isOne();
    worker("small", 2);
    assertThat(Objects.requireNonNull(jobs.get(wide).queue()).waitingFor())
        .contains("needs 4 ranks, but no worker has more than 2: start");
    assertThat(jobs.get(narrow).queue()).isEqualTo(new Job.Queue(2, 1));
    assertThat(claim("a")).as("by a process on its own").isEqualTo(narrow);
    assertThat(leases.claim("a")).isEmpty();

    worker("large", 8);
    assertThat(jobs.get(wide).queue()).isEqualTo(new Job.Queue(1, 0));
    assertThat(jobs.countUnservable()).isZero();
    database.sql("delete from worker").update();
  }

  @Test
  void jobsOfANewerVersionWaitForAWorkerOfThatVersion() {
    var newer = submit(9);
    require(newer, build.number() + 1);
    // This version could not even read it.
    database
        .sql("update job_spec set content = '{\"novelty\": 1}' where id = ?")
        .param(newer)
        .update();
    var known = submit(0);
    assertThat(claim("a")).isEqualTo(known);
    assertThat(leases.claim("a")).isEmpty();
    assertThat(jobs.getSummary(newer).status()).isEqualTo(JobState.QUEUED);

    database
        .sql(
            "insert into worker (id, memory_bytes, version, seen_at) values ('old', 1, 2,"
                + " current_timestamp)")
        .update();
    require(newer, 3);
    assertThat(Objects.requireNonNull(jobs.getSummary(newer).queue()).waitingFor())
        .isEqualTo(
            "The job was submitted to version 0.3, but no worker has a version above 0.2: upgrade"
                + " the workers.");
    database.sql("delete from worker").update();
  }

  private void require(UUID job, int version) {
    database.sql("update job set least_version = ? where id = ?").params(version, job).update();
  }

  private TrainingSpec wideSpec(int ranks) {
    var spec = json.writeValueAsString(spec(0)).replaceFirst("}$", ", \"ranks\": " + ranks + "}");
    return json.readValue(spec, TrainingSpec.class);
  }

  private void worker(String id, int ranks) {
    database
        .sql(
            "insert into worker (id, memory_bytes, ranks, seen_at) values (?, 1000000000, ?,"
                + " current_timestamp)")
        .params(id, ranks)
        .update();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 17})
  void ranksOutsideTheirRangeAreRefused(int ranks) {
    var mistakes = new Mistakes();
    wideSpec(ranks).check(mistakes);
    assertThatThrownBy(mistakes::throwIfAny)
        .hasMessageContaining("/ranks must be")
        .hasMessageContaining("but was " + ranks);
  }

  @Test
  void waitingOutweighsPriority() {
    var patient = submit(0);
    var urgent = submit(1);
    database
        .sql("update job set due_at = due_at - interval '601' second where id = ?")
        .param(patient)
        .update();
    assertThat(jobs.get(patient).queue()).isEqualTo(new Job.Queue(1, 0));
    assertThat(List.of(claim("a"), claim("a"))).containsExactly(patient, urgent);
  }

  @Test
  void tenantsTakeTurnsWhateverTheirPriorities() {
    var red = IntStream.range(0, 3).mapToObj(i -> as("red", () -> submit(1000))).toList();
    var blue = as("blue", () -> submit(-1000));
    var later = as("blue", () -> submit(0));
    assertThat(trained("a")).isEqualTo(red.get(0));
    assertThat(trained("a")).as("the other tenant's turn").isEqualTo(later);
    assertThat(trained("a")).isEqualTo(red.get(1));
    assertThat(trained("a")).isEqualTo(blue);
    assertThat(trained("a")).isEqualTo(red.get(2));
  }

  @Test
  void claimsForTenantWithFewestRunningJobs() {
    var red = IntStream.range(0, 3).mapToObj(i -> as("red", () -> submit(0))).toList();
    assertThat(List.of(claim("a"), claim("a"))).containsExactly(red.get(0), red.get(1));
    var blue = IntStream.range(0, 3).mapToObj(i -> as("blue", () -> submit(0))).toList();
    assertThat(List.of(claim("a"), claim("a"))).containsExactly(blue.get(0), blue.get(1));
    assertThat(claim("a")).as("two each: red's last turn is longer ago").isEqualTo(red.get(2));
  }

  @Test
  void onlyTheOperatorsPrioritiesCrossTheTurns() {
    var red = as("red", () -> submit(1000));
    var operators = submit(0);
    var urgent = submit(1);
    assertThat(claim("a")).isEqualTo(urgent);
    assertThat(List.of(claim("a"), claim("a"))).containsExactly(red, operators);
  }

  @Test
  void queuePositionCountsOwnJobsOnly() {
    var first = as("red", () -> submit(0));
    as("blue", () -> submit(1000));
    var second = as("red", () -> jobs.submit(spec(0)));
    assertThat(second.queue()).as("as submitted").isEqualTo(new Job.Queue(2, 1));
    assertThat(jobs.get(second.id()).queue()).as("as read").isEqualTo(new Job.Queue(2, 1));
    assertThat(jobs.get(first).queue()).isEqualTo(new Job.Queue(1, 0));
    assertThat(as("red", () -> jobs.list(all(), 10, Long.MAX_VALUE)).data())
        .extracting(Job::queue)
        .containsExactly(new Job.Queue(2, 1), new Job.Queue(1, 0));
  }

  private static Jobs.Filter all() {
    return new Jobs.Filter(List.of(), Map.of(), null);
  }

  /** The next job, trained to its end. */
  private UUID trained(String owner) {
    var claim = leases.claim(owner).orElseThrow();
    leases.finish(
        claim.lease(),
        List.of(),
        null,
        Duration.ZERO,
        new Leases.End.Completed(Reason.COMPLETED, null));
    return claim.job().id();
  }

  @Test
  void damagedSpecFailsOnlyItsJob() {
    var damaged = List.of(submit(2), submit(2));
    var gone = submit(1);
    var sound = submit(0);
    damaged.forEach(
        id -> database.sql("update job_spec set content = '{' where id = ?").param(id).update());
    assertThat(jobs.list(all(), 10, Long.MAX_VALUE).data()).hasSize(4);
    assertThat(jobs.get(damaged.getFirst()).spec()).isNull();
    assertThat(jobs.request(gone, JobAction.PAUSE).status()).isEqualTo(JobState.PAUSED);
    database.sql("update job_spec set content = '{}' where id = ?").param(gone).update();
    assertThat(jobs.request(gone, JobAction.CANCEL).status()).isEqualTo(JobState.CANCELLED);

    assertThat(claim("a")).isEqualTo(sound);
    for (var id : damaged) {
      assertThat(jobs.get(id).status()).isEqualTo(JobState.FAILED);
      assertThat(jobs.get(id).reason()).isEqualTo(Reason.UNREADABLE);
      assertThat(jobs.get(id).error().detail()).contains("TrainingSpec cannot be read");
      assertThat(jobs.stateChanges(id)).hasSize(2);
      jobs.delete(id, IfMatch.NONE);
    }
    jobs.delete(gone, IfMatch.NONE);
    assertThat(documents()).as("only that of the running job").isEqualTo(1);
  }

  private int documents() {
    return database.sql("select count(*) from job_spec").query(Integer.class).single();
  }

  @Test
  void damagedRowFailsOnlyItsJob() {
    var damaged = submit(1);
    var sound = submit(0);
    database.sql("update job set reason = 'NONSENSE' where id = ?").param(damaged).update();
    assertThat(claim("a")).isEqualTo(sound);
    assertThat(jobs.get(damaged).status()).isEqualTo(JobState.FAILED);
    assertThat(jobs.get(damaged).reason()).isEqualTo(Reason.UNREADABLE);

    leases.reapAll();
    database.sql("update job set latest = '{' where id = ?").param(sound).update();
    assertThat(jobs.list(all(), 10, Long.MAX_VALUE).data()).hasSize(2);
    assertThat(claim("a")).as("what is only shown keeps nothing").isEqualTo(sound);
  }

  @Test
  void damagedRowOfLostWorkerIsReclaimed() {
    var damaged = submit(0);
    claim("a");
    var sound = submit(0);
    claim("a");
    database.sql("update job set reason = 'NONSENSE' where id = ?").param(damaged).update();
    assertThat(leases.reapAll()).isEqualTo(1);
    assertThat(jobs.get(damaged).status()).isEqualTo(JobState.FAILED);
    assertThat(jobs.get(sound).status()).isEqualTo(JobState.QUEUED);
  }

  @Test
  void storedSpecMayExceedRequestLimits() {
    var id = submit(0);
    database
        .sql("update job_spec set content = content || ? where id = ?")
        .params(" ".repeat(9_000_000), id)
        .update();
    assertThat(jobs.get(id).spec()).isNotNull();
    assertThat(jobs.list(all(), 10, Long.MAX_VALUE).data().getFirst().spec()).isNull();
    assertThat(claim("a")).isEqualTo(id);
  }

  @Test
  void specsCountAgainstTheQuotaOfStoredBytes() {
    assertThatThrownBy(() -> as("little", () -> submit(0)))
        .hasMessageContaining("spikewise.quotas.stored-bytes");
  }

  @Test
  void noJobIsClaimedTwice() throws Exception {
    var submitted = IntStream.range(0, 24).mapToObj(i -> submit(i % 3)).toList();
    var claimed = new ArrayList<UUID>();
    try (var threads = Executors.newFixedThreadPool(4)) {
      Callable<List<UUID>> worker = () -> claimAll(Thread.currentThread().getName());
      for (var part : threads.invokeAll(List.of(worker, worker, worker, worker))) {
        claimed.addAll(part.get());
      }
    }
    assertThat(claimed).containsExactlyInAnyOrderElementsOf(submitted);
  }

  @Test
  void requestsOfTheSameMomentDoNotPassAQuotaTogether() throws Exception {
    assertThat(allowed("few", i -> submit(0))).isEqualTo(5);
    assertThat(jobs.count(JobState.QUEUED)).isEqualTo(5);
  }

  @Test
  void resumedJobIsQueuedAtTheEnd() {
    var paused = as("few", () -> submit(0));
    jobs.request(paused, JobAction.PAUSE);
    assertThat(allowed("few", i -> submit(0))).isEqualTo(5);
    assertThatThrownBy(() -> jobs.request(paused, JobAction.RESUME))
        .hasMessageContaining("spikewise.quotas.jobs-queued");
    jobs.request(paused, JobAction.CANCEL);
    assertThatThrownBy(() -> jobs.request(paused, JobAction.RETRY))
        .hasMessageContaining("spikewise.quotas.jobs-queued");
    claim("a");
    assertThat(jobs.request(paused, JobAction.RETRY).status()).isEqualTo(JobState.QUEUED);
  }

  @Test
  void uploadsOfTheSameMomentDoNotPassAQuotaTogether() {
    try {
      // Of 29 bytes each.
      assertThat(allowed("little", this::upload)).isEqualTo(5);
      assertThat(
              database
                  .sql("select count(*) from dataset where tenant = 'little'")
                  .query(Integer.class)
                  .single())
          .isEqualTo(5);
    } finally {
      database.sql("delete from dataset where tenant = 'little'").update();
    }
  }

  private Object upload(int i) {
    byte[] images = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, (byte) i};
    byte[] labels = {0, 0, 8, 1, 0, 0, 0, 1, 0};
    var files = Map.of("images", images, "labels", labels);
    return datasets.create(
        "small",
        files.entrySet().stream()
            .collect(toMap(Map.Entry::getKey, e -> new ByteArrayResource(e.getValue()))));
  }

  /** How many of twenty requests at the same moment are not refused for a quota. */
  private static int allowed(String tenant, IntFunction<Object> request) {
    var begun = new CyclicBarrier(20);
    try (var threads = Executors.newFixedThreadPool(20)) {
      var answers =
          IntStream.range(0, 20)
              .mapToObj(
                  i ->
                      threads.submit(
                          () -> {
                            begun.await();
                            return as(tenant, () -> request.apply(i));
                          }))
              .toList();
      return (int) answers.stream().filter(QueueTest::isAllowed).count();
    }
  }

  private static boolean isAllowed(Future<Object> answer) {
    try {
      answer.get();
      return true;
    } catch (ExecutionException e) {
      assertThat(e.getCause()).hasMessageContaining("spikewise.quotas.");
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> T as(String tenant, Supplier<T> request) {
    var caller =
        UsernamePasswordAuthenticationToken.authenticated(
            tenant, null, AuthorityUtils.createAuthorityList(Tenants.AUTHORITY + tenant));
    SecurityContextHolder.getContext().setAuthentication(caller);
    try {
      return request.get();
    } finally {
      SecurityContextHolder.clearContext();
    }
  }

  /** An empty answer says no more than that others hold the locks of what they are claiming. */
  private List<UUID> claimAll(String owner) {
    var claimed = new ArrayList<UUID>();
    while (jobs.count(JobState.QUEUED) > 0) {
      leases.claim(owner).ifPresent(claim -> claimed.add(claim.job().id()));
    }
    return claimed;
  }

  @Test
  void expiredLeaseIsReclaimedAndItsHolderFenced() {
    var id = submit(0);
    var stale = leases.claim("a").orElseThrow().lease();
    assertThat(leases.reapExpired()).as("the lease still holds").isZero();
    age(61);
    assertThat(leases.reapExpired()).isEqualTo(1);
    assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
    assertThat(jobs.get(id).reason()).isEqualTo(Reason.WORKER_LOST);

    var fresh = leases.claim("b").orElseThrow().lease();
    assertThat(fresh.fence()).isGreaterThan(stale.fence());
    assertThatThrownBy(() -> leases.progress(stale, List.of(), null, Duration.ZERO))
        .isInstanceOf(Lease.Lost.class);
    assertThatThrownBy(() -> finish(stale)).isInstanceOf(Lease.Lost.class);
    assertThat(heartbeat.renew("a", List.of(id))).isEmpty();
    assertThat(jobs.get(id).status()).isEqualTo(JobState.RUNNING);
    finish(fresh);
    assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
  }

  /** Moves the leases into the past by this number of minutes. */
  private void age(int minutes) {
    database
        .sql("update job set lease_until = lease_until - interval '%d' minute".formatted(minutes))
        .update();
  }

  private void finish(Lease lease) {
    leases.finish(lease, List.of(), null, Duration.ZERO, new Leases.End.Stopped());
  }

  @Test
  void rejectsWritesOfEarlierClaimOfSameWorker() {
    submit(0);
    var stale = leases.claim("a").orElseThrow().lease();
    age(61);
    leases.reapExpired();
    leases.claim("a").orElseThrow();
    assertThatThrownBy(() -> finish(stale)).isInstanceOf(Lease.Lost.class);
  }

  @Test
  void renewedLeaseIsNotReclaimed() {
    var id = submit(0);
    leases.claim("a").orElseThrow();
    age(40);
    assertThat(heartbeat.renew("a", List.of(id))).containsOnlyKeys(id);
    age(40);
    assertThat(leases.reapExpired()).isZero();
  }

  /** The first death may have been a neighbour's fault; three more while alone are its own. */
  @Test
  void failsJobWhoseProcessDiesThreeTimesWhileItIsAloneThere() {
    var id = submit(0);
    for (int i = 0; i < 3; i++) {
      assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
      leases.claim("a").orElseThrow();
      leases.reapAll();
    }
    assertThat(jobs.get(id).status())
        .as("the first death does not count")
        .isEqualTo(JobState.QUEUED);
    leases.claim("a").orElseThrow();
    leases.reapAll();
    assertThat(jobs.get(id).status()).isEqualTo(JobState.FAILED);
    assertThat(jobs.get(id).reason()).isEqualTo(Reason.WORKER_LOST);
    assertThat(jobs.get(id).error().detail()).contains("died 3 times in a row");
  }

  @Test
  void keepsJobWhoseProcessDiesWhileSomethingElseRunsThere() {
    var id = submit(0);
    for (int i = 0; i < 6; i++) {
      leases.claim("a").orElseThrow();
      heartbeat.markAccompanied("a");
      leases.reapAll();
      assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
    }
    leases.claim("b").orElseThrow();
    heartbeat.markAccompanied("b");
    heartbeat.markAlone("b");
    leases.reapAll();
    assertThat(losses(id)).isEqualTo(1);
  }

  @Test
  void leavesSuspectToAnIdleProcessUntilItsNextEpoch() {
    var suspect = submit(0);
    leases.claim("a", false).orElseThrow();
    leases.reapAll();
    var good = submit(0);
    rest(suspect, "+ interval '1' hour");
    assertThat(leases.claim("busy", false).orElseThrow().job().id()).isEqualTo(good);
    rest(suspect, "- interval '1' second");
    assertThat(leases.claim("busy", false)).isEmpty();
    var claim = leases.claim("idle", true).orElseThrow();
    assertThat(claim.job().id()).isEqualTo(suspect);
    assertThat(claim.suspect()).isTrue();
    leases.progress(claim.lease(), List.of(epoch(0)), null, Duration.ZERO);
    finish(claim.lease());
    assertThat(leases.claim("busy", false).orElseThrow().suspect()).isFalse();
  }

  @Test
  void claimsNoJobThatRests() {
    var id = submit(0);
    rest(id, "+ interval '1' hour");
    assertThat(leases.claim("a")).isEmpty();
    rest(id, "- interval '1' second");
    assertThat(leases.claim("a")).isPresent();
  }

  private void rest(UUID id, String until) {
    database
        .sql("update job set rest_until = current_timestamp " + until + " where id = ?")
        .param(id)
        .update();
  }

  private int losses(UUID id) {
    return database
        .sql("select losses from job where id = ?")
        .param(id)
        .query(Integer.class)
        .single();
  }

  @Test
  void newEpochClearsEarlierLosses() {
    var id = submit(0);
    for (int i = 0; i < 5; i++) {
      var lease = leases.claim("a").orElseThrow().lease();
      leases.progress(lease, List.of(epoch(i)), null, Duration.ZERO);
      leases.reapAll();
    }
    assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
    assertThat(jobs.get(id).attempt()).as("none of the user's retries").isEqualTo(1);
  }

  @Test
  void someOfManyEpochsAreEvenlySpacedAndEndWithTheLast() {
    var id = submit(0);
    var lease = leases.claim("a").orElseThrow().lease();
    leases.progress(
        lease, IntStream.range(0, 20).mapToObj(this::epoch).toList(), null, Duration.ZERO);
    assertThat(jobs.epochs(id, -1, 100, 4))
        .extracting(EpochMetrics::epoch)
        .containsExactly(0, 5, 10, 15, 19);
    assertThat(jobs.epochs(id, 10, 1, 4)).extracting(EpochMetrics::epoch).containsExactly(15);
    assertThat(jobs.epochs(id, 19, 100, 4)).isEmpty();
  }

  /**
   * With 3 samples per epoch; each epoch has the synops and the duration that {@link #epoch} says.
   */
  @Test
  void usageCountsEachEpochOnceHoweverOftenItsWorkerIsLost() {
    database.sql("delete from job_usage").update();
    var id = submit(0);
    var stale = leases.claim("a").orElseThrow().lease();
    database.sql("update job set samples = 3 where id = ?").param(id).update();
    leases.progress(stale, List.of(epoch(0), epoch(1)), null, Duration.ZERO);
    leases.reapAll();
    var fresh = leases.claim("b").orElseThrow().lease();
    assertThatThrownBy(() -> leases.progress(stale, List.of(epoch(2)), null, Duration.ZERO))
        .isInstanceOf(Lease.Lost.class);
    // The last checkpoint was after epoch 0.
    leases.progress(fresh, List.of(epoch(1), epoch(2)), null, Duration.ZERO);
    leases.finish(fresh, List.of(epoch(3)), null, Duration.ZERO, new Leases.End.Stopped());

    var all = List.of(epoch(0), epoch(1), epoch(2), epoch(3));
    var usage = usages.current();
    assertThat(usage).hasSize(1);
    assertThat(usage.getFirst().jobs()).isOne();
    assertThat(usage.getFirst().epochs()).isEqualTo(4);
    assertThat(usage.getFirst().samples()).isEqualTo(12);
    assertThat(usage.getFirst().synops())
        .isEqualTo(3 * all.stream().mapToDouble(EpochMetrics::synops).sum());
    assertThat(usage.getFirst().trainingSeconds())
        .isEqualTo(all.stream().mapToDouble(EpochMetrics::durationMs).sum() / 1000)
        .isPositive();
    assertThat(jobs.epochs(id, -1, 10, null)).hasSize(4);

    jobs.delete(id, IfMatch.NONE);
    assertThat(usages.current()).as("outlives the job").isEqualTo(usage);
    var ofRed =
        as(
            "red",
            () -> {
              assertThat(usages.current()).isEmpty();
              jobs.submit(spec(0));
              return usages.current();
            });
    assertThat(ofRed).singleElement().extracting(Usage::tenant).isEqualTo("red");
  }

  private EpochMetrics epoch(int number) {
    return json.readValue(
        "{\"epoch\": "
            + number
            + ", \"loss\": 1, \"synops\": "
            + (number + 1)
            + ", \"firing_rate\": 1, \"duration_ms\": 1}",
        EpochMetrics.class);
  }

  @Test
  void stopRequestSurvivesLossOfTheWorker() {
    var cancelled = submit(0);
    var paused = submit(0);
    leases.claim("a").orElseThrow();
    leases.claim("a").orElseThrow();
    jobs.request(cancelled, JobAction.CANCEL);
    jobs.request(paused, JobAction.PAUSE);
    assertThat(heartbeat.renew("a", List.of()).values())
        .extracting(Heartbeat.Held::status)
        .containsExactlyInAnyOrder(JobState.CANCELLING, JobState.PAUSING);
    leases.reapAll();
    assertThat(jobs.get(cancelled).status()).isEqualTo(JobState.CANCELLED);
    assertThat(jobs.get(paused).status()).isEqualTo(JobState.PAUSED);
  }

  @Test
  void skipsDamagedCheckpoint() {
    var id = submit(0);
    assertThat(checkpoints.latest(id)).isEmpty();
    insert(id, 3, checkpoint(3));
    insert(id, 5, Arrays.copyOf(checkpoint(5), 30));
    assertThat(checkpoints.latest(id).orElseThrow().epoch()).isEqualTo(3);
    database.sql("delete from checkpoint where epoch = 3").update();
    assertThat(checkpoints.latest(id)).as("training starts over").isEmpty();
  }

  @Test
  void takeoverReportsItsCheckpoint() {
    var id = submit(0);
    var lease = leases.claim("a").orElseThrow().lease();
    leases.progress(
        lease, IntStream.range(0, 10).mapToObj(this::epoch).toList(), null, Duration.ZERO);
    insert(id, 7, checkpoint(7));
    leases.reapAll();
    leases.claim("b").orElseThrow();
    assertThat(jobs.stateChanges(id))
        .extracting(Timeline.StateChange::epoch, Timeline.StateChange::checkpoint)
        .containsExactly(tuple(0, null), tuple(0, 0), tuple(10, null), tuple(10, 7));
  }

  private static byte[] checkpoint(int epoch) {
    var weights = new StateDict(Map.of("0.weight", new Tensor(new int[] {2, 4}, new float[8])));
    return new Checkpoint(epoch, weights, weights, new StateDict(Map.of())).toBytes();
  }

  private void insert(UUID id, int epoch, byte[] content) {
    database
        .sql(
            "insert into checkpoint (job_id, epoch, content, created_at) values (?, ?, ?,"
                + " current_timestamp)")
        .params(id, epoch, content)
        .update();
  }

  /** Or a job whose last epochs were just being stored ends an interval late. */
  @Test
  void journalClosedBetweenWaitsEndsWithoutWaiting() {
    var lease = new Lease(UUID.randomUUID(), "worker", 1);
    assertTimeoutPreemptively(
        Duration.ofMinutes(1),
        () -> {
          for (int i = 0; i < 100; i++) {
            new Journal(leases, lease, Duration.ofDays(1), () -> {}).close();
          }
        });
  }
}
