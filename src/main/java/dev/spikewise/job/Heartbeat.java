package dev.spikewise.job;

import com.zaxxer.hikari.HikariDataSource;
import dev.spikewise.compute.Compute;
import dev.spikewise.store.Database;
import dev.spikewise.store.Outage;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * Renews leases and reads requested state changes over a dedicated connection, so that a worker
 * loses no job because the connection pool is exhausted or a pooled connection is dead.
 */
@Component
class Heartbeat implements DisposableBean {

  private final HikariDataSource source = new HikariDataSource();
  private final JdbcClient client;
  private final Duration lease;
  private final Compute compute;

  Heartbeat(
      JdbcConnectionDetails connection, Database database, Compute compute, JobSettings settings) {
    this.compute = compute;
    lease = settings.lease();
    source.setPoolName("heartbeat");
    source.setJdbcUrl(connection.getJdbcUrl());
    source.setUsername(connection.getUsername());
    source.setPassword(connection.getPassword());
    source.setMaximumPoolSize(1);
    source.setMinimumIdle(0);
    source.setExceptionOverrideClassName(Outage.class.getName());
    // Leaves time for several attempts to renew a lease before it expires.
    long seconds = Math.clamp(lease.toSeconds() / 5, 1, 5);
    source.setConnectionTimeout(1000 * seconds);
    source.setValidationTimeout(1000 * seconds);
    if (!database.isEmbedded()) {
      source.addDataSourceProperty("connectTimeout", seconds);
      source.addDataSourceProperty("socketTimeout", seconds);
    }
    client = JdbcClient.create(source);
  }

  /** A job leased to a worker. The status tells the worker whether to continue, pause or cancel. */
  record Held(UUID jobId, long fence, JobState status) {}

  /**
   * Renews {@code owner}'s leases of the {@code due} jobs and returns all jobs that it still holds,
   * by job id.
   */
  Map<UUID, Held> renew(String owner, Collection<UUID> due) {
    if (!due.isEmpty()) {
      var now = client.sql("select current_timestamp").query(OffsetDateTime.class).single();
      client
          .sql("update job set lease_until = :until where lease_owner = :owner and id in (:ids)")
          .param("until", now.plus(lease))
          .param("owner", owner)
          .param("ids", due)
          .update();
    }
    return client
        .sql("select id, fence, status from job where lease_owner = :owner")
        .param("owner", owner)
        .query(
            (row, i) ->
                new Held(
                    row.getObject(1, UUID.class),
                    row.getLong(2),
                    JobState.valueOf(row.getString(3))))
        .list()
        .stream()
        .collect(Collectors.toMap(Held::jobId, held -> held));
  }

  /** Calls {@code watcher} before every computation of a request. */
  void beforeComputing(Runnable watcher) {
    compute.beforeEach(watcher);
  }

  /**
   * Records that the suspect job is the only work in {@code owner}'s process, so that a crash can
   * be attributed to it. Does nothing while a request computes in the process.
   */
  void markAlone(String owner) {
    if (!compute.isBusy()) {
      client
          .sql(
              "update job set alone = true where lease_owner = ? and suspect = true and alone ="
                  + " false")
          .param(owner)
          .update();
    }
  }

  /** Records that {@code owner}'s process also does other work, which may cause a crash. */
  void markAccompanied(String owner) {
    client
        .sql("update job set alone = false where lease_owner = ? and alone = true")
        .param(owner)
        .update();
  }

  /** Whether a request computes in this process. */
  boolean isComputing() {
    return compute.isBusy();
  }

  @Override
  public void destroy() {
    source.close();
  }
}
