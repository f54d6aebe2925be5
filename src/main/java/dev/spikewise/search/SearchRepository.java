package dev.spikewise.search;

import dev.spikewise.spec.SearchMetric;
import dev.spikewise.store.BuildVersion;
import dev.spikewise.store.StoredJson;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import tools.jackson.databind.JsonNode;

/** Stores searches, their trials, and the results at the ends of rungs. */
@Repository
class SearchRepository {

  private static final String COLUMNS =
      "id, number, name, tenant, job_document_id, samples, hours, created_at, ended_at, reason,"
          + " waiting_for, changes";

  private final JdbcClient client;
  private final StoredJson json;
  private final BuildVersion build;

  SearchRepository(JdbcClient client, StoredJson json, BuildVersion build) {
    this.client = client;
    this.json = json;
    this.build = build;
  }

  record Row(
      UUID id,
      long number,
      @Nullable String name,
      String tenant,
      UUID jobDocument,
      SearchMetric.Samples samples,
      @Nullable Double hours,
      Instant createdAt,
      @Nullable Instant endedAt,
      Search.@Nullable End reason,
      @Nullable String waitingFor,
      long changes) {}

  /**
   * A stored trial.
   *
   * @param rung rung that it is in, or in which it ended
   * @param values values as they were read from JSON
   * @param refusal reason why no job was queued; null otherwise
   */
  record TrialRow(
      int number,
      int generation,
      int rung,
      Map<String, @Nullable Object> values,
      @Nullable UUID job,
      @Nullable String refusal) {}

  /**
   * A stored result.
   *
   * @param epochs number of epochs that the trial had completed
   * @param metrics null where the trial failed
   */
  record ResultRow(
      int trial,
      int rung,
      int epochs,
      @Nullable Map<SearchMetric, Double> metrics,
      boolean promoted,
      Instant createdAt) {}

  void insert(Row row) {
    client
        .sql(
            """
            insert into search (id, tenant, name, job_document_id, samples, hours, least_version, created_at)
            values (:id, :tenant, :name, :document, :samples, :hours, :version, :now)\
            """)
        .param("version", build.number())
        .param("id", row.id())
        .param("tenant", row.tenant())
        .param("name", row.name(), Types.VARCHAR)
        .param("document", row.jobDocument())
        .param("samples", row.samples().name())
        .param("hours", row.hours(), Types.DOUBLE)
        .param("now", row.createdAt().atOffset(ZoneOffset.UTC))
        .update();
  }

  void insert(UUID search, TrialRow trial) {
    client
        .sql(
            """
            insert into search_trial (search_id, number, generation, rung, content, job_id, refusal)
            values (:search, :number, :generation, :rung, :content, :job, :refusal)\
            """)
        .param("search", search)
        .param("number", trial.number())
        .param("generation", trial.generation())
        .param("rung", trial.rung())
        .param("content", json.write(trial.values()))
        .param("job", trial.job(), Types.OTHER)
        .param("refusal", trial.refusal(), Types.VARCHAR)
        .update();
  }

  void insert(UUID search, ResultRow result) {
    client
        .sql(
            """
            insert into search_result (search_id, trial, rung, epochs, metrics, promoted, created_at)
            values (:search, :trial, :rung, :epochs, :metrics, :promoted, :now)\
            """)
        .param("search", search)
        .param("trial", result.trial())
        .param("rung", result.rung())
        .param("epochs", result.epochs())
        .param(
            "metrics",
            result.metrics() == null ? null : json.write(result.metrics()),
            Types.VARCHAR)
        .param("promoted", result.promoted())
        .param("now", result.createdAt().atOffset(ZoneOffset.UTC))
        .update();
  }

  void moveTo(UUID search, int trial, int rung) {
    client
        .sql("update search_trial set rung = :rung where search_id = :search and number = :trial")
        .param("rung", rung)
        .param("search", search)
        .param("trial", trial)
        .update();
  }

  /** Records a change, so that the entity tag differs. */
  void changed(UUID id, @Nullable String waitingFor) {
    client
        .sql("update search set changes = changes + 1, waiting_for = :waiting where id = :id")
        .param("waiting", waitingFor, Types.VARCHAR)
        .param("id", id)
        .update();
  }

  void end(UUID id, Search.End reason, Instant now) {
    client
        .sql(
            """
            update search set changes = changes + 1, waiting_for = null, ended_at = :now,
              reason = :reason where id = :id\
            """)
        .param("now", now.atOffset(ZoneOffset.UTC))
        .param("reason", reason.name())
        .param("id", id)
        .update();
  }

  Optional<Row> find(UUID id) {
    return client
        .sql("select " + COLUMNS + " from search where id = :id")
        .param("id", id)
        .query(SearchRepository::row)
        .optional();
  }

  /** Locks the row, so that one transaction at a time changes a search. */
  Optional<Row> lock(UUID id) {
    return client
        .sql("select " + COLUMNS + " from search where id = :id for update")
        .param("id", id)
        .query(SearchRepository::row)
        .optional();
  }

  /** Lists searches created before {@code number}, newest first. */
  List<Row> list(int limit, long number, boolean all, String tenant) {
    return client
        .sql(
            "select "
                + COLUMNS
                + " from search where number < :number and (:all or tenant = :tenant)"
                + " order by number desc limit :limit")
        .param("number", number)
        .param("all", all)
        .param("tenant", tenant)
        .param("limit", limit)
        .query(SearchRepository::row)
        .list();
  }

  /** Searches that have not ended and that this process understands, oldest first. */
  List<Row> unfinished() {
    return client
        .sql(
            "select "
                + COLUMNS
                + " from search where ended_at is null and least_version <= :version order by"
                + " number")
        .param("version", build.number())
        .query(SearchRepository::row)
        .list();
  }

  List<TrialRow> trials(UUID search) {
    return client
        .sql(
            """
            select number, generation, rung, content, job_id, refusal from search_trial
            where search_id = :search order by number\
            """)
        .param("search", search)
        .query(
            (row, _) ->
                new TrialRow(
                    row.getInt(1),
                    row.getInt(2),
                    row.getInt(3),
                    values(row.getString(4)),
                    row.getObject(5, UUID.class),
                    row.getString(6)))
        .list();
  }

  List<ResultRow> results(UUID search) {
    return client
        .sql(
            """
            select trial, rung, epochs, metrics, promoted, created_at from search_result
            where search_id = :search order by created_at, trial, rung\
            """)
        .param("search", search)
        .query(
            (row, _) ->
                new ResultRow(
                    row.getInt(1),
                    row.getInt(2),
                    row.getInt(3),
                    metrics(row.getString(4)),
                    row.getBoolean(5),
                    row.getObject(6, OffsetDateTime.class).toInstant()))
        .list();
  }

  /** Whether a trial waits for a worker or trains, so that its rung cannot be complete. */
  boolean isBusy(UUID search) {
    return client
        .sql(
            """
            select exists (select 1 from search_trial t join job j on j.id = t.job_id
              where t.search_id = :search and j.status in ('QUEUED', 'RUNNING', 'PAUSING', 'CANCELLING')
              and not exists (select 1 from search_result r
                where r.search_id = t.search_id and r.trial = t.number and r.rung = t.rung))\
            """)
        .param("search", search)
        .query(Boolean.class)
        .single();
  }

  /** Training time of all trials whose jobs exist, in hours. */
  double hours(UUID search) {
    long millis =
        client
            .sql(
                """
                select coalesce(sum(j.active_ms), 0) from search_trial t join job j on j.id = t.job_id
                where t.search_id = :search\
                """)
            .param("search", search)
            .query(Long.class)
            .single();
    return millis / 3.6e6;
  }

  void delete(UUID id) {
    client.sql("delete from search where id = :id").param("id", id).update();
  }

  @SuppressWarnings("unchecked")
  private Map<String, @Nullable Object> values(String content) {
    return json.read(content, LinkedHashMap.class);
  }

  private @Nullable Map<SearchMetric, Double> metrics(@Nullable String content) {
    if (content == null) {
      return null;
    }
    var metrics = new LinkedHashMap<SearchMetric, Double>();
    JsonNode tree = json.tree(content);
    for (var metric : SearchMetric.values()) {
      if (tree.has(metric.word())) {
        metrics.put(metric, tree.get(metric.word()).asDouble());
      }
    }
    return metrics;
  }

  private static Row row(ResultSet row, int i) throws SQLException {
    double hours = row.getDouble(7);
    boolean limited = !row.wasNull();
    var endedAt = row.getObject(9, OffsetDateTime.class);
    var reason = row.getString(10);
    return new Row(
        row.getObject(1, UUID.class),
        row.getLong(2),
        row.getString(3),
        row.getString(4),
        row.getObject(5, UUID.class),
        SearchMetric.Samples.valueOf(row.getString(6)),
        limited ? (Double) hours : null,
        row.getObject(8, OffsetDateTime.class).toInstant(),
        endedAt == null ? null : endedAt.toInstant(),
        reason == null ? null : Search.End.valueOf(reason),
        row.getString(11),
        row.getLong(12));
  }
}
