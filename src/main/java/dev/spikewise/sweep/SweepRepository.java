package dev.spikewise.sweep;

import dev.spikewise.spec.SweepSpec;
import dev.spikewise.store.BuildVersion;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/** Stores sweeps and the position of each job in its sweep. */
@Repository
class SweepRepository {

  private static final String COLUMNS =
      "id, number, name, rounds, created_at, cancelled_at, tenant";

  private final JdbcClient client;
  private final BuildVersion build;

  SweepRepository(JdbcClient client, BuildVersion build) {
    this.client = client;
    this.build = build;
  }

  record Row(
      UUID id,
      long number,
      @Nullable String name,
      int rounds,
      Instant createdAt,
      @Nullable Instant cancelledAt,
      String tenant) {}

  /**
   * Position of a job in a sweep.
   *
   * @param refusal reason why no job was queued; null otherwise
   */
  record Place(
      UUID sweepId, int combination, int round, @Nullable UUID jobId, @Nullable String refusal) {

    static Place job(UUID sweepId, int combination, int round, UUID jobId) {
      return new Place(sweepId, combination, round, jobId, null);
    }

    static Place refused(UUID sweepId, int combination, int round, String why) {
      return new Place(sweepId, combination, round, null, why);
    }
  }

  void insert(UUID id, String tenant, SweepSpec spec, Instant now) {
    client
        .sql(
            """
            insert into sweep (id, tenant, name, rounds, least_version, created_at)
            values (:id, :tenant, :name, :rounds, :version, :now)\
            """)
        .param("version", build.number())
        .param("id", id)
        .param("tenant", tenant)
        .param("name", spec.name(), Types.VARCHAR)
        .param("rounds", spec.rounds())
        .param("now", now.atOffset(ZoneOffset.UTC))
        .update();
  }

  void insert(Place place) {
    client
        .sql(
            """
            insert into sweep_job (sweep_id, combination, round, job_id, refusal)
            values (:sweep, :combination, :round, :job, :refusal)\
            """)
        .param("sweep", place.sweepId())
        .param("combination", place.combination())
        .param("round", place.round())
        .param("job", place.jobId(), Types.OTHER)
        .param("refusal", place.refusal(), Types.VARCHAR)
        .update();
  }

  Optional<Row> find(UUID id) {
    return client
        .sql("select " + COLUMNS + " from sweep where id = :id")
        .param("id", id)
        .query(this::row)
        .optional();
  }

  /** Locks the row, so that one transaction at a time changes a sweep. */
  Optional<Row> lock(UUID id) {
    return client
        .sql("select " + COLUMNS + " from sweep where id = :id for update")
        .param("id", id)
        .query(this::row)
        .optional();
  }

  /** Lists sweeps created before {@code number}, newest first. */
  List<Row> list(int limit, long number, boolean all, String tenant) {
    return client
        .sql(
            "select "
                + COLUMNS
                + " from sweep where number < :number and (:all or tenant = :tenant)"
                + " order by number desc limit :limit")
        .param("number", number)
        .param("all", all)
        .param("tenant", tenant)
        .param("limit", limit)
        .query(this::row)
        .list();
  }

  List<Place> places(Collection<UUID> sweepIds) {
    return sweepIds.isEmpty()
        ? List.of()
        : client
            .sql(
                """
                select sweep_id, combination, round, job_id, refusal from sweep_job
                where sweep_id in (:ids) order by combination, round\
                """)
            .param("ids", sweepIds)
            .query(SweepRepository::place)
            .list();
  }

  /**
   * Succeeded jobs whose next round has not started, of sweeps that this process understands. A
   * newer one starts the rounds of the others.
   */
  List<Place> due() {
    return client
        .sql(
            """
            select p.sweep_id, p.combination, p.round, p.job_id, p.refusal
            from sweep s join sweep_job p on p.sweep_id = s.id join job j on j.id = p.job_id
            where s.cancelled_at is null and s.least_version <= :version and p.round + 1 < s.rounds and j.status = 'SUCCEEDED'
              and not exists (select 1 from sweep_job n where n.sweep_id = p.sweep_id
                and n.combination = p.combination and n.round = p.round + 1)\
            """)
        .param("version", build.number())
        .query(SweepRepository::place)
        .list();
  }

  void cancel(UUID id, Instant now) {
    client
        .sql("update sweep set cancelled_at = :now where id = :id")
        .param("now", now.atOffset(ZoneOffset.UTC))
        .param("id", id)
        .update();
  }

  void delete(UUID id) {
    client.sql("delete from sweep where id = :id").param("id", id).update();
  }

  private Row row(ResultSet row, int i) throws SQLException {
    var cancelledAt = row.getObject(6, OffsetDateTime.class);
    return new Row(
        row.getObject(1, UUID.class),
        row.getLong(2),
        row.getString(3),
        row.getInt(4),
        row.getObject(5, OffsetDateTime.class).toInstant(),
        cancelledAt == null ? null : cancelledAt.toInstant(),
        row.getString(7));
  }

  private static Place place(ResultSet row, int i) throws SQLException {
    return new Place(
        row.getObject(1, UUID.class),
        row.getInt(2),
        row.getInt(3),
        row.getObject(4, UUID.class),
        row.getString(5));
  }
}
