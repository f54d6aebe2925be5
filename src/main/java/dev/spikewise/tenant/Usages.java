package dev.spikewise.tenant;

import dev.spikewise.store.Database;
import dev.spikewise.store.PeriodicRun;
import java.time.Duration;
import java.time.Instant;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;

/**
 * Counts what tenants use, per month. The numbers of a job are written in the transaction that
 * stores its epochs, while the job's row is locked, so that they agree with the epochs after any
 * failure.
 */
@Service
public class Usages implements SmartLifecycle {

  private final JdbcClient jdbc;
  private final Tenants tenants;
  private final Quotas quotas;
  private final Database database;
  private final PeriodicRun measurement;

  Usages(JdbcClient jdbc, Tenants tenants, Quotas quotas, Database database) {
    this.jdbc = jdbc;
    this.tenants = tenants;
    this.quotas = quotas;
    this.database = database;
    this.measurement = new PeriodicRun("usage", Duration.ofHours(1), jdbc, database);
  }

  /**
   * Work of epochs that are stored for the first time in their attempt.
   *
   * @param synops synaptic operations of all samples
   * @param trainingMs training time in milliseconds
   */
  public record Work(long epochs, long samples, double synops, double trainingMs) {
    static final Work NONE = new Work(0, 0, 0, 0);
  }

  /** Counts a submitted job. */
  @Transactional(propagation = Propagation.MANDATORY)
  public void submitted(UUID job, String tenant, Instant now) {
    insert(job, tenant, month(now), 1, Work.NONE);
  }

  /** Counts stored epochs of a job, whose row the caller has locked. */
  @Transactional(propagation = Propagation.MANDATORY)
  public void trained(UUID job, String tenant, Instant now, Work work) {
    int updated =
        jdbc.sql(
                """
                update job_usage set epochs = epochs + :epochs, samples = samples + :samples,
                  synops = synops + :synops, training_ms = training_ms + :ms
                where job_id = :job and period = :month\
                """)
            .param("epochs", work.epochs())
            .param("samples", work.samples())
            .param("synops", work.synops())
            .param("ms", work.trainingMs())
            .param("job", job)
            .param("month", month(now))
            .update();
    if (updated == 0) {
      insert(job, tenant, month(now), 0, work);
    }
  }

  private void insert(UUID job, String tenant, String month, int jobs, Work work) {
    jdbc.sql(
            """
            insert into job_usage (job_id, period, tenant, jobs, epochs, samples, synops, training_ms)
            values (?, ?, ?, ?, ?, ?, ?, ?)\
            """)
        .params(
            job,
            month,
            tenant,
            jobs,
            work.epochs(),
            work.samples(),
            work.synops(),
            work.trainingMs())
        .update();
  }

  private static String month(Instant time) {
    return YearMonth.from(time.atOffset(ZoneOffset.UTC)).toString();
  }

  /**
   * Lists usage by month and tenant, newest month first, of the tenants that the caller sees.
   *
   * @param month month as 2026-11; null for all
   */
  @Transactional(readOnly = true)
  public List<Usage> list(@Nullable YearMonth month) {
    return jdbc.sql(
            """
            select u.tenant, u.period, sum(u.jobs), sum(u.epochs), sum(u.samples), sum(u.synops),
              sum(u.training_ms), sum(u.bytes)
            from (
              select tenant, period, jobs, epochs, samples, synops, training_ms, cast(0 as bigint) as bytes
              from job_usage
              union all
              select tenant, period, 0, 0, 0, 0, 0, bytes from stored_usage
            ) u
            where (:all or u.tenant = :tenant) and (:any or u.period = :month)
            group by u.tenant, u.period order by u.period desc, u.tenant\
            """)
        .param("all", tenants.seeAll())
        .param("tenant", tenants.owner())
        .param("any", month == null)
        .param("month", month == null ? "" : month.toString())
        .query(
            (row, _) ->
                new Usage(
                    row.getString(1),
                    row.getString(2),
                    row.getLong(3),
                    row.getLong(4),
                    row.getLong(5),
                    row.getDouble(6),
                    row.getDouble(7) / 1000,
                    row.getLong(8)))
        .list();
  }

  /** Usage of the current month. */
  @Transactional(readOnly = true)
  public List<Usage> current() {
    return list(YearMonth.from(database.now().atOffset(ZoneOffset.UTC)));
  }

  /** Measures what every tenant stores now and keeps the largest value of the month. */
  void measure() {
    for (var tenant : owners()) {
      if (!measurement.goesOn()) {
        return;
      }
      var now = database.now();
      var bytes = quotas.storedBytes(tenant);
      var time = Database.time(now);
      int updated =
          jdbc.sql(
                  """
                  update stored_usage set bytes = greatest(bytes, ?), measured_at = ?
                  where tenant = ? and period = ?\
                  """)
              .params(bytes, time, tenant, month(now))
              .update();
      if (updated == 0) {
        jdbc.sql(
                "insert into stored_usage (tenant, period, bytes, measured_at) values (?, ?, ?, ?)")
            .params(tenant, month(now), bytes, time)
            .update();
      }
    }
  }

  private List<String> owners() {
    return jdbc.sql(
            "select tenant from job union select tenant from model union select tenant from dataset"
                + " union select tenant from sweep union select tenant from stored_usage")
        .query(String.class)
        .list();
  }

  @Override
  public void start() {
    measurement.start(this::measure);
  }

  @Override
  public void stop() {
    measurement.stop();
  }

  @Override
  public boolean isRunning() {
    return measurement.isRunning();
  }
}
