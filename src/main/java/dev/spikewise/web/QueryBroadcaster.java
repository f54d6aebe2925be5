package dev.spikewise.web;

import dev.spikewise.tenant.Tenants;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/**
 * Shares one polled query among all open requests that watch the same resource, so that a thousand
 * clients cause no more database load than one. The first request that needs a newer result runs
 * the query on its own (virtual) thread.
 */
@Component
public class QueryBroadcaster {

  /**
   * Maximum number of subscriptions that are polled at their own interval; with more, the intervals
   * grow in proportion.
   */
  private static final int MAX_AT_OWN_INTERVAL = 100;

  private final Map<Key, Subscription<?>> subscriptions = new ConcurrentHashMap<>();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Tenants tenants;

  public QueryBroadcaster(Tenants tenants) {
    this.tenants = tenants;
  }

  /** Ends all waiting requests, because a shutdown waits until requests have finished. */
  @EventListener(ContextClosedEvent.class)
  void close() {
    closing.countDown();
  }

  /**
   * Subscribes to the results of {@code query}. Subscribers of an equal {@code resource} with the
   * same tenant share the query and its results.
   *
   * @param resource key of the watched resource; equal keys must come with equivalent queries
   * @param interval time between two runs of the query
   */
  @SuppressWarnings("unchecked")
  public <T> Subscription<T> subscribe(Object resource, Duration interval, Supplier<T> query) {
    return (Subscription<T>)
        subscriptions.compute(
            new Key(tenants.viewer(), resource),
            (key, known) -> {
              var subscription = known == null ? new Subscription<>(key, interval, query) : known;
              subscription.subscribers++;
              return subscription;
            });
  }

  private record Key(Optional<String> viewer, Object resource) {}

  /**
   * Result or exception of a call. The exception is shared too, so that waiting requests do not
   * each wait in turn for a database that does not respond.
   */
  public record Outcome<T>(@Nullable T value, @Nullable RuntimeException failure) {
    public static <T> Outcome<T> of(Supplier<T> call) {
      try {
        return new Outcome<>(call.get(), null);
      } catch (RuntimeException e) {
        return new Outcome<>(null, e);
      }
    }

    public T get() {
      if (failure != null) {
        throw failure;
      }
      return Objects.requireNonNull(value);
    }
  }

  /** Result of a query, and the time ({@link System#nanoTime}) at which the query started. */
  public record Result<T>(T value, long startedAt) {}

  /** A shared query, which exists until each of its subscribers has closed it. */
  public final class Subscription<T> implements AutoCloseable {

    private final Key key;
    private final Duration interval;
    private final Supplier<T> query;

    /** Changed only while the map computes the entry of this subscription. */
    private int subscribers;

    private @Nullable Outcome<Result<T>> latest;
    private long startedAt;

    private Subscription(Key key, Duration interval, Supplier<T> query) {
      this.key = key;
      this.interval = interval;
      this.query = query;
    }

    /** Returns the result of a query that started after this call. */
    public Result<T> now() {
      return since(System.nanoTime());
    }

    /**
     * Waits until the next interval after {@code last} and returns the result then; null when the
     * service shuts down first.
     */
    public @Nullable Result<T> next(Result<T> last) {
      long due =
          last.startedAt
              + interval.toNanos() * Math.ceilDiv(subscriptions.size(), MAX_AT_OWN_INTERVAL);
      try {
        return closing.await(due - System.nanoTime(), TimeUnit.NANOSECONDS) ? null : since(due);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return null;
      }
    }

    /** Returns the result of a query that started at {@code nanoTime} or later. */
    private synchronized Result<T> since(long nanoTime) {
      if (latest == null || startedAt - nanoTime < 0) {
        startedAt = System.nanoTime();
        latest = Outcome.of(() -> new Result<>(query.get(), startedAt));
      }
      return latest.get();
    }

    @Override
    public void close() {
      subscriptions.computeIfPresent(key, (_, known) -> --known.subscribers == 0 ? null : known);
    }
  }
}
