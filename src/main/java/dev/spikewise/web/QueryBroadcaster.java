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
 * What requests follow that stay open: one look at it serves all who follow the same, so that the
 * database hears no more of a thousand readers than of one. A look is made by whoever asks first,
 * on the request's own thread, which is a virtual one.
 */
@Component
public class QueryBroadcaster {

  /** So many feeds are looked at in their own time; more share it. */
  private static final int IN_TIME = 100;

  private final Map<Key, Feed<?>> feeds = new ConcurrentHashMap<>();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Tenants tenants;

  public QueryBroadcaster(Tenants tenants) {
    this.tenants = tenants;
  }

  /** A shutdown waits for the requests, which must not wait for it. */
  @EventListener(ContextClosedEvent.class)
  void close() {
    closing.countDown();
  }

  /**
   * Follows what {@code look} sees, together with all who follow the same and see it with the same
   * eyes.
   *
   * @param what is seen; the same always comes with the same kind of look
   * @param pace time from one look to the next
   */
  @SuppressWarnings("unchecked")
  public <T> Feed<T> follow(Object what, Duration pace, Supplier<T> look) {
    return (Feed<T>)
        feeds.compute(
            new Key(tenants.viewer(), what),
            (key, known) -> {
              var feed = known == null ? new Feed<>(key, pace, look) : known;
              feed.followers++;
              return feed;
            });
  }

  private record Key(Optional<String> viewer, Object what) {}

  /**
   * What came of a call, for all who wait for it: else each would wait in turn for a database that
   * does not answer.
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

  /** What was seen, and when it was looked for. */
  public record Seen<T>(T value, long nanos) {}

  /** One thing that is followed, until it is closed by each who follows it. */
  public final class Feed<T> implements AutoCloseable {

    private final Key key;
    private final Duration pace;
    private final Supplier<T> look;

    /** Changed only while the map computes this feed's key. */
    private int followers;

    private @Nullable Outcome<Seen<T>> seen;
    private long lookedAt;

    private Feed(Key key, Duration pace, Supplier<T> look) {
      this.key = key;
      this.pace = pace;
      this.look = look;
    }

    /** As it is now. */
    public Seen<T> now() {
      return since(System.nanoTime());
    }

    /**
     * As it is when it is time to look again after {@code last}; null if the service stops before.
     */
    public @Nullable Seen<T> next(Seen<T> last) {
      long due = last.nanos + pace.toNanos() * Math.ceilDiv(feeds.size(), IN_TIME);
      try {
        return closing.await(due - System.nanoTime(), TimeUnit.NANOSECONDS) ? null : since(due);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return null;
      }
    }

    /** What was looked for at {@code nanos} or later: a look that has begun may be too old. */
    private synchronized Seen<T> since(long nanos) {
      if (seen == null || lookedAt - nanos < 0) {
        lookedAt = System.nanoTime();
        seen = Outcome.of(() -> new Seen<>(look.get(), lookedAt));
      }
      return seen.get();
    }

    @Override
    public void close() {
      feeds.computeIfPresent(key, (_, feed) -> --feed.followers == 0 ? null : feed);
    }
  }
}
