package dev.spikewise.job;

import java.time.Instant;
import java.time.OffsetDateTime;
import org.springframework.boot.jdbc.DatabaseDriver;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/** What the job life cycle needs to know of the database itself. */
@Component
class Database {

  private final JdbcClient client;
  private final boolean embedded;

  Database(JdbcClient client, JdbcConnectionDetails connection) {
    this.client = client;
    this.embedded = DatabaseDriver.fromJdbcUrl(connection.getJdbcUrl()) == DatabaseDriver.H2;
  }

  /** The one clock that all replicas share. */
  Instant now() {
    return client.sql("select current_timestamp").query(OffsetDateTime.class).single().toInstant();
  }

  /** Whether this process has the database to itself, so that no other can hold a lease. */
  boolean isEmbedded() {
    return embedded;
  }
}
