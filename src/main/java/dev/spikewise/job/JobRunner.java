package dev.spikewise.job;

import static java.util.Objects.requireNonNull;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.job.Leases.End;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.TrainingListener;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.DamagedContentException;
import dev.spikewise.store.Outage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains one claimed job on the calling thread, from its last checkpoint to its end or to a cancel,
 * pause or shutdown request. When the lease may have expired it stops training and lets the
 * database accept or refuse its last write. When the lease is lost it writes nothing.
 */
final class JobRunner {

  private static final Logger LOG = LoggerFactory.getLogger(JobRunner.class);

  static final String OUT_OF_MEMORY =
      "the training needs more memory than the worker has: use a smaller batch_size or"
          + " activation_checkpointing, or give the worker a larger heap";

  private final Leases.Claim claim;
  private final Leases leases;
  private final Checkpoints checkpoints;
  private final Inputs inputs;
  private final Provenances provenances;
  private final JobSettings settings;
  private final long startedAt = System.nanoTime();
  private volatile long leaseEndsAt;
  private volatile boolean stopping;
  private volatile boolean lost;
  private volatile boolean alone;

  /** Other processes may wait for this one in the middle of a batch: they end with it. */
  private boolean stranded;

  JobRunner(
      Leases.Claim claim,
      long claimedAt,
      Leases leases,
      Checkpoints checkpoints,
      Inputs inputs,
      Provenances provenances,
      JobSettings settings) {
    this.claim = claim;
    this.leases = leases;
    this.checkpoints = checkpoints;
    this.inputs = inputs;
    this.provenances = provenances;
    this.settings = settings;
    this.alone = claim.suspect();
    renewed(claimedAt);
  }

  /**
   * Whether the job must be the only one in this process: it is a suspect that has not completed a
   * new epoch.
   */
  boolean isAlone() {
    return alone;
  }

  Lease lease() {
    return claim.lease();
  }

  /**
   * Records that the lease was renewed by a statement sent at {@code nanoTime}. It is valid for at
   * least one lease duration from then.
   */
  void renewed(long nanoTime) {
    leaseEndsAt = nanoTime + settings.lease().toNanos();
  }

  /**
   * Stops the training after the current layer. The stored state decides whether the job is
   * cancelled, paused or queued again.
   */
  void stop() {
    stopping = true;
  }

  /** Records that the job is no longer leased to this worker. */
  void lose() {
    lost = true;
  }

  /** Whether the lease is lost or may have expired. */
  boolean isLost() {
    // Counts the lease as expired a quarter early: this clock may be slower than the database's,
    // and a last write takes time.
    return lost || System.nanoTime() - leaseEndsAt > -settings.lease().toNanos() / 4;
  }

  /** Whether the lease has to be renewed. */
  boolean isDue() {
    return leaseEndsAt - System.nanoTime() < settings.lease().toNanos() * 5 / 6;
  }

  private boolean isOverdue() {
    var most = claim.spec().maxRuntimeSeconds();
    // Called after every layer, so it must not query the database.
    return most != null
        && claim.active().toNanos() + System.nanoTime() - startedAt
            > TimeUnit.SECONDS.toNanos(most);
  }

  void run() {
    boolean finished = false;
    try (var journal = new Journal(leases, claim.lease(), settings.flush(), this::lose)) {
      var ending = train(journal);
      journal.close();
      finished = finish(journal, ending);
    } catch (Lease.Lost e) {
      lose();
    }
    if (stranded) {
      WideTraining.current().ifPresent(WideTraining::abort);
    }
    // A job that has just ended also has no lease, which a heartbeat may report as lost.
    if (!finished) {
      LOG.warn(
          "Lost the lease of job {}; the next worker resumes it from its last checkpoint",
          claim.job().id());
    }
  }

  /**
   * Stores the result, and retries for as long as the database does not respond: the result remains
   * valid until another worker claims the job. Returns false when the lease is lost.
   */
  private boolean finish(Journal journal, Ending ending) {
    boolean tried = false;
    while (!lost) {
      try {
        journal.finish(ending.snapshot(), ending.end());
        return true;
      } catch (Lease.Lost e) {
        if (tried) {
          LOG.info(
              "Job {} is no longer leased to this worker: its end was stored just before the"
                  + " database went away, or it was taken back",
              claim.job().id());
          return true;
        }
        throw e;
      } catch (RuntimeException e) {
        if (!Outage.passes(e)) {
          LOG.error("The result of job {} cannot be stored", claim.job().id(), e);
          return false;
        }
        tried = true;
        LOG.warn(
            "The result of job {} could not be stored and will be retried: {}",
            claim.job().id(),
            e.toString());
        pause();
      }
    }
    return false;
  }

  private void pause() {
    try {
      Thread.sleep(settings.flush());
    } catch (InterruptedException e) {
      // A shutdown does not cancel the last write, whose retries end with the lease.
      stopping = true;
    }
  }

  /**
   * @param snapshot state of the training at its end; null when the last epoch is incomplete
   */
  private record Ending(End end, @Nullable Snapshot snapshot) {
    static Ending failed(Reason reason, @Nullable String detail) {
      return new Ending(new End.Failed(reason, detail), null);
    }
  }

  private Ending train(Journal journal) {
    while (true) {
      try (var engine = engine()) {
        return train(engine, journal);
      } catch (Lease.Lost e) {
        throw e;
      } catch (InvalidSpecException e) {
        return Ending.failed(Reason.INVALID_SPEC, e.getMessage());
      } catch (DamagedContentException e) {
        stranded = true;
        LOG.error("Job {} failed because of a damaged content", claim.job().id(), e);
        return Ending.failed(Reason.UNREADABLE, e.getMessage());
      } catch (OutOfMemoryError e) {
        stranded = true;
        LOG.error("Job {} ran out of memory", claim.job().id(), e);
        return Ending.failed(Reason.OUT_OF_MEMORY, OUT_OF_MEMORY);
      } catch (RuntimeException | Error e) {
        // This thread reads only the training's inputs; the journal stores epochs on its own
        // thread.
        if (!Outage.passes(e)) {
          stranded = true;
          LOG.error("Job {} failed with an internal error", claim.job().id(), e);
          return Ending.failed(
              Reason.INTERNAL_ERROR,
              "the training failed with an internal error: look for the job's id in the service's"
                  + " log, job "
                  + claim.job().id());
        }
        LOG.warn(
            "Job {} could not be read and will be retried: {}", claim.job().id(), e.toString());
        pause();
        if (stopping || isLost()) {
          return new Ending(new End.Stopped(), null);
        }
      }
    }
  }

  private Engine engine() {
    return WideTraining.engineOfProcess(settings.threads());
  }

  private Ending train(Engine engine, Journal journal) {
    var job = claim.job();
    var dataset = inputs.dataset(claim.spec().input());
    var weights = checkpoints.initial(job.id()).map(Checkpoint::weights).orElse(null);
    var checkpoint = checkpoints.latest(job.id()).orElse(null);
    var task =
        new WideTraining.Task(
            claim.spec(),
            claim.model(),
            weights,
            claim.baseline(),
            checkpoint,
            dataset,
            Inputs.trained(Inputs.teacher(claim.spec(), inputs::model)));
    var wide = WideTraining.current();
    wide.ifPresent(all -> all.begin(task, settings.threads()));
    Trainer trainer;
    try {
      trainer = task.trainer(engine);
    } catch (InvalidSpecException e) {
      // So it is in all processes.
      wide.ifPresent(all -> all.start(false));
      throw e;
    }
    try {
      begin(trainer, task, engine);
    } catch (RuntimeException e) {
      wide.ifPresent(all -> all.start(false));
      throw e;
    }
    wide.ifPresent(all -> all.start(true));
    var training = new Training(trainer, journal);
    var outcome = trainer.run(training);
    var latest = trainer.latest();
    var snapshot =
        training.epochBegun || latest == null ? null : new Snapshot(trainer.checkpoint(), latest);
    return new Ending(end(outcome, trainer, isOverdue() ? claim.spec() : null), snapshot);
  }

  /** Stores that the job has started, and brings the trainer to where it goes on. */
  private void begin(Trainer trainer, WideTraining.Task task, Engine engine) {
    if (claim.baseline() == null) {
      // The request that submitted the job did not measure the baseline because it takes too long.
      var mistakes = new Mistakes();
      Trainer.checkTargets(claim.spec(), claim.model(), trainer.baseline(), mistakes);
      mistakes.throwIfAny();
    }
    leases.started(
        claim.lease(),
        new Start(
            trainer.targetSynops(),
            trainer.baseline(),
            provenances.of(
                claim.spec(),
                task.weights(),
                task.dataset(),
                inputs.classNames(claim.spec().input()),
                engine),
            Inputs.samplesPerEpoch(claim.spec(), task.dataset()),
            (double) trainer.baseline().nSpikingNeurons() * claim.spec().timeSteps()));
    if (task.checkpoint() != null) {
      trainer.restore(task.checkpoint());
    }
  }

  /**
   * @param overdue spec of a training that took longer than it allows; null for any other
   */
  static End end(Trainer.Outcome outcome, Trainer trainer, @Nullable TrainingSpec overdue) {
    int epoch = trainer.epoch();
    Integer best = trainer.bestEpoch();
    return switch (outcome) {
      case COMPLETED -> new End.Completed(Reason.COMPLETED, best);
      case TARGET_MET -> new End.Completed(Reason.TARGET_MET, best);
      case NO_IMPROVEMENT -> new End.Completed(Reason.EARLY_STOPPED, best);
      case STOPPED ->
          overdue != null
              ? new End.Failed(
                  Reason.MAX_RUNTIME_EXCEEDED,
                  "max_runtime_seconds of "
                      + overdue.maxRuntimeSeconds()
                      + " elapsed after epoch "
                      + epoch)
              : new End.Stopped();
      case DIVERGED ->
          new End.Failed(
              Reason.DIVERGED,
              "the loss, the weights or a metric are not finite after epoch "
                  + epoch
                  + ": use a lower learning rate or smaller input values");
      case NETWORK_SILENT ->
          new End.Failed(
              Reason.NETWORK_SILENT,
              "no neuron fires after epoch "
                  + epoch
                  + " and no gradient can wake one: the target may be too low");
    };
  }

  /** Receives completed epochs from the engine and tells it when to stop. */
  private final class Training implements TrainingListener {

    private final Trainer trainer;
    private final Journal journal;

    /** Whether an epoch has begun and is not complete. */
    private boolean epochBegun;

    Training(Trainer trainer, Journal journal) {
      this.trainer = trainer;
      this.journal = journal;
    }

    @Override
    public void onEpoch(EpochMetrics metrics) {
      epochBegun = false;
      alone = false;
      int complete = metrics.epoch() + 1;
      var spec = claim.spec();
      boolean due =
          complete % spec.checkpointEveryEpochs() == 0
              && complete < spec.epochs()
              && journal.wantsSnapshot();
      try {
        journal.add(
            metrics,
            due ? new Snapshot(trainer.checkpoint(), requireNonNull(trainer.latest())) : null);
      } catch (InterruptedException e) {
        stop();
      }
    }

    @Override
    public boolean keepGoing() {
      var pauseAfter = claim.pauseAfter();
      boolean paused = pauseAfter != null && trainer.epoch() >= pauseAfter;
      boolean go = !paused && !stopping && !isLost() && !isOverdue();
      epochBegun |= go;
      return go;
    }
  }
}
