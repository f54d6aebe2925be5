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
import org.springframework.stereotype.Component;

/**
 * Liveness check of the embedded H2 database. An error within H2, for example an out-of-memory
 * error, may leave its file closed but still locked by this process, and only a restart helps.
 * Temporary conditions such as a full disk or an unreachable PostgreSQL affect readiness instead.
 *
 * <p>A background thread performs the check; health requests return its last result without waiting
 * for the database.
 */
@Component
class EmbeddedDatabase extends Ticking implements HealthIndicator {

  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

  /** H2 error codes of a file that this process cannot open again. */
  private static final Set<Integer> CLOSED =
      Set.of(
          ErrorCode.DATABASE_ALREADY_OPEN_1,
          ErrorCode.DATABASE_IS_CLOSED,
          ErrorCode.DATABASE_CALLED_AT_SHUTDOWN);

  private final JdbcConnectionDetails connection;
  private final boolean embedded;
  private final Duration closedFor;
  private volatile @Nullable Long closedSince;

  EmbeddedDatabase(JdbcConnectionDetails connection, Database database, DatabaseSettings settings) {
    super("embedded-database", settings.closedFor().dividedBy(6));
    this.connection = connection;
    this.embedded = database.isEmbedded();
    this.closedFor = settings.closedFor();
  }

  @Override
  public void start() {
    if (embedded) {
      super.start();
    }
  }

  @Override
  protected void tick() {
    // Bypasses the connection pool, whose connections may all be in use.
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
}
