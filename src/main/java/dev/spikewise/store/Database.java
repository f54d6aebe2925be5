package dev.spikewise.store;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.flywaydb.core.api.exception.FlywayValidateException;
import org.h2.api.ErrorCode;
import org.h2.jdbc.JdbcSQLNonTransientConnectionException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.jdbc.DatabaseDriver;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/** What the job life cycle needs to know of the database itself. */
@Component
public class Database {

  private final JdbcClient client;
  private final boolean embedded;

  public Database(JdbcClient client, JdbcConnectionDetails connection) {
    this.client = client;
    this.embedded = DatabaseDriver.fromJdbcUrl(connection.getJdbcUrl()) == DatabaseDriver.H2;
  }

  /** The one clock that all replicas share. */
  public Instant now() {
    return client.sql("select current_timestamp").query(OffsetDateTime.class).single().toInstant();
  }

  /** A moment as JDBC takes it. */
  public static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  /** Tells whoever starts a second process on H2's files what to do instead. */
  static final class InUse extends AbstractFailureAnalyzer<JdbcSQLNonTransientConnectionException> {
    @Override
    protected @Nullable FailureAnalysis analyze(
        Throwable failure, JdbcSQLNonTransientConnectionException cause) {
      return cause.getErrorCode() != ErrorCode.DATABASE_ALREADY_OPEN_1
          ? null
          : new FailureAnalysis(
              "Another process has this H2 database open. H2 files can be opened by one process"
                  + " only.",
              """
              Do one of these:
              - end the other process, or give this one a folder of its own with spikewise.data-dir;
              - for several processes on one queue, let all of them use one PostgreSQL:
                spring.datasource.url=jdbc:postgresql://HOST/DATABASE, spring.datasource.username and .password.\
              """,
              failure);
    }
  }

  /** Tells whoever goes back to an earlier version what else has to go back. */
  static final class Newer extends AbstractFailureAnalyzer<FlywayValidateException> {
    @Override
    protected @Nullable FailureAnalysis analyze(Throwable failure, FlywayValidateException cause) {
      return !String.valueOf(cause.getMessage()).contains("not resolved locally")
          ? null
          : new FailureAnalysis(
              "This database was migrated by a newer version of Spikewise; this version cannot read"
                  + " its rows.",
              "Start that version again, or restore the backup from before the upgrade.",
              failure);
    }
  }

  /** Whether this process has the database to itself, so that no other can hold a lease. */
  public boolean isEmbedded() {
    return embedded;
  }
}
