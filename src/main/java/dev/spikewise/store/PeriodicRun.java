package dev.spikewise.store;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Work that is done in an interval by one process of all. A process that dies is replaced after
 * {@link #LEASE}. For a short time two processes may do the work, so it must be harmless then.
 */
public final class PeriodicRun {

  private static final Logger LOG = LoggerFactory.getLogger(PeriodicRun.class);

  /** Time after which another process replaces one that stopped renewing. */
  static final Duration LEASE = Duration.ofMinutes(1);

  private static final Duration RENEWAL = LEASE.dividedBy(6);

  private final String owner = ProcessHandle.current().pid() + "-" + UUID.randomUUID();
  private final String name;
  private final Duration interval;
  private final JdbcClient client;
  private final Database database;
  private volatile @Nullable Ticker ticker;
  private volatile boolean stopping;
  private long renewedAt;

  /**
   * @param name name of its row in the table periodic_run
   */
  public PeriodicRun(String name, Duration interval, JdbcClient client, Database database) {
    this.name = name;
    this.interval = interval;
    this.client = client;
    this.database = database;
  }

  /** Looks in the background whether a run is due, until {@link #stop}. */
  public void start(Runnable work) {
    stopping = false;
    ticker =
        new Ticker(name, interval.compareTo(LEASE) < 0 ? interval : LEASE, () -> runWhenDue(work));
  }

  /** Does the work when a run is due and no other process does it. */
  public void runWhenDue(Runnable work) {
    try {
      if (take()) {
        renewedAt = System.nanoTime();
        try {
          work.run();
        } finally {
          release();
        }
      }
    } catch (RuntimeException e) {
      LOG.warn("The periodic run {} failed and will be repeated: {}", name, e.toString());
    }
  }

  /** Whether the work may go on: this process is not shutting down, and no other has taken over. */
  public boolean goesOn() {
    if (stopping) {
      return false;
    }
    if (System.nanoTime() - renewedAt < RENEWAL.toNanos()) {
      return true;
    }
    renewedAt = System.nanoTime();
    return renew();
  }

  boolean take() {
    var now = database.now();
    return client
            .sql(
                """
                update periodic_run set owner = :owner, lease_until = :until
                where name = :name and (lease_until is null or lease_until < :now)
                and (next_at is null or next_at <= :now)\
                """)
            .param("owner", owner)
            .param("until", Database.time(now.plus(LEASE)))
            .param("name", name)
            .param("now", Database.time(now))
            .update()
        == 1;
  }

  boolean renew() {
    return client
            .sql(
                "update periodic_run set lease_until = :until where name = :name and owner ="
                    + " :owner")
            .param("until", Database.time(database.now().plus(LEASE)))
            .param("name", name)
            .param("owner", owner)
            .update()
        == 1;
  }

  private void release() {
    client
        .sql(
            """
            update periodic_run set owner = null, lease_until = null, next_at = :next
            where name = :name and owner = :owner\
            """)
        .param("next", Database.time(database.now().plus(interval)))
        .param("name", name)
        .param("owner", owner)
        .update();
  }

  /** Time of the next run; null while one runs and before the first. */
  public @Nullable Instant nextAt() {
    return client
        .sql("select next_at from periodic_run where name = ? and owner is null")
        .param(name)
        .query((row, _) -> row.getObject(1, OffsetDateTime.class))
        .list()
        .stream()
        .filter(Objects::nonNull)
        .map(OffsetDateTime::toInstant)
        .findFirst()
        .orElse(null);
  }

  /** Whether the background thread looks for runs. */
  public boolean isRunning() {
    return ticker != null;
  }

  /** Stops the background thread after the current step of the work. */
  public void stop() {
    stopping = true;
    var stopped = ticker;
    if (stopped != null) {
      stopped.close();
      ticker = null;
    }
  }
}
