package dev.spikewise.job;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import dev.spikewise.store.Outage;
import dev.spikewise.tenant.Quotas;
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
 * A worker's side of the queue. Every method is a short transaction or, for several jobs, one per
 * job; every write asks first whether the lease still holds, and throws {@link Lease.Lost} where
 * the job was taken away.
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
    this.capacity = capacity;
    this.database = database;
    this.publisher = publisher;
    this.transactions = transactions;
    this.client = client;
    this.settings = settings;
  }

  /** A job to train, and all that its worker has to know. */
  record Claim(
      Lease lease,
      Job job,
      TrainingSpec spec,
      ModelSpec model,
      @Nullable Statistics baseline,
      Duration active,
      boolean suspect) {}

  /** Something of a job's row cannot be read. */
  private static final class UnreadableRow extends RuntimeException {
    private final UUID id;

    UnreadableRow(UUID id, RuntimeException cause) {
      super(cause);
      this.id = id;
    }
  }

  /** A suspect that waits for longer than so many rests has busy processes become idle for it. */
  private static final int PATIENCE = 10;

  /** The next job for a process that trains nothing else. */
  Optional<Claim> claim(String owner) {
    return claim(owner, true);
  }

  /**
   * The next job, skipping and failing those that cannot be read.
   *
   * @param idle whether the process trains nothing else, so that it may take a suspect
   */
  Optional<Claim> claim(String owner, boolean idle) {
    if (!idle
        && queue.hasSuspect(
            capacity.bytesPerJob(), database.now().minus(settings.rest().multipliedBy(PATIENCE)))) {
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

  private sealed interface Next {
    record Claimed(Claim claim) implements Next {}

    record Failed() implements Next {}

    record Nothing() implements Next {}
  }

  private Next claimNext(String owner, boolean idle) {
    var id = queue.lockNext(capacity.bytesPerJob(), quotas.tenantsAtWork(), idle);
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
            row.isSuspect()));
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

  /** Fails a job without reading it. */
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
   * Stores what was trained since the last call: epochs, the time it took, and perhaps a
   * checkpoint.
   */
  @Transactional
  void progress(
      Lease lease, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active) {
    progress(locked(lease), done, snapshot, active);
  }

  private Instant progress(
      JobRow row, List<EpochMetrics> done, @Nullable Snapshot snapshot, Duration active) {
    var now = database.now();
    if (!done.isEmpty()) {
      epochs.store(row.id(), done, row.epoch());
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

  /** How a worker's part in a job ended. */
  sealed interface End {
    /**
     * @param bestEpoch the epoch whose weights the job keeps; null for the last one
     */
    record Completed(Reason reason, @Nullable Integer bestEpoch) implements End {}

    /**
     * As the stored wish says: cancelled, paused, or (the worker was drained) back to the queue.
     */
    record Stopped() implements End {}

    record Failed(Reason reason, @Nullable String detail) implements End {}
  }

  /** Stores the last of a training together with how it ended. */
  @Transactional
  void finish(
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
          } else {
            row.become(JobState.QUEUED, Reason.WORKER_DRAINED, now);
          }
        }
      }
    }
    timeline.changed(row, from, now);
  }

  /** Takes the jobs back from workers that were not heard of; returns how many. */
  int reap() {
    return reap(database.now());
  }

  /** Takes all jobs back: right only where no other process can hold one. */
  int reapAll() {
    return reap(database.now().plus(settings.lease()).plusSeconds(1));
  }

  private int reap(Instant deadline) {
    int reaped = 0;
    for (var id : queue.findExpired(deadline)) {
      try {
        reaped += transactions.execute(_ -> reap(id, deadline)) ? 1 : 0;
      } catch (UnreadableRow e) {
        transactions.executeWithoutResult(_ -> fail(e.id, String.valueOf(e.getMessage())));
      }
    }
    return reaped;
  }

  private boolean reap(UUID id, Instant deadline) {
    if (!queue.lockExpired(id, deadline)) {
      // Renewed, or taken back by another process.
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
