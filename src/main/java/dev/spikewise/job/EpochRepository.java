package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import java.util.List;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.SqlArrayValue;
import org.springframework.stereotype.Repository;
import tools.jackson.databind.json.JsonMapper;

/**
 * Stores the epochs of all jobs: written in batches, read in pages. It uses plain JDBC because one
 * JPA entity per row is too slow.
 */
@Repository
class EpochRepository {

  private final JdbcTemplate jdbc;
  private final JdbcClient client;
  private final JsonMapper mapper;

  EpochRepository(JdbcTemplate jdbc, JdbcClient client, JsonMapper mapper) {
    this.jdbc = jdbc;
    this.client = client;
    this.mapper = mapper;
  }

  /** Stores consecutive epochs. Epochs that a resumed training repeats are replaced. */
  void store(UUID jobId, List<EpochMetrics> epochs, int stored) {
    if (epochs.getFirst().epoch() < stored) {
      client
          .sql("delete from epoch where job_id = :job and epoch between :first and :last")
          .param("job", jobId)
          .param("first", epochs.getFirst().epoch())
          .param("last", epochs.getLast().epoch())
          .update();
    }
    jdbc.batchUpdate(
        "insert into epoch (job_id, epoch, metrics) values (?, ?, ?)",
        epochs.stream()
            .map(
                metrics ->
                    new Object[] {jobId, metrics.epoch(), mapper.writeValueAsString(metrics)})
            .toList());
  }

  /** Returns at most {@code limit} epochs after number {@code after}, in ascending order. */
  List<EpochMetrics> find(UUID jobId, int after, int limit) {
    return client
        .sql(
            "select metrics from epoch where job_id = :job and epoch > :after order by epoch limit"
                + " :limit")
        .param("job", jobId)
        .param("after", after)
        .param("limit", limit)
        .query((row, i) -> mapper.readValue(row.getString(1), EpochMetrics.class))
        .list();
  }

  /**
   * Returns those of {@code epochs} that are stored. The join looks up each number in the index;
   * for {@code epoch in (...)} H2 would read all epochs of the job.
   */
  List<EpochMetrics> find(UUID jobId, List<Integer> epochs) {
    return client
        .sql(
            """
            select e.metrics from unnest(:epochs) wanted(number)
            join epoch e on e.job_id = :job and e.epoch = wanted.number order by e.epoch\
            """)
        .param("job", jobId)
        .param("epochs", new SqlArrayValue("int4", epochs.toArray()))
        .query((row, i) -> mapper.readValue(row.getString(1), EpochMetrics.class))
        .list();
  }

  void deleteAll(UUID jobId) {
    client.sql("delete from epoch where job_id = :job").param("job", jobId).update();
  }
}
