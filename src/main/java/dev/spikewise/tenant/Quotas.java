package dev.spikewise.tenant;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.tenant.QuotaSettings.Quota;
import java.util.ArrayList;
import java.util.List;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;

/**
 * Enforces the quotas of tenants. Usage is counted in the database on every check, so that no
 * counter can go out of step. A check locks the tenant until the end of its transaction, so that
 * concurrent requests cannot exceed a quota together.
 */
@Component
public class Quotas {

  /** Number of rows in the table quota_lock. */
  private static final int LOCKS = 32;

  private final JdbcClient jdbc;
  private final QuotaSettings settings;

  Quotas(JdbcClient jdbc, QuotaSettings settings) {
    this.jdbc = jdbc;
    this.settings = settings;
  }

  /**
   * Checks that {@code tenant} may queue one more job.
   *
   * @param epochs number of epochs of the job
   * @throws ProblemException with QUOTA_EXCEEDED
   */
  @Transactional(propagation = Propagation.MANDATORY)
  public void requireJob(String tenant, int epochs) {
    var queued = settings.of(tenant, Quota::jobsQueued);
    var most = settings.of(tenant, Quota::epochs);
    if (queued != null || most != null) {
      lock(tenant);
    }
    if (queued != null) {
      require(
          count("select count(*) from job where tenant = ? and status = 'QUEUED'", tenant) < queued,
          "%d jobs are queued, the most that spikewise.quotas.jobs-queued allows: cancel some or wait until they start"
              .formatted(queued));
    }
    if (most != null) {
      long pending =
          count(
              """
              select coalesce(sum(epochs - epoch), 0) from job
              where tenant = ? and status not in ('SUCCEEDED', 'FAILED', 'CANCELLED')\
              """,
              tenant);
      require(
          pending + epochs <= most,
          "%d epochs are queued or running; the %d of this job would exceed the %d that spikewise.quotas.epochs allows"
              .formatted(pending, epochs, most));
    }
    requireBytes(tenant, 0);
  }

  /**
   * Checks that {@code tenant} may store {@code bytes} more bytes.
   *
   * @throws ProblemException with QUOTA_EXCEEDED
   */
  @Transactional(propagation = Propagation.MANDATORY)
  public void requireBytes(String tenant, long bytes) {
    var most = settings.of(tenant, Quota::storedBytes);
    if (most == null) {
      return;
    }
    lock(tenant);
    long stored = storedBytes(tenant);
    require(
        bytes == 0 ? stored < most.toBytes() : stored + bytes <= most.toBytes(),
        "%d bytes are stored; %d more would exceed the %s that spikewise.quotas.stored-bytes allows: delete data sets or models"
            .formatted(stored, bytes, most));
  }

  /** Size of what {@code tenant} stores: data sets, weights, checkpoints and documents. */
  @Transactional(readOnly = true)
  public long storedBytes(String tenant) {
    return count(
            "select coalesce(sum(octet_length(npz)), 0) from model_weights w join model m on"
                + " m.id = w.model_id where m.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(octet_length(content)), 0) from dataset_chunk c join dataset d"
                + " on d.id = c.dataset_id where d.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(octet_length(content)), 0) from checkpoint c join job j on"
                + " j.id = c.job_id where j.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(o.bytes), 0) from stored_object o join model_weights w on"
                + " w.object_id = o.id join model m on m.id = w.model_id where m.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(o.bytes), 0) from stored_object o join dataset_file f on"
                + " f.object_id = o.id join dataset d on d.id = f.dataset_id where d.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(o.bytes), 0) from stored_object o join checkpoint c on"
                + " c.object_id = o.id join job j on j.id = c.job_id where j.tenant = ?",
            tenant)
        + count(
            "select coalesce(sum(octet_length(content)), 0) from job_weights where tenant = ?",
            tenant)
        + count("select coalesce(sum(bytes), 0) from job_spec where tenant = ?", tenant)
        + count("select coalesce(sum(bytes), 0) from job_model where tenant = ?", tenant)
        + count(
            "select coalesce(sum(octet_length(definition)), 0) from model where tenant = ?",
            tenant);
  }

  /** Tenants that have reached their quota of running jobs. */
  public List<String> tenantsAtWork() {
    if (!settings.limitsRunning()) {
      return List.of();
    }
    var full = new ArrayList<>(settings.tenantsWithoutWork());
    jdbc.sql(
            """
            select tenant, count(*) from job where status in ('RUNNING', 'PAUSING', 'CANCELLING')
            group by tenant\
            """)
        .query(
            row -> {
              var most = settings.of(row.getString(1), Quota::jobsRunning);
              if (most != null && row.getInt(2) >= most) {
                full.add(row.getString(1));
              }
            });
    return full;
  }

  private void lock(String tenant) {
    jdbc.sql("select id from quota_lock where id = ? for update")
        .param(Math.floorMod(tenant.hashCode(), LOCKS))
        .query(Integer.class)
        .single();
  }

  private long count(String sql, String tenant) {
    return jdbc.sql(sql).param(tenant).query(Long.class).single();
  }

  private static void require(boolean holds, String detail) {
    if (!holds) {
      throw new ProblemException(Code.QUOTA_EXCEEDED, detail);
    }
  }
}
