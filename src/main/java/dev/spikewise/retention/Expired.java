package dev.spikewise.retention;

import dev.spikewise.store.Database;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/**
 * Finds expired resources. A resource is not expired while a live job, sweep or model needs it: a
 * sweep keeps all of its jobs until the last of them has expired, a job is kept while a model was
 * made from it or an unfinished job started from it, and a data set while a job used it lately.
 */
@Repository
class Expired {

  private static final String ENDED = "j.status in ('SUCCEEDED', 'FAILED', 'CANCELLED')";

  /** Old jobs have no time of their end. */
  private static final String ENDED_BEFORE =
      ENDED + " and coalesce(j.finished_at, j.updated_at) < :before";

  private static final String KEEPS_ITSELF =
      "exists (select 1 from job_label l where l.job_id = j.id and l.label = 'keep' and l.content ="
          + " 'true')";

  private static final String HAS_LIVE_SUCCESSOR =
      """
      exists (select 1 from job s where s.source_job = cast(j.id as varchar(64))
        and s.status not in ('SUCCEEDED', 'FAILED', 'CANCELLED'))\
      """;

  private static final String HAS_MODEL =
      "exists (select 1 from model k where k.source_id = cast(j.id as varchar(64)))";

  private static final String IN_SWEEP = "exists (select 1 from sweep_job m where m.job_id = j.id)";

  /** The sweep {@code w} will start another round. */
  private static final String STARTS_ROUNDS =
      """
      w.cancelled_at is null and exists (select 1 from sweep_job d join job p on p.id = d.job_id
        where d.sweep_id = w.id and d.round + 1 < w.rounds and p.status = 'SUCCEEDED'
        and not exists (select 1 from sweep_job n where n.sweep_id = w.id
          and n.combination = d.combination and n.round = d.round + 1))\
      """;

  private static final String IN_UNFINISHED_SWEEP =
      """
      exists (select 1 from sweep_job m join sweep w on w.id = m.sweep_id where m.job_id = j.id
        and (exists (select 1 from sweep_job o join job q on q.id = o.job_id where o.sweep_id = w.id
          and q.status not in ('SUCCEEDED', 'FAILED', 'CANCELLED')) or (%s)))\
      """
          .formatted(STARTS_ROUNDS);

  /** The trials of a search keep their results, but a live search may still resume their jobs. */
  private static final String IN_UNFINISHED_SEARCH =
      """
      exists (select 1 from search_trial t join search h on h.id = t.search_id
        where t.job_id = j.id and h.ended_at is null)\
      """;

  private static final String JOB_EXPIRED =
      "%s and not %s and not %s and not %s and not %s"
          .formatted(
              ENDED_BEFORE, KEEPS_ITSELF, HAS_LIVE_SUCCESSOR, HAS_MODEL, IN_UNFINISHED_SEARCH);

  private static final String PARTS_EXPIRED =
      "%s and not %s and not %s and not %s and not %s"
          .formatted(
              ENDED_BEFORE,
              KEEPS_ITSELF,
              HAS_LIVE_SUCCESSOR,
              IN_UNFINISHED_SWEEP,
              IN_UNFINISHED_SEARCH);

  private static final String HAS_CHECKPOINT =
      "exists (select 1 from checkpoint c where c.job_id = j.id)";

  private static final String CHECKPOINT_BYTES =
      """
      (select coalesce(sum(coalesce(octet_length(c.content), o.bytes) + coalesce(octet_length(c.statistics), 0)
        + coalesce(octet_length(c.firing_rates), 0) + coalesce(octet_length(c.predictions), 0)), 0)
        from checkpoint c left join stored_object o on o.id = c.object_id where c.job_id = j.id)\
      """;

  private static final String EPOCH_BYTES =
      "(select coalesce(sum(octet_length(e.metrics)), 0) from epoch e where e.job_id = j.id)";

  private static final String EVENT_BYTES =
      "(select coalesce(sum(octet_length(s.content)), 0) from state_change s where s.job_id ="
          + " j.id)";

  private static final String JOB_BYTES =
      CHECKPOINT_BYTES + " + " + EPOCH_BYTES + " + " + EVENT_BYTES;

  private static final String SWEEP_BYTES =
      """
      (select coalesce(sum(%s), 0) from sweep_job m join job j on j.id = m.job_id
        where m.sweep_id = w.id)\
      """
          .formatted(JOB_BYTES);

  private static final String DATASET_BYTES =
      """
      (select coalesce(sum(octet_length(c.content)), 0) from dataset_chunk c where c.dataset_id = d.id)
        + (select coalesce(sum(o.bytes), 0) from dataset_file f join stored_object o on o.id = f.object_id
          where f.dataset_id = d.id)\
      """;

  private final JdbcClient client;

  Expired(JdbcClient client) {
    this.client = client;
  }

  /**
   * How resources of a kind are found.
   *
   * @param table table and alias
   * @param condition what expired ones fulfil, beside their tenant
   * @param bytes their size
   * @param since by which the oldest are first
   */
  private record Search(String table, String condition, String bytes, String since) {

    String id() {
      return alias() + ".id";
    }

    String alias() {
      return table.substring(table.length() - 1);
    }
  }

  private static Search search(RetentionKind kind) {
    return switch (kind) {
      case SWEEPS ->
          new Search(
              "sweep w",
              """
              w.created_at < :before and not (%s)
              and not exists (select 1 from sweep_job m join job j on j.id = m.job_id
                where m.sweep_id = w.id and not (%s))\
              """
                  .formatted(STARTS_ROUNDS, JOB_EXPIRED),
              SWEEP_BYTES,
              "w.created_at");
      case JOBS -> ofJobs(JOB_EXPIRED + " and not " + IN_SWEEP, JOB_BYTES);
      case CHECKPOINTS -> ofJobs(PARTS_EXPIRED + " and " + HAS_CHECKPOINT, CHECKPOINT_BYTES);
      case EPOCHS ->
          // A job that can be resumed from a checkpoint continues the epochs before it.
          ofJobs(
              PARTS_EXPIRED
                  + " and exists (select 1 from epoch e where e.job_id = j.id) and (j.status ="
                  + " 'SUCCEEDED' or not "
                  + HAS_CHECKPOINT
                  + ")",
              EPOCH_BYTES);
      case EVENTS ->
          ofJobs(
              PARTS_EXPIRED + " and exists (select 1 from state_change s where s.job_id = j.id)",
              EVENT_BYTES);
      case DATASETS ->
          new Search(
              "dataset d",
              """
              d.created_at < :before
              and not exists (select 1 from dataset_label l where l.dataset_id = d.id
                and l.label = 'keep' and l.content = 'true')
              and not exists (select 1 from job j where j.dataset_id = d.id
                and (not (%s) or %s or %s or %s))\
              """
                  .formatted(ENDED_BEFORE, KEEPS_ITSELF, IN_UNFINISHED_SWEEP, IN_UNFINISHED_SEARCH),
              DATASET_BYTES,
              "d.created_at");
    };
  }

  private static Search ofJobs(String condition, String bytes) {
    return new Search("job j", condition, bytes, "j.finished_at");
  }

  /** Tenants that own anything that can expire. */
  List<String> tenants() {
    return client
        .sql(
            "select tenant from job union select tenant from sweep union select tenant from dataset"
                + " order by 1")
        .query(String.class)
        .list();
  }

  /** Number and size of the expired resources of a tenant. */
  Removed measure(RetentionKind kind, String tenant, Instant before) {
    var search = search(kind);
    return client
        .sql(
            "select count(*), coalesce(sum(%s), 0) from %s where %s.tenant = :tenant and %s"
                .formatted(search.bytes(), search.table(), search.alias(), search.condition()))
        .param("tenant", tenant)
        .param("before", Database.time(before))
        .query((row, _) -> new Removed(kind, row.getLong(1), row.getLong(2)))
        .single();
  }

  /** Ids of at most {@code limit} expired resources of a tenant, oldest first. */
  List<String> find(RetentionKind kind, String tenant, Instant before, int limit) {
    var search = search(kind);
    return client
        .sql(
            "select cast(%s as varchar(64)) from %s where %s.tenant = :tenant and %s order by %s, 1 limit :limit"
                .formatted(
                    search.id(),
                    search.table(),
                    search.alias(),
                    search.condition(),
                    search.since()))
        .param("tenant", tenant)
        .param("before", Database.time(before))
        .param("limit", limit)
        .query(String.class)
        .list();
  }

  /**
   * Locks a resource until the end of the transaction and checks again whether it is expired.
   *
   * @return its size in bytes; null when it is gone or no longer expired
   */
  @Nullable Long lock(RetentionKind kind, Object id, Instant before) {
    var search = search(kind);
    // Two statements: only one that starts after the lock was granted sees what changed before.
    if (client
        .sql(
            "select %s from %s where %s = :id for update"
                .formatted(search.id(), search.table(), search.id()))
        .param("id", id)
        .query(Object.class)
        .list()
        .isEmpty()) {
      return null;
    }
    return client
        .sql(
            "select %s from %s where %s = :id and %s"
                .formatted(search.bytes(), search.table(), search.id(), search.condition()))
        .param("id", id)
        .param("before", Database.time(before))
        .query(Long.class)
        .optional()
        .map(Objects::requireNonNull)
        .orElse(null);
  }
}
