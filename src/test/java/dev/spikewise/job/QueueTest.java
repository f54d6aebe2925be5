package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.spec.TrainingSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.json.JsonMapper;

/** The job's row as a queue, without workers of its own. */
@SpringBootTest(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:queue;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.jobs.heartbeat=1h",
      "spikewise.jobs.lease=1s"
    })
class QueueTest {

  @Autowired Jobs jobs;
  @Autowired Leases leases;
  @Autowired JdbcClient database;
  @Autowired JsonMapper json;

  @AfterEach
  void empty() {
    database.sql("delete from job").update();
  }

  private UUID submit(int priority) {
    var spec =
        """
        {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
         "batch_size": 1, "time_steps": 1, "epochs": 1, "priority": %d,
         "loss": [{"type": "firing_rate", "min": 0.5}]}"""
            .formatted(priority);
    return jobs.submit(json.readValue(spec, TrainingSpec.class)).id();
  }

  private UUID claim(String owner) {
    return leases.claim(owner).orElseThrow().job().id();
  }

  @Test
  void theHighestPriorityIsClaimedFirstAndThenTheOldest() {
    var first = submit(0);
    var second = submit(0);
    var urgent = submit(1);
    assertThat(jobs.get(second).queue()).isEqualTo(new Job.Queue(3, 2));
    assertThat(List.of(claim("a"), claim("a"), claim("a"))).containsExactly(urgent, first, second);
    assertThat(leases.claim("a")).isEmpty();
  }

  @Test
  void noJobIsClaimedTwice() throws Exception {
    var submitted = IntStream.range(0, 24).mapToObj(i -> submit(i % 3)).toList();
    var claimed = new ArrayList<UUID>();
    try (var threads = Executors.newFixedThreadPool(4)) {
      Callable<List<UUID>> worker =
          () -> claimAll(Thread.currentThread().getName(), submitted.size());
      for (var part : threads.invokeAll(List.of(worker, worker, worker, worker))) {
        claimed.addAll(part.get());
      }
    }
    assertThat(claimed).containsExactlyInAnyOrderElementsOf(submitted);
  }

  /**
   * Asks so often that an empty answer while others hold their rows' locks leaves no job behind.
   */
  private List<UUID> claimAll(String owner, int times) {
    var claimed = new ArrayList<UUID>();
    for (int i = 0; i < times; i++) {
      leases.claim(owner).ifPresent(claim -> claimed.add(claim.job().id()));
    }
    return claimed;
  }

  @Test
  void anExpiredLeaseIsTakenBackAndItsHolderRefused() throws Exception {
    var id = submit(0);
    var stale = leases.claim("a").orElseThrow().lease();
    assertThat(leases.reap()).as("the lease still holds").isZero();
    Thread.sleep(1100);
    assertThat(leases.reap()).isEqualTo(1);
    assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
    assertThat(jobs.get(id).reason()).isEqualTo(Reason.WORKER_LOST);

    var fresh = leases.claim("b").orElseThrow().lease();
    assertThat(fresh.fence()).isGreaterThan(stale.fence());
    assertThatThrownBy(() -> leases.progress(stale, List.of(), null, Duration.ZERO))
        .isInstanceOf(Lease.Lost.class);
    assertThatThrownBy(() -> finish(stale)).isInstanceOf(Lease.Lost.class);
    assertThat(leases.renew("a", List.of(id))).isEmpty();
    assertThat(jobs.get(id).status()).isEqualTo(JobState.RUNNING);
    finish(fresh);
    assertThat(jobs.get(id).status()).isEqualTo(JobState.QUEUED);
  }

  private void finish(Lease lease) {
    leases.finish(lease, List.of(), null, Duration.ZERO, new Leases.End.Stopped());
  }

  @Test
  void anEarlierClaimOfTheSameWorkerIsRefusedToo() throws Exception {
    submit(0);
    var stale = leases.claim("a").orElseThrow().lease();
    Thread.sleep(1100);
    leases.reap();
    leases.claim("a").orElseThrow();
    assertThatThrownBy(() -> finish(stale)).isInstanceOf(Lease.Lost.class);
  }

  @Test
  void aRenewedLeaseIsNotTakenBack() throws Exception {
    var id = submit(0);
    leases.claim("a").orElseThrow();
    Thread.sleep(700);
    assertThat(leases.renew("a", List.of(id))).containsOnlyKeys(id);
    Thread.sleep(500);
    assertThat(leases.reap()).isZero();
  }

  @Test
  void aJobThatLosesEveryWorkerFails() {
    var id = submit(0);
    for (int i = 0; i < 3; i++) {
      leases.claim("a").orElseThrow();
      leases.reapAll();
    }
    assertThat(jobs.get(id).status()).isEqualTo(JobState.FAILED);
    assertThat(jobs.get(id).reason()).isEqualTo(Reason.WORKER_LOST);
  }
}
