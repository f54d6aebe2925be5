package dev.spikewise.retention;

import static java.util.Objects.requireNonNull;

import dev.spikewise.dataset.Datasets;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.store.Database;
import dev.spikewise.store.Outage;
import dev.spikewise.store.PeriodicRun;
import dev.spikewise.sweep.Sweeps;
import dev.spikewise.tenant.Audit;
import dev.spikewise.tenant.Tenants;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/**
 * Deletes expired resources, each in short transactions that first lock it and check again that it
 * is expired. Two processes that delete at the same time are therefore harmless, and a process that
 * dies leaves nothing half done except a job or sweep that had expired anyway: the next run goes on
 * with it.
 */
@Service
public class Retention {

  private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

  /** Number of resources that are looked up at a time. */
  private static final int BATCH = 100;

  /** Maximum number of epochs that one transaction deletes. */
  static final int EPOCHS_AT_ONCE = 2000;

  private final Expired expired;
  private final RetentionSettings settings;
  private final PeriodicRun run;
  private final Jobs jobs;
  private final Sweeps sweeps;
  private final Datasets datasets;
  private final Tenants tenants;
  private final Database database;
  private final JdbcClient client;
  private final TransactionOperations transactions;
  private final ApplicationEventPublisher publisher;

  Retention(
      Expired expired,
      RetentionSettings settings,
      PeriodicRun retentionRun,
      Jobs jobs,
      Sweeps sweeps,
      Datasets datasets,
      Tenants tenants,
      Database database,
      JdbcClient client,
      TransactionOperations transactions,
      ApplicationEventPublisher publisher) {
    this.expired = expired;
    this.settings = settings;
    this.run = retentionRun;
    this.jobs = jobs;
    this.sweeps = sweeps;
    this.datasets = datasets;
    this.tenants = tenants;
    this.database = database;
    this.client = client;
    this.transactions = transactions;
    this.publisher = publisher;
  }

  /** Returns what a run would delete now of the resources that the caller sees. */
  @Transactional(readOnly = true)
  public RetentionPlan plan() {
    var parts = new ArrayList<RetentionPlan.Part>();
    var now = database.now();
    for (var tenant : expired.tenants()) {
      for (var kind : RetentionKind.values()) {
        var kept = settings.of(tenant, kind);
        if (kept != null && tenants.sees(tenant)) {
          var before = now.minus(kept);
          var found = expired.measure(kind, tenant, before);
          parts.add(new RetentionPlan.Part(tenant, kind, before, found.count(), found.bytes()));
        }
      }
    }
    return new RetentionPlan(settings.deletes() ? run.nextAt() : null, parts);
  }

  /**
   * Deletes everything that is expired.
   *
   * @param goOn asked before each resource; false ends the run early
   * @return whether everything that was expired has been deleted
   */
  boolean run(BooleanSupplier goOn) {
    var now = database.now();
    boolean complete = true;
    for (var tenant : expired.tenants()) {
      for (var kind : RetentionKind.values()) {
        var kept = settings.of(tenant, kind);
        if (kept != null) {
          complete &= delete(new Search(kind, tenant, now.minus(kept)), goOn);
        }
      }
    }
    return complete;
  }

  private record Search(RetentionKind kind, String tenant, Instant before) {}

  private boolean delete(Search search, BooleanSupplier goOn) {
    var failed = new HashSet<String>();
    while (true) {
      var ids =
          expired.find(search.kind(), search.tenant(), search.before(), BATCH + failed.size());
      ids.removeAll(failed);
      if (ids.isEmpty()) {
        return failed.isEmpty();
      }
      for (var id : ids) {
        if (!goOn.getAsBoolean()) {
          return false;
        }
        if (!tryToDelete(search, id)) {
          failed.add(id);
        }
      }
    }
  }

  /** A resource that cannot be deleted must not keep the others. */
  private boolean tryToDelete(Search search, String id) {
    try {
      var bytes = delete(search, id);
      if (bytes != null) {
        publisher.publishEvent(new Removed(search.kind(), 1, bytes));
        new Audit("retention", search.tenant(), "service", "DELETE", path(search.kind(), id), 204)
            .log();
      }
      return true;
    } catch (RuntimeException e) {
      if (Outage.passes(e)) {
        throw e;
      }
      LOG.warn("Expired {} {} could not be deleted: {}", search.kind().word(), id, e.toString());
      return false;
    }
  }

  private static String path(RetentionKind kind, String id) {
    return "/api/v1/"
        + switch (kind) {
          case SWEEPS, JOBS, DATASETS -> kind.word() + "/" + id;
          case CHECKPOINTS, EPOCHS, EVENTS -> "jobs/" + id + "/" + kind.word();
        };
  }

  /** Returns the deleted bytes; null when the resource is no longer expired. */
  private @Nullable Long delete(Search search, String id) {
    return switch (search.kind()) {
      case SWEEPS -> deleteSweep(UUID.fromString(id), search);
      case JOBS -> {
        var job = UUID.fromString(id);
        yield deleteJob(job, () -> lock(search, job));
      }
      case CHECKPOINTS -> inLock(search, UUID.fromString(id), this::deleteCheckpoints);
      case EPOCHS -> {
        var job = UUID.fromString(id);
        @Nullable Long first = null;
        for (boolean more = true; more; ) {
          var deleted = new int[1];
          var bytes = inLock(search, job, _ -> deleted[0] = deleteEpochs(job));
          first = first == null ? bytes : first;
          more = bytes != null && deleted[0] == EPOCHS_AT_ONCE;
        }
        yield first;
      }
      case EVENTS ->
          inLock(
              search,
              UUID.fromString(id),
              job -> client.sql("delete from state_change where job_id = ?").param(job).update());
      case DATASETS -> inLock(search, id, dataset -> datasets.delete(dataset, IfMatch.NONE));
    };
  }

  private interface Deletion<T> {
    void delete(T id);
  }

  private <T> @Nullable Long inLock(Search search, T id, Deletion<T> deletion) {
    return requireNonNull(
            transactions.execute(
                _ -> {
                  var bytes = Optional.ofNullable(lock(search, id));
                  if (bytes.isPresent()) {
                    deletion.delete(id);
                  }
                  return bytes;
                }))
        .orElse(null);
  }

  private @Nullable Long lock(Search search, Object id) {
    return expired.lock(search.kind(), id, search.before());
  }

  private @Nullable Long deleteSweep(UUID sweep, Search search) {
    @Nullable Long size = inLock(search, sweep, _ -> {});
    if (size == null) {
      return null;
    }
    for (var job : jobs(sweep)) {
      if (deleteJob(job, () -> lock(search, sweep)) == null) {
        return null;
      }
    }
    return inLock(search, sweep, id -> sweeps.delete(id, IfMatch.NONE)) == null ? null : size;
  }

  private List<UUID> jobs(UUID sweep) {
    return client
        .sql("select job_id from sweep_job where sweep_id = ? and job_id is not null")
        .param(sweep)
        .query(UUID.class)
        .list();
  }

  /**
   * Deletes a job, with few of its epochs at a time. Its checkpoints go first: a job that is
   * resumed in between then starts again from its first epoch and has no gap.
   *
   * @param lock locks the job, or its sweep, and returns null when it is no longer expired
   */
  private @Nullable Long deleteJob(UUID job, Supplier<@Nullable Long> lock) {
    @Nullable Long size = null;
    while (true) {
      var gone = new boolean[1];
      @Nullable Long bytes =
          transactions.execute(
              _ -> {
                var locked = lock.get();
                if (locked != null) {
                  deleteCheckpoints(job);
                  gone[0] = deleteEpochs(job) < EPOCHS_AT_ONCE;
                  if (gone[0]) {
                    jobs.delete(job, IfMatch.NONE);
                  }
                }
                return locked;
              });
      if (bytes == null) {
        return null;
      }
      size = Objects.requireNonNullElse(size, bytes);
      if (gone[0]) {
        return size;
      }
    }
  }

  private void deleteCheckpoints(UUID job) {
    client.sql("delete from checkpoint where job_id = ?").param(job).update();
  }

  private int deleteEpochs(UUID job) {
    return client
        .sql(
            """
            delete from epoch where job_id = :job and epoch in
              (select epoch from epoch where job_id = :job order by epoch limit :limit)\
            """)
        .param("job", job)
        .param("limit", EPOCHS_AT_ONCE)
        .update();
  }
}
