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

/** Clock and kind of the database. */
@Component
public class Database {

  private final JdbcClient client;
  private final boolean embedded;

  public Database(JdbcClient client, JdbcConnectionDetails connection) {
    this.client = client;
    this.embedded = DatabaseDriver.fromJdbcUrl(connection.getJdbcUrl()) == DatabaseDriver.H2;
  }

  /** Current time of the database, the one clock that all replicas share. */
  public Instant now() {
    return client.sql("select current_timestamp").query(OffsetDateTime.class).single().toInstant();
  }

  /** Converts an instant to the type that JDBC accepts. */
  public static OffsetDateTime time(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC);
  }

  /** Explains at startup why a second process cannot open the files of an H2 database. */
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

  /** Explains at startup that an earlier version cannot use a database migrated by a newer one. */
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

  /** Whether the database is embedded, so that no other process can hold a lease. */
  public boolean isEmbedded() {
    return embedded;
  }
}
