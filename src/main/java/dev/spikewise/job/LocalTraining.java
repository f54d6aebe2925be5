package dev.spikewise.job;

import static java.util.Objects.requireNonNullElse;

import dev.spikewise.dataset.LocalDatasets;
import dev.spikewise.job.Leases.End;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.TrainingListener;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.StandardEnvironment;
import tools.jackson.databind.json.JsonMapper;

/**
 * Trains one job on the calling thread of a process without a database: nothing of it is stored,
 * and its result is the one a worker of the service computes.
 */
public final class LocalTraining {

  private static final Logger LOG = LoggerFactory.getLogger(LocalTraining.class);

  private final TrainingSpec spec;
  private final LocalDatasets.Local dataset;
  private final Provenances provenances;
  private final UUID id = UUID.randomUUID();
  private final Instant createdAt = Instant.now();
  private volatile boolean stopping;
  private @Nullable Instant startedAt;
  private @Nullable Start start;
  private @Nullable EpochMetrics latest;
  private Job.@Nullable Best bests;
  private int epochs;
  private @Nullable StateDict weights;

  /**
   * Checks everything that the service checks of a submitted job, except limits of its own.
   *
   * @param files of the data set, by the name of their part; empty for none
   * @param mapper writes a spec as the service does, for its hash
   * @param version of this program
   * @throws InvalidSpecException with everything that keeps the spec from being trained
   */
  public LocalTraining(
      TrainingSpec spec, Map<String, Path> files, JsonMapper mapper, String version) {
    this.spec = spec;
    provenances = new Provenances(mapper, version);
    dataset = LocalJobs.check(spec, files);
  }

  /** Ends the training at its next layer, as a request to cancel it does. */
  public void stop() {
    stopping = true;
  }

  /** The trained weights as .npz; null unless the training ended with a complete epoch. */
  public byte @Nullable [] weights() {
    return weights == null ? null : Checkpoints.npz(weights.tensors());
  }

  public UUID id() {
    return id;
  }

  /**
   * Trains.
   *
   * @param progress receives the job at the start and after each epoch
   * @return the job at its end
   * @throws InvalidSpecException where the baseline shows that a target cannot be met
   */
  public Job run(Consumer<Job> progress) {
    var settings =
        Binder.get(new StandardEnvironment()).bindOrCreate("spikewise.jobs", JobSettings.class);
    int threads = settings.threads();
    startedAt = Instant.now();
    try (var engine = WideTraining.engineOfProcess(threads)) {
      return ended(train(engine, threads, progress));
    } catch (InvalidSpecException e) {
      throw e;
    } catch (OutOfMemoryError e) {
      LOG.error("The training ran out of memory", e);
      return ended(new End.Failed(Reason.OUT_OF_MEMORY, JobRunner.OUT_OF_MEMORY));
    } catch (RuntimeException | Error e) {
      LOG.error("The training failed with an internal error", e);
      return ended(
          new End.Failed(
              Reason.INTERNAL_ERROR, "the training failed with an internal error: " + e));
    }
  }

  private End train(Engine engine, int threads, Consumer<Job> progress) {
    var task =
        new WideTraining.Task(
            spec, spec.model().definition(), null, null, null, dataset.samples(), null);
    var wide = WideTraining.current();
    wide.ifPresent(all -> all.begin(task, threads));
    Trainer trainer;
    try {
      trainer = prepare(task, engine);
    } catch (InvalidSpecException e) {
      wide.ifPresent(all -> all.start(false));
      throw e;
    }
    wide.ifPresent(all -> all.start(true));
    progress.accept(job(JobState.RUNNING, null, null));
    var training = new Training(trainer, progress);
    var outcome = trainer.run(training);
    if (!training.epochBegun && latest != null) {
      weights = trainer.weights();
    }
    var end = JobRunner.end(outcome, trainer, training.isOverdue() ? spec : null);
    if (end instanceof End.Completed) {
      latest = requireNonNullElse(training.best, latest);
    }
    return end;
  }

  private Trainer prepare(WideTraining.Task task, Engine engine) {
    var trainer = task.trainer(engine);
    var mistakes = new Mistakes();
    Trainer.checkTargets(spec, task.model(), trainer.baseline(), mistakes);
    mistakes.throwIfAny();
    start =
        new Start(
            trainer.targetSynops(),
            trainer.baseline(),
            provenances.of(spec, null, dataset.samples(), dataset.classNames(), engine),
            Inputs.samplesPerEpoch(spec, dataset.samples()),
            (double) trainer.baseline().nSpikingNeurons() * spec.timeSteps());
    return trainer;
  }

  private Job ended(End end) {
    return switch (end) {
      case End.Completed(var reason, var _) -> job(JobState.SUCCEEDED, reason, null);
      case End.Stopped() -> job(JobState.CANCELLED, Reason.REQUESTED, null);
      case End.Failed(var reason, var detail) -> job(JobState.FAILED, reason, detail);
    };
  }

  private Job job(JobState status, @Nullable Reason reason, @Nullable String detail) {
    boolean over = status.isFinal();
    var now = Instant.now();
    Instant estimate =
        status == JobState.RUNNING && epochs > 0 && startedAt != null
            ? now.plus(
                Duration.between(startedAt, now)
                    .multipliedBy(spec.epochs() - epochs)
                    .dividedBy(epochs))
            : null;
    return new Job(
        id,
        spec.name(),
        status,
        reason,
        spec,
        start == null ? null : start.targetSynops(),
        start == null ? null : start.baseline(),
        new Job.Progress(epochs, spec.epochs(), (double) epochs / spec.epochs(), estimate),
        latest,
        bests,
        status == JobState.SUCCEEDED && latest != null
            ? Verdict.of(spec.gates(), latest, start == null ? null : start.targetSynops())
            : null,
        null,
        1,
        spec.priority(),
        spec.labels(),
        createdAt,
        startedAt,
        over ? now : null,
        status == JobState.FAILED && reason != null ? Job.Problem.of(reason, detail) : null,
        start == null ? null : start.provenance(),
        0);
  }

  /** What the engine tells and asks while it trains. */
  private final class Training implements TrainingListener {

    private final Trainer trainer;
    private final Consumer<Job> progress;
    private final long begun = System.nanoTime();

    /** Metrics of the epoch whose weights restore_best keeps. */
    private @Nullable EpochMetrics best;

    /** Some batches of an epoch are done, and not all. */
    private boolean epochBegun;

    Training(Trainer trainer, Consumer<Job> progress) {
      this.trainer = trainer;
      this.progress = progress;
    }

    @Override
    public void onEpoch(EpochMetrics metrics) {
      epochBegun = false;
      epochs = metrics.epoch() + 1;
      latest = metrics;
      bests = requireNonNullElse(bests, Job.Best.NONE).with(List.of(metrics));
      var kept = trainer.bestEpoch();
      if (kept != null && kept == metrics.epoch()) {
        best = metrics;
      }
      progress.accept(job(JobState.RUNNING, null, null));
    }

    @Override
    public boolean keepGoing() {
      boolean go = !stopping && !isOverdue();
      epochBegun |= go;
      return go;
    }

    boolean isOverdue() {
      var most = spec.maxRuntimeSeconds();
      return most != null && System.nanoTime() - begun > most * 1_000_000_000L;
    }
  }
}
