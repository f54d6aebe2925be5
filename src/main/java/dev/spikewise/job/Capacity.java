package dev.spikewise.job;

import dev.spikewise.store.BuildVersion;
import dev.spikewise.store.Database;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

/**
 * Memory limit of a single job. The process that accepts a job need not be the one that trains it,
 * so every worker publishes its limit in the database. A worker claims no job that exceeds its own
 * limit.
 */
@Component
class Capacity {

  /**
   * Fraction of the heap that jobs may use. Requests may use a quarter; the rest is for data sets
   * and the service itself.
   */
  private static final double FOR_JOBS = 0.6;

  /** Number of minutes after which a worker that no longer publishes its limit is ignored. */
  private static final int EXPIRY_MINUTES = 5;

  private final JdbcClient jdbc;
  private final Database database;
  private final BuildVersion build;
  private final long bytesPerJob;

  Capacity(JdbcClient jdbc, Database database, BuildVersion build, JobSettings settings) {
    this.build = build;
    this.jdbc = jdbc;
    this.database = database;
    this.bytesPerJob =
        settings.memoryPerJob() == null
            ? (long) (Runtime.getRuntime().maxMemory() * FOR_JOBS) / Math.max(1, settings.workers())
            : settings.memoryPerJob().toBytes();
  }

  /** Memory that one job may use in this process, in bytes. */
  long bytesPerJob() {
    return bytesPerJob;
  }

  /** Processes that share each job of this one. */
  int ranks() {
    return WideTraining.current().map(WideTraining::ranks).orElse(1);
  }

  /** Version of this process. */
  int version() {
    return build.number();
  }

  /** Publishes the memory limit of this process under the id {@code worker}. */
  @Transactional
  void publish(String worker) {
    var now = database.now();
    jdbc.sql("delete from worker where id = ? or seen_at < ?")
        .params(worker, Database.time(now.minusSeconds(60L * EXPIRY_MINUTES)))
        .update();
    jdbc.sql(
            "insert into worker (id, memory_bytes, ranks, version, seen_at) values (?, ?, ?, ?, ?)")
        .params(worker, bytesPerJob, ranks(), version(), Database.time(now))
        .update();
  }

  /** Memory that one job may use in the largest worker, in bytes; empty without a worker. */
  @Transactional(readOnly = true)
  Optional<Long> largest() {
    return jdbc.sql("select max(memory_bytes) from worker where seen_at > ?")
        .param(Database.time(database.now().minusSeconds(60L * EXPIRY_MINUTES)))
        .query(Long.class)
        .optional();
  }

  /** Processes of the worker that has most of them; 0 where no worker is there. */
  @Transactional(readOnly = true)
  int mostRanks() {
    return jdbc.sql("select coalesce(max(ranks), 0) from worker where seen_at > ?")
        .param(Database.time(database.now().minusSeconds(60L * EXPIRY_MINUTES)))
        .query(Integer.class)
        .single();
  }

  /** Newest version of all workers; 0 where none is there. */
  @Transactional(readOnly = true)
  int newestVersion() {
    return jdbc.sql("select coalesce(max(version), 0) from worker where seen_at > ?")
        .param(Database.time(database.now().minusSeconds(60L * EXPIRY_MINUTES)))
        .query(Integer.class)
        .single();
  }
}
