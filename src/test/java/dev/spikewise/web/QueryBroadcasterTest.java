package dev.spikewise.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.tenant.Tenants;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.security.authentication.TestingAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;

@Timeout(60)
class QueryBroadcasterTest {

  private static final Duration INTERVAL = Duration.ofMillis(50);

  private final QueryBroadcaster broadcaster = new QueryBroadcaster(new Tenants());
  private final AtomicInteger queries = new AtomicInteger();

  private static <T> List<T> inParallel(int subscribers, Callable<T> each) throws Exception {
    var results = new ArrayList<T>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var result : threads.invokeAll(Collections.nCopies(subscribers, each))) {
        results.add(result.get());
      }
    }
    return results;
  }

  @Test
  void aThousandSubscribersShareTheQueriesOfOne() throws Exception {
    int rounds = 10;
    try (var _ = broadcaster.subscribe("a", INTERVAL, this::querySlowly)) {
      var last =
          inParallel(
              1000,
              () -> {
                try (var subscription = broadcaster.subscribe("a", INTERVAL, this::querySlowly)) {
                  var seen = subscription.now();
                  for (int i = 0; i < rounds; i++) {
                    var next = subscription.next(seen);
                    assertThat(next.value()).isGreaterThan(seen.value());
                    seen = next;
                  }
                  return seen.value();
                }
              });
      assertThat(last).allMatch(value -> value > rounds);
      // The first result of a subscriber must be newer than its call, so a round needs more than
      // one query.
      assertThat(queries.get()).isLessThan(200);
    }
  }

  @Test
  void nowReturnsNoResultOlderThanTheCall() {
    try (var one = broadcaster.subscribe("a", Duration.ofHours(1), queries::incrementAndGet);
        var other = broadcaster.subscribe("a", Duration.ofHours(1), queries::incrementAndGet)) {
      assertThat(one.now().value()).isEqualTo(1);
      assertThat(other.now().value()).isEqualTo(2);
    }
  }

  @Test
  void failedQueryIsSharedByAllWaitingSubscribers() throws Exception {
    try (var subscription =
        broadcaster.subscribe(
            "a",
            INTERVAL,
            () -> {
              queries.incrementAndGet();
              sleep(20);
              throw new IllegalStateException("no database");
            })) {
      var failures =
          inParallel(
              100,
              () -> {
                try {
                  return subscription.now().value();
                } catch (IllegalStateException e) {
                  return e;
                }
              });
      assertThat(failures).hasOnlyElementsOfType(IllegalStateException.class);
      assertThat(queries.get()).isLessThan(100);
    }
    try (var subscription = broadcaster.subscribe("a", INTERVAL, queries::incrementAndGet)) {
      assertThat(subscription.now().value())
          .as("the failure is dropped with the last subscriber")
          .isPositive();
    }
  }

  private int querySlowly() {
    sleep(5);
    return queries.incrementAndGet();
  }

  private static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void tenantsDoNotShareResults() {
    try (var operators = broadcaster.subscribe("a", INTERVAL, () -> "all")) {
      SecurityContextHolder.getContext()
          .setAuthentication(new TestingAuthenticationToken("u", "p", Tenants.AUTHORITY + "t"));
      try (var tenants = broadcaster.subscribe("a", INTERVAL, () -> "its own")) {
        assertThat(tenants.now().value()).isEqualTo("its own");
        assertThat(operators.now().value()).isEqualTo("all");
      }
    } finally {
      SecurityContextHolder.clearContext();
    }
  }

  @Test
  void shutdownWakesWaitingSubscribers() {
    try (var subscription =
        broadcaster.subscribe("a", Duration.ofHours(1), queries::incrementAndGet)) {
      var seen = subscription.now();
      Thread.startVirtualThread(broadcaster::close);
      assertThat(subscription.next(seen)).isNull();
    }
  }
}
