package dev.spikewise.store;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import org.h2.api.ErrorCode;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Whether the embedded H2 can be used again at all. An error within H2, such as too little memory,
 * may leave its file closed but locked by this process: only a restart helps. A full disk or a
 * PostgreSQL that is away passes, and is the business of readiness.
 *
 * <p>Whoever asks gets the last answer of a thread of its own and waits for no database.
 */
@Component
class EmbeddedDatabase implements HealthIndicator, SmartLifecycle {

  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /** What H2 says of a file that nobody in this process can open. */
  private static final Set<Integer> CLOSED =
      Set.of(
          ErrorCode.DATABASE_ALREADY_OPEN_1,
          ErrorCode.DATABASE_IS_CLOSED,
          ErrorCode.DATABASE_CALLED_AT_SHUTDOWN);

  private final JdbcConnectionDetails connection;
  private final boolean embedded;
  private final Duration closedFor;
  private volatile @Nullable Ticker ticker;
  private volatile @Nullable Long closedSince;

  EmbeddedDatabase(JdbcConnectionDetails connection, Database database, DatabaseSettings settings) {
    this.connection = connection;
    this.embedded = database.isEmbedded();
    this.closedFor = settings.closedFor();
  }

  @Override
  public void start() {
    if (embedded) {
      ticker = new Ticker("embedded-database", closedFor.dividedBy(6), this::look);
    }
  }

  private void look() {
    // Not through the pool, whose connections may all be in use.
    try (Connection _ =
        DriverManager.getConnection(
            connection.getJdbcUrl(), connection.getUsername(), connection.getPassword())) {
      closedSince = null;
    } catch (SQLException e) {
      if (!CLOSED.contains(e.getErrorCode())) {
        closedSince = null;
      } else if (closedSince == null) {
        LOG.error("The embedded database was closed after an error: {}", e.getMessage());
        closedSince = System.nanoTime();
      }
    }
  }

  @Override
  public Health health() {
    var since = closedSince;
    return since == null || System.nanoTime() - since < closedFor.toNanos()
        ? Health.up().build()
        : Health.down()
            .withDetail("reason", "the database file is closed: restart the service")
            .build();
  }

  @Override
  public void stop() {
    var stopped = ticker;
    if (stopped != null) {
      stopped.close();
      ticker = null;
    }
  }

  @Override
  public boolean isRunning() {
    return ticker != null;
  }
}
