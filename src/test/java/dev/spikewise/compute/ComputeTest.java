package dev.spikewise.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.util.unit.DataSize;

@Timeout(60)
class ComputeTest {

  private final ExecutorService requests = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch release = new CountDownLatch(1);

  @AfterEach
  void close() {
    release.countDown();
    requests.close();
  }

  private static Compute compute(int threads, int queue, int perClient) {
    return new Compute(
        new ComputeSettings(
            threads,
            queue,
            perClient,
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            Duration.ofSeconds(30),
            DataSize.ofKilobytes(64)));
  }

  private static <T> T as(Compute compute, String client, Compute.Task<T> task) {
    try (var _ = compute.open(() -> client, () -> false)) {
      return compute.run(task);
    }
  }

  private <T> Future<T> request(Callable<T> request) {
    return requests.submit(request);
  }

  /** A computation that runs until {@link #release}. */
  private String block(CountDownLatch begun) {
    begun.countDown();
    try {
      release.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return Thread.currentThread().getName();
  }

  @Test
  void computesOnPlatformThreadsOfItsOwn() throws Exception {
    try (var compute = compute(1, 1, 1)) {
      var thread = request(() -> as(compute, "a", _ -> Thread.currentThread())).get();
      assertThat(thread.isVirtual()).isFalse();
      assertThat(thread.getName()).startsWith("compute-");
    }
  }

  @Test
  void refusesBeyondTheQueueAndBeyondAClientsShare() throws Exception {
    try (var compute = compute(1, 2, 2)) {
      var begun = new CountDownLatch(1);
      var running = request(() -> as(compute, "a", _ -> block(begun)));
      begun.await();
      var waiting = request(() -> as(compute, "a", _ -> block(begun)));
      awaitWaiting(compute, 1);
      var share = refusal(() -> as(compute, "a", _ -> ""));
      assertThat(share.problem().detail()).contains("spikewise.compute.per-client");
      var other = request(() -> as(compute, "b", _ -> block(begun)));
      awaitWaiting(compute, 2);
      var full = refusal(() -> as(compute, "c", _ -> ""));
      assertThat(full.problem().detail()).contains("spikewise.compute.queue");
      release.countDown();
      for (var request : List.of(running, waiting, other)) {
        assertThat(request.get()).startsWith("compute-");
      }
      // What has ended counts no longer.
      String last = as(compute, "a", _ -> "done");
      assertThat(last).isEqualTo("done");
    }
  }

  private static void awaitWaiting(Compute compute, int count) throws InterruptedException {
    while (compute.waiting() < count) {
      Thread.sleep(1);
    }
  }

  private static ProblemException refusal(Callable<?> request) {
    var refusal = catchThrowableOfType(ProblemException.class, request::call);
    assertThat(refusal.problem().code()).isEqualTo(Code.UNAVAILABLE);
    assertThat(refusal.retryAfterSeconds()).isPositive();
    return refusal;
  }

  @Test
  void clientWithManyComputationsYieldsToOthers() throws Exception {
    try (var compute = compute(1, 10, 10)) {
      var begun = new CountDownLatch(1);
      var order = new ArrayList<String>();
      var all = new ArrayList<Future<?>>();
      all.add(request(() -> as(compute, "many", _ -> block(begun))));
      begun.await();
      for (int i = 1; i <= 3; i++) {
        all.add(request(() -> as(compute, "many", _ -> order.add("many"))));
        awaitWaiting(compute, i);
      }
      all.add(request(() -> as(compute, "few", _ -> order.add("few"))));
      awaitWaiting(compute, 4);
      release.countDown();
      for (var request : all) {
        request.get();
      }
      assertThat(order).containsExactly("few", "many", "many", "many");
    }
  }

  @Test
  void stopsWhatTakesTooLongAndWhatNobodyWaitsFor() throws Exception {
    try (var compute =
        new Compute(
            new ComputeSettings(
                1,
                8,
                8,
                Duration.ofSeconds(30),
                Duration.ofSeconds(30),
                Duration.ofMillis(300),
                null))) {
      var ended = new CountDownLatch(1);
      assertThatThrownBy(() -> as(compute, "a", run -> goOnUntilStopped(run, ended)))
          .hasMessageContaining("spikewise.compute.max-time");
      ended.await();
    }
    try (var compute = compute(1, 8, 8)) {
      var ended = new CountDownLatch(1);
      var left = new AtomicBoolean();
      var request =
          request(
              () -> {
                try (var _ = compute.open(() -> "a", left::get)) {
                  return compute.run(run -> goOnUntilStopped(run, ended));
                }
              });
      left.set(true);
      assertThatThrownBy(request::get).hasMessageContaining("closed the connection");
      ended.await();
    }
  }

  private static String goOnUntilStopped(Compute.Run run, CountDownLatch ended) {
    try {
      while (true) {
        run.run();
        Thread.onSpinWait();
      }
    } finally {
      ended.countDown();
    }
  }

  @Test
  void memoryBelongsToARequestUntilItEnds() {
    try (var compute = compute(1, 8, 8)) {
      try (var _ = compute.open(() -> "a", () -> false)) {
        compute.run(
            run -> {
              run.reserve(48 << 10);
              return "";
            });
        assertThat(compute.memoryTaken()).isEqualTo(48 << 10);
        refusal(
            () ->
                as(
                    compute,
                    "b",
                    run -> {
                      run.reserve(32 << 10);
                      return "";
                    }));
        var tooMuch =
            catchThrowableOfType(
                ProblemException.class,
                () ->
                    compute.run(
                        run -> {
                          run.reserve(32 << 10);
                          return "";
                        }));
        assertThat(tooMuch.problem().code()).isEqualTo(Code.CONTENT_TOO_LARGE);
      }
      assertThat(compute.memoryTaken()).isZero();
    }
  }

  @Test
  void computesInNoTransaction() {
    try (var compute = compute(1, 8, 8)) {
      TransactionSynchronizationManager.setActualTransactionActive(true);
      try {
        assertThatThrownBy(() -> as(compute, "a", _ -> ""))
            .isInstanceOf(IllegalStateException.class);
      } finally {
        TransactionSynchronizationManager.setActualTransactionActive(false);
      }
    }
  }
}
