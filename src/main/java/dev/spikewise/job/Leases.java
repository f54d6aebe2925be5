package dev.spikewise.job;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import dev.spikewise.store.Outage;
import dev.spikewise.tenant.Quotas;
import dev.spikewise.tenant.Usages;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/**
 * The queue operations of workers. Every method runs one short transaction, or one per job. Every
 * write first checks that the lease is still valid and throws {@link Lease.Lost} otherwise.
 */
@Component
class Leases {

  private static final Logger LOG = LoggerFactory.getLogger(Leases.class);

  private final JobRepository jobs;
  private final EpochRepository epochs;
  private final Checkpoints checkpoints;
  private final Timeline timeline;
  private final Documents documents;
  private final JobQueue queue;
  private final Quotas quotas;
  private final Usages usages;
  private final Capacity capacity;
  private final Database database;
  private final ApplicationEventPublisher publisher;
  private final TransactionOperations transactions;
  private final JdbcClient client;
  private final JobSettings settings;

  Leases(
      JobRepository jobs,
      EpochRepository epochs,
      Checkpoints checkpoints,
      Timeline timeline,
      Documents documents,
      JobQueue queue,
      Quotas quotas,
      Usages usages,
      Capacity capacity,
      Database database,
      ApplicationEventPublisher publisher,
      TransactionOperations transactions,
      JdbcClient client,
      JobSettings settings) {
    this.jobs = jobs;
    this.epochs = epochs;
    this.checkpoints = checkpoints;
    this.timeline = timeline;
    this.documents = documents;
    this.queue = queue;
    this.quotas = quotas;
    this.usages = usages;
    this.capacity = capacity;
    this.database = database;
    this.publisher = publisher;
    this.transactions = transactions;
    this.client = client;
    this.settings = settings;
  }

  /** A claimed job and everything that its worker needs to train it. */
  record Claim(
      Lease lease,
      Job job,
      TrainingSpec spec,
      ModelSpec model,
      @Nullable Statistics baseline,
      Duration active,
      boolean suspect,
      @Nullable Integer pauseAfter) {}

  /** The content of a job's row cannot be read. */
  private static final class UnreadableRow extends RuntimeException {
    private final UUID id;

    UnreadableRow(UUID id, RuntimeException cause) {
      super(cause);
      this.id = id;
    }
  }

  /**
   * Number of waiting times after which busy processes stop claiming other jobs, so that one of
   * them becomes idle and can claim a suspect job.
   */
  private static final int PATIENCE = 10;

  /** Claims the next job for an idle process. */
  Optional<Claim> claim(String owner) {
    return claim(owner, true);
  }

  /**
   * Claims the next job. Jobs whose rows cannot be read are failed and skipped.
   *
   * @param idle whether the process trains no other job, so that it may claim a suspect job
   */
  Optional<Claim> claim(String owner, boolean idle) {
    if (!idle
        && queue.hasSuspect(room(), database.now().minus(settings.rest().multipliedBy(PATIENCE)))) {
      return Optional.empty();
    }
    while (true) {
      try {
        var claimed = transactions.execute(_ -> claimNext(owner, idle));
        if (claimed instanceof Next.Claimed(var claim)) {
          return Optional.of(claim);
        }
        if (claimed instanceof Next.Nothing) {
          return Optional.empty();
        }
      } catch (UnreadableRow e) {
        transactions.executeWithoutResult(_ -> fail(e.id, String.valueOf(e.getMessage())));
      }
    }
  }

  private JobQueue.Room room() {
    return new JobQueue.Room(capacity.bytesPerJob(), capacity.ranks(), capacity.version());
  }

  private sealed interface Next {
    record Claimed(Claim claim) implements Next {}

    record Failed() implements Next {}

    record Nothing() implements Next {}
  }

  private Next claimNext(String owner, boolean idle) {
    var id = queue.lockNext(room(), quotas.tenantsAtWork(), idle);
    if (id.isEmpty()) {
      return new Next.Nothing();
    }
    var row = read(id.get());
    var now = database.now();
    TrainingSpec spec;
    ModelSpec model;
    @Nullable Statistics baseline;
    try {
      spec = documents.spec(row.documents());
      model = documents.model(row.documents(), spec);
      baseline = documents.baseline(row.id()).orElse(null);
    } catch (RuntimeException e) {
      if (Outage.passes(e)) {
        throw e;
      }
      row.fail(Reason.UNREADABLE, unreadable(e), now);
      timeline.changed(row, JobState.QUEUED, now);
      return new Next.Failed();
    }
    var waited = Duration.between(row.updatedAt(), now);
    var lease = row.claim(owner, now, settings.lease());
    timeline.claimed(row, checkpoints.latestEpoch(row.id()), now);
    publisher.publishEvent(new JobEvent.Claimed(row.toJob(null), waited));
    return new Next.Claimed(
        new Claim(
            lease,
            row.toJob(null, spec, baseline),
            spec,
            model,
            baseline,
            row.active(),
            row.isSuspect(),
            row.pauseAfter()));
  }

  private JobRow read(UUID id) {
    try {
      return jobs.findById(id).orElseThrow();
    } catch (RuntimeException e) {
      throw Outage.passes(e) ? e : new UnreadableRow(id, e);
    }
  }

  private static String unreadable(RuntimeException e) {
    return e.getMessage() + "; submit the job again";
  }

  /** Marks a job as failed without reading its row. */
  private void fail(UUID id, String why) {
    var now = Database.time(database.now());
    int failed =
        client
            .sql(
                """
                update job set status = 'FAILED', reason = 'UNREADABLE', error_detail = :why,
                  version = version + 1, updated_at = :now, finished_at = :now, lease_owner = null,
                  lease_until = null, latest = null, verdict = null, provenance = null
                where id = :id and status not in ('SUCCEEDED', 'FAILED', 'CANCELLED')\
                """)
            .param("why", why.substring(0, Math.min(why.length(), 2000)))
            .param("now", now)
            .param("id", id)
            .update();
    if (failed > 0) {
      LOG.error("Job {} failed because its row cannot be read: {}", id, why);
    }
  }

  @Transactional
  void started(Lease lease, Start start) {
    var row = locked(lease);
    row.started(start);
    documents.setBaseline(row.id(), start.baseline());
  }

  /**
   * Stores the epochs completed since the last call, their training time and, if given, a
   * checkpoint.
   */
  void progress(
      Lease lease, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active) {
    upload(snapshot);
    transactions.executeWithoutResult(_ -> progress(locked(lease), done, snapshot, active));
  }

  /**
   * Writes the content of a checkpoint if it belongs outside the database.
   *
   * @throws dev.spikewise.store.ObjectStoreException when it cannot be written at present
   */
  void upload(@Nullable Snapshot snapshot) {
    if (snapshot != null && snapshot.checkpoint().epoch() > 0) {
      checkpoints.upload(snapshot);
    }
  }

  private Instant progress(
      JobRow row, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active) {
    var now = database.now();
    if (!done.isEmpty()) {
      epochs.store(row.id(), done, row.epoch());
      count(row, done, now);
    }
    row.progressed(done, active, now);
    if (snapshot != null && snapshot.checkpoint().epoch() > 0) {
      checkpoints.save(row.id(), snapshot, now);
    }
    if (!done.isEmpty()) {
      publisher.publishEvent(
          new JobEvent.EpochsCompleted(row.toJob(null), done, row.samples(), row.neuronSteps()));
    }
    return now;
  }

  /** Counts the epochs that this attempt has not stored before. */
  private void count(JobRow row, List<EpochMetrics> done, Instant now) {
    var added = done.stream().filter(metrics -> metrics.epoch() >= row.epoch()).toList();
    if (!added.isEmpty()) {
      usages.trained(
          row.id(),
          row.tenant(),
          now,
          new Usages.Work(
              added.size(),
              added.size() * row.samples(),
              added.stream().mapToDouble(EpochMetrics::synops).sum() * row.samples(),
              added.stream().mapToDouble(EpochMetrics::durationMs).sum()));
    }
  }

  /** Outcome of a worker's training of a job. */
  sealed interface End {
    /**
     * @param bestEpoch number of the epoch whose weights the job keeps; null for the last one
     */
    record Completed(Reason reason, @Nullable Integer bestEpoch) implements End {}

    /**
     * Stopped on request or after the epochs of a rung: the job becomes cancelled or paused, or is
     * queued again when the worker shuts down.
     */
    record Stopped() implements End {}

    record Failed(Reason reason, @Nullable String detail) implements End {}
  }

  /** Stores the last epochs of a training together with its outcome. */
  void finish(
      Lease lease, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active, End end) {
    upload(snapshot);
    transactions.executeWithoutResult(_ -> store(lease, done, snapshot, active, end));
  }

  private void store(
      Lease lease, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active, End end) {
    var row = locked(lease);
    var now = progress(row, done, snapshot, active);
    var from = row.status();
    if (from == JobState.CANCELLING) {
      row.become(JobState.CANCELLED, Reason.REQUESTED, now);
    } else {
      switch (end) {
        case End.Completed(var reason, var best) -> {
          if (best != null) {
            row.keep(epochs.find(row.id(), best - 1, 1).getFirst());
          }
          row.succeed(reason, documents.spec(row.documents()).gates(), now);
        }
        case End.Failed(var reason, var detail) -> row.fail(reason, detail, now);
        case End.Stopped() -> {
          if (from == JobState.PAUSING) {
            row.become(JobState.PAUSED, Reason.REQUESTED, now);
          } else if (row.hasReachedPause()) {
            row.become(JobState.PAUSED, Reason.RUNG_COMPLETED, now);
          } else {
            row.become(JobState.QUEUED, Reason.WORKER_DRAINED, now);
          }
        }
      }
    }
    timeline.changed(row, from, now);
  }

  /** Reclaims jobs from workers whose lease expired; returns their number. */
  int reapExpired() {
    return reapExpired(database.now());
  }

  /** Reclaims all leased jobs. Valid only when no other process can hold a lease. */
  int reapAll() {
    return reapExpired(database.now().plus(settings.lease()).plusSeconds(1));
  }

  private int reapExpired(Instant deadline) {
    int reaped = 0;
    for (var id : queue.findExpired(deadline)) {
      try {
        reaped += transactions.execute(_ -> reapExpired(id, deadline)) ? 1 : 0;
      } catch (UnreadableRow e) {
        transactions.executeWithoutResult(_ -> fail(e.id, String.valueOf(e.getMessage())));
      }
    }
    return reaped;
  }

  private boolean reapExpired(UUID id, Instant deadline) {
    if (!queue.lockExpired(id, deadline)) {
      // The lease has been renewed, or another process reclaims the job.
      return false;
    }
    var row = read(id);
    var now = database.now();
    var from = row.status();
    if (from == JobState.CANCELLING) {
      row.become(JobState.CANCELLED, Reason.REQUESTED, now);
    } else if (from == JobState.PAUSING) {
      row.become(JobState.PAUSED, Reason.REQUESTED, now);
    } else if (row.lost(now, settings.rest()) < settings.maxLosses()) {
      row.become(JobState.QUEUED, Reason.WORKER_LOST, now);
    } else {
      row.fail(
          Reason.WORKER_LOST,
          "The process died "
              + settings.maxLosses()
              + " times in a row while it trained this job and nothing else, before a new epoch was"
              + " complete.",
          now);
    }
    timeline.changed(row, from, now);
    publisher.publishEvent(new JobEvent.LeaseExpired(row.toJob(null)));
    return true;
  }

  private JobRow locked(Lease lease) {
    return jobs.lockLeased(lease.jobId(), lease.owner(), lease.fence())
        .orElseThrow(
            () -> {
              publisher.publishEvent(new FencedWrite(lease.jobId()));
              return new Lease.Lost(lease);
            });
  }
}
