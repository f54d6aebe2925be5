package dev.spikewise.job;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.store.Database;
import dev.spikewise.tenant.Quotas;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

/**
 * A worker's side of the queue. Every method is one short transaction; every write asks first
 * whether the lease still holds, and throws {@link Lease.Lost} where the job was taken away.
 */
@Component
class Leases {

  private final JobRepository jobs;
  private final EpochRepository epochs;
  private final Checkpoints checkpoints;
  private final Timeline timeline;
  private final Inputs inputs;
  private final Quotas quotas;
  private final Capacity capacity;
  private final Database database;
  private final ApplicationEventPublisher publisher;
  private final JobSettings settings;

  Leases(
      JobRepository jobs,
      EpochRepository epochs,
      Checkpoints checkpoints,
      Timeline timeline,
      Inputs inputs,
      Quotas quotas,
      Capacity capacity,
      Database database,
      ApplicationEventPublisher publisher,
      JobSettings settings) {
    this.jobs = jobs;
    this.epochs = epochs;
    this.checkpoints = checkpoints;
    this.timeline = timeline;
    this.inputs = inputs;
    this.quotas = quotas;
    this.capacity = capacity;
    this.database = database;
    this.publisher = publisher;
    this.settings = settings;
  }

  /** A job to train, and all that its worker has to know. */
  record Claim(
      Lease lease, Job job, ModelSpec model, @Nullable Statistics baseline, Duration active) {}

  @Transactional
  Optional<Claim> claim(String owner) {
    var full = quotas.tenantsAtWork();
    long memory = capacity.bytesPerJob();
    return (full.isEmpty() ? jobs.lockNext(memory) : jobs.lockNextOfOthers(memory, full))
        .map(
            row -> {
              var now = database.now();
              var waited = Duration.between(row.updatedAt(), now);
              var lease = row.claim(owner, now, settings.lease());
              timeline.claimed(row, checkpoints.latestEpoch(row.id()), now);
              var job = row.toJob(null);
              publisher.publishEvent(new JobEvent.Claimed(job, waited));
              return new Claim(lease, job, row.model(), row.baseline(), row.active());
            });
  }

  @Transactional
  void started(
      Lease lease, @Nullable Double targetSynops, Statistics baseline, Provenance provenance) {
    locked(lease).started(targetSynops, baseline, provenance);
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
          new JobEvent.EpochsCompleted(row.toJob(null), done, inputs.samplesPerEpoch(row.spec())));
    }
    return now;
  }

  /** How a worker's part in a job ended. */
  sealed interface End {
    record Completed(Reason reason) implements End {}

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
        case End.Completed(var reason) -> row.succeed(reason, now);
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
  @Transactional
  int reap() {
    return reap(database.now());
  }

  /** Takes all jobs back: right only where no other process can hold one. */
  @Transactional
  int reapAll() {
    return reap(database.now().plus(settings.lease()).plusSeconds(1));
  }

  private int reap(Instant deadline) {
    var expired = jobs.lockExpired(deadline);
    for (var row : expired) {
      var now = database.now();
      var from = row.status();
      if (from == JobState.CANCELLING) {
        row.become(JobState.CANCELLED, Reason.REQUESTED, now);
      } else if (from == JobState.PAUSING) {
        row.become(JobState.PAUSED, Reason.REQUESTED, now);
      } else if (row.lost() < settings.maxLosses()) {
        row.become(JobState.QUEUED, Reason.WORKER_LOST, now);
      } else {
        row.fail(
            Reason.WORKER_LOST,
            settings.maxLosses() + " workers in a row were lost while training this job",
            now);
      }
      timeline.changed(row, from, now);
      publisher.publishEvent(new JobEvent.LeaseExpired(row.toJob(null)));
    }
    return expired.size();
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
