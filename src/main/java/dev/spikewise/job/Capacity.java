package dev.spikewise.job;

import dev.spikewise.store.Database;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

/**
 * What a job may take where it is trained, which need not be where it is submitted: workers tell
 * the database. A worker claims no job that is too large for it.
 */
@Component
class Capacity {

  /** Of the heap: a quarter is for requests, the rest for data sets and the service itself. */
  private static final double FOR_JOBS = 0.6;

  /** Workers that were not seen for so long count no more. */
  private static final int MINUTES = 5;

  private final JdbcClient jdbc;
  private final Database database;
  private final long bytesPerJob;

  Capacity(JdbcClient jdbc, Database database, JobSettings settings) {
    this.jdbc = jdbc;
    this.database = database;
    this.bytesPerJob =
        settings.memoryPerJob() == null
            ? (long) (Runtime.getRuntime().maxMemory() * FOR_JOBS) / Math.max(1, settings.workers())
            : settings.memoryPerJob().toBytes();
  }

  /** Bytes that a job may take in this process. */
  long bytesPerJob() {
    return bytesPerJob;
  }

  /** Tells the others that {@code worker}, a process, trains. */
  @Transactional
  void publish(String worker) {
    var now = database.now();
    jdbc.sql("delete from worker where id = ? or seen_at < ?")
        .params(worker, Database.time(now.minusSeconds(60L * MINUTES)))
        .update();
    jdbc.sql("insert into worker (id, memory_bytes, seen_at) values (?, ?, ?)")
        .params(worker, bytesPerJob, Database.time(now))
        .update();
  }

  /** Bytes that a job may take in the largest worker; empty where none is there. */
  @Transactional(readOnly = true)
  Optional<Long> largest() {
    return jdbc.sql("select max(memory_bytes) from worker where seen_at > ?")
        .param(Database.time(database.now().minusSeconds(60L * MINUTES)))
        .query(Long.class)
        .optional();
  }
}
