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

  private static final Duration PACE = Duration.ofMillis(50);

  private final QueryBroadcaster feeds = new QueryBroadcaster(new Tenants());
  private final AtomicInteger looks = new AtomicInteger();

  private static <T> List<T> together(int readers, Callable<T> each) throws Exception {
    var results = new ArrayList<T>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var result : threads.invokeAll(Collections.nCopies(readers, each))) {
        results.add(result.get());
      }
    }
    return results;
  }

  @Test
  void aThousandReadersCostTheLooksOfOne() throws Exception {
    int rounds = 10;
    try (var _ = feeds.follow("a", PACE, this::lookLong)) {
      var last =
          together(
              1000,
              () -> {
                try (var feed = feeds.follow("a", PACE, this::lookLong)) {
                  var seen = feed.now();
                  for (int i = 0; i < rounds; i++) {
                    var next = feed.next(seen);
                    assertThat(next.value()).isGreaterThan(seen.value());
                    seen = next;
                  }
                  return seen.value();
                }
              });
      assertThat(last).allMatch(value -> value > rounds);
      // Each reader's first look must be younger than the reader, so more than one a round.
      assertThat(looks.get()).isLessThan(200);
    }
  }

  @Test
  void whoeverComesSeesNothingOlderThanItself() {
    try (var one = feeds.follow("a", Duration.ofHours(1), looks::incrementAndGet);
        var other = feeds.follow("a", Duration.ofHours(1), looks::incrementAndGet)) {
      assertThat(one.now().value()).isEqualTo(1);
      assertThat(other.now().value()).isEqualTo(2);
    }
  }

  @Test
  void whatCannotBeSeenIsLookedForOnceForAllWhoWait() throws Exception {
    try (var feed =
        feeds.follow(
            "a",
            PACE,
            () -> {
              looks.incrementAndGet();
              sleep(20);
              throw new IllegalStateException("no database");
            })) {
      var failures =
          together(
              100,
              () -> {
                try {
                  return feed.now().value();
                } catch (IllegalStateException e) {
                  return e;
                }
              });
      assertThat(failures).hasOnlyElementsOfType(IllegalStateException.class);
      assertThat(looks.get()).isLessThan(100);
    }
    try (var feed = feeds.follow("a", PACE, looks::incrementAndGet)) {
      assertThat(feed.now().value()).as("forgotten with its last reader").isPositive();
    }
  }

  private int lookLong() {
    sleep(5);
    return looks.incrementAndGet();
  }

  private static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void tenantsDoNotSeeWithEachOthersEyes() {
    try (var operators = feeds.follow("a", PACE, () -> "all")) {
      SecurityContextHolder.getContext()
          .setAuthentication(new TestingAuthenticationToken("u", "p", Tenants.AUTHORITY + "t"));
      try (var tenants = feeds.follow("a", PACE, () -> "its own")) {
        assertThat(tenants.now().value()).isEqualTo("its own");
        assertThat(operators.now().value()).isEqualTo("all");
      }
    } finally {
      SecurityContextHolder.clearContext();
    }
  }

  @Test
  void aShutdownWakesWhoeverWaits() {
    try (var feed = feeds.follow("a", Duration.ofHours(1), looks::incrementAndGet)) {
      var seen = feed.now();
      Thread.startVirtualThread(feeds::close);
      assertThat(feed.next(seen)).isNull();
    }
  }
}
