package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Gate;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import jakarta.persistence.CollectionTable;
import jakarta.persistence.Column;
import jakarta.persistence.Convert;
import jakarta.persistence.ElementCollection;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.MapKeyColumn;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.hibernate.annotations.BatchSize;
import org.hibernate.annotations.DynamicUpdate;
import org.hibernate.annotations.Generated;
import org.jspecify.annotations.Nullable;

/**
 * A stored job: state, queue position, lease and progress in one row, which is changed only while
 * it is locked. All times come from the database's clock.
 */
@Entity
@Table(name = "job")
@DynamicUpdate
class JobRow {

  @Id private UUID id;

  /** Position in the order of submission, assigned by the database. */
  @Generated
  @Column(insertable = false, updatable = false)
  private @Nullable Long number;

  @Version private @Nullable Integer version;

  private @Nullable String name;

  @Enumerated(EnumType.STRING)
  private JobState status;

  @Enumerated(EnumType.STRING)
  private @Nullable Reason reason;

  private @Nullable String errorDetail;

  private UUID specId;
  private @Nullable Integer variant;
  private @Nullable String changes;
  private @Nullable UUID modelDocumentId;
  private @Nullable UUID weightsId;

  private @Nullable String modelId;
  private @Nullable String sourceJob;
  private @Nullable String datasetId;

  @ElementCollection
  @CollectionTable(name = "job_label", joinColumns = @JoinColumn(name = "job_id"))
  @MapKeyColumn(name = "label")
  @Column(name = "content")
  @BatchSize(size = 200)
  private Map<String, String> labels = new HashMap<>();

  /** Owning tenant. */
  private String tenant;

  /** Number of requested epochs. */
  private int epochs;

  /** Estimated training memory in bytes. */
  private long memoryBytes;

  /** Processes that must share its training. */
  private int ranks = 1;

  /** Least version of a process that understands the job's documents. */
  private int leastVersion;

  private int priority;
  private int attempt = 1;

  /**
   * Number of completed and stored epochs. Within an attempt it never falls below a value that a
   * client has read.
   */
  private int epoch;

  /** Number of completed epochs after which the job pauses by itself; null to train them all. */
  private @Nullable Integer pauseAfter;

  private @Nullable Double targetSynops;

  /** Number of training samples per epoch. */
  private long samples;

  /** Number of spiking neurons times number of time steps. */
  private double neuronSteps;

  @Convert(converter = JsonColumn.OfEpochMetrics.class)
  private @Nullable EpochMetrics latest;

  /** Copies of the metrics in {@code latest}, by which the database sorts and filters. */
  private @Nullable Double loss;

  private @Nullable Double synops;
  private @Nullable Double firingRate;
  private @Nullable Double accuracy;
  private @Nullable Double testAccuracy;

  /** Best values over the first {@code bestEpochs} epochs. */
  private @Nullable Double bestLoss;

  private @Nullable Double bestSynops;
  private @Nullable Double bestAccuracy;
  private @Nullable Double bestTestAccuracy;

  /** Smaller than {@code epoch} when a process of an earlier version has stored epochs. */
  private int bestEpochs;

  @Convert(converter = JsonColumn.OfVerdict.class)
  private @Nullable Verdict verdict;

  @Convert(converter = JsonColumn.OfProvenance.class)
  private @Nullable Provenance provenance;

  private Instant createdAt;
  private Instant updatedAt;

  /**
   * Time of queueing, moved to an earlier time by the priority. Jobs of a tenant run in this order,
   * which combines priority and age.
   */
  private Instant dueAt;

  private @Nullable Instant claimedAt;
  private @Nullable Instant startedAt;
  private @Nullable Instant finishedAt;

  /** Active training time in milliseconds, limited by max_runtime_seconds. */
  private long activeMs;

  private int stateChanges;
  private @Nullable String leaseOwner;
  private @Nullable Instant leaseUntil;

  /**
   * Fencing number: increases with every claim, so that writes of an earlier claim are recognised
   * and refused.
   */
  private long fence;

  /**
   * Number of successive crashes of its process without a new epoch while it was the only work
   * there.
   */
  private int losses;

  /**
   * Number of successive crashes of its process without a new epoch, with or without other work
   * there.
   */
  private int deaths;

  /** Whether its process has crashed since its last new epoch: the job may be the cause. */
  private boolean suspect;

  /** Whether the job is the only work in the process that trains it. */
  private boolean alone;

  /** Time before which the job is not claimed. */
  private @Nullable Instant restUntil;

  @SuppressWarnings("NullAway.Init")
  protected JobRow() {}

  /**
   * Facts from the specification that are stored in the row, so that queries need not read the
   * specification.
   *
   * @param modelId id of a stored model; null when the spec contains the definition
   * @param sourceJob id of the job whose weights the training starts from; null without
   * @param datasetId id of the data set; null when the input is not a data set
   * @param memoryBytes estimated training memory in bytes
   * @param ranks minimum number of processes that share the training
   */
  record Facts(
      @Nullable String name,
      @Nullable String modelId,
      @Nullable String sourceJob,
      @Nullable String datasetId,
      Map<String, String> labels,
      int epochs,
      int priority,
      long memoryBytes,
      int ranks) {

    /** Key of the stored network; null when the spec contains the definition. */
    @Nullable String network() {
      return modelId != null ? modelId : sourceJob == null ? null : "job/" + sourceJob;
    }

    static Facts of(TrainingSpec spec, long memoryBytes) {
      return new Facts(
          spec.name(),
          spec.model().id(),
          spec.model().job(),
          spec.input() instanceof InputSpec.FromDataset input ? input.id() : null,
          spec.labels(),
          spec.epochs(),
          spec.priority(),
          memoryBytes,
          spec.leastRanks());
    }
  }

  /**
   * @param documents references to the stored spec, model and weights
   */
  JobRow(
      UUID id,
      String tenant,
      Facts facts,
      Documents.Place documents,
      Instant now,
      Duration ageing) {
    this.id = id;
    this.specId = documents.spec();
    this.variant = documents.variant();
    this.changes = documents.changes();
    this.modelDocumentId = documents.model();
    this.weightsId = documents.weights();
    this.datasetId = facts.datasetId();
    this.tenant = tenant;
    this.memoryBytes = facts.memoryBytes();
    this.ranks = facts.ranks();
    this.epochs = facts.epochs();
    this.name = facts.name();
    this.status = JobState.QUEUED;
    this.modelId = facts.modelId();
    this.sourceJob = facts.sourceJob();
    this.labels.putAll(facts.labels());
    this.createdAt = now;
    this.updatedAt = now;
    this.dueAt = now;
    prioritize(facts.priority(), ageing);
  }

  int ranks() {
    return ranks;
  }

  @Nullable Integer pauseAfter() {
    return pauseAfter;
  }

  /**
   * Sets the number of epochs after which the job pauses by itself.
   *
   * @param epochs null to train all epochs
   */
  void pauseAfter(@Nullable Integer epochs) {
    pauseAfter = epochs;
  }

  /** Whether the job has completed the epochs after which it pauses by itself. */
  boolean hasReachedPause() {
    return pauseAfter != null && epoch >= pauseAfter;
  }

  int leastVersion() {
    return leastVersion;
  }

  /** Leaves the job to processes of this version and later ones. */
  void require(int version) {
    leastVersion = version;
  }

  JobPatch patch() {
    return new JobPatch(name, Map.copyOf(labels), priority);
  }

  void apply(JobPatch patch, Duration ageing) {
    name = patch.name();
    labels.clear();
    labels.putAll(patch.labels());
    prioritize(patch.priority(), ageing);
  }

  /** Entity tag of the stored row. */
  String version() {
    return Integer.toString(version == null ? 0 : version);
  }

  void prioritize(int priority, Duration ageing) {
    dueAt = dueAt.plus(ageing.multipliedBy(this.priority - priority));
    this.priority = priority;
  }

  /** Performs a state transition. No other method changes the state. */
  void become(JobState next, @Nullable Reason reason, Instant now) {
    if (!status.canBecome(next)) {
      throw new IllegalStateException(
          "job " + id + " cannot become " + next.word() + " while " + status.word());
    }
    status = next;
    this.reason = reason;
    stateChanges++;
    updatedAt = now;
    finishedAt = next.isFinal() ? now : null;
    if (!next.isActive()) {
      leaseOwner = null;
      leaseUntil = null;
    }
  }

  /**
   * Moves the job to the end of the queue, subject to its priority. A job whose worker was lost or
   * drained keeps its place instead.
   */
  void requeue(Instant now, Duration ageing) {
    dueAt = now.minus(ageing.multipliedBy(priority));
    activeMs = status.isFinal() ? 0 : activeMs;
    clear();
    errorDetail = null;
    verdict = null;
  }

  /** Resets the progress for a new attempt. */
  void startOver() {
    attempt++;
    epoch = 0;
    reached(null);
    best(Job.Best.NONE, 0);
    startedAt = null;
  }

  Lease claim(String owner, Instant now, Duration lease) {
    become(JobState.RUNNING, null, now);
    leaseOwner = owner;
    leaseUntil = now.plus(lease);
    fence++;
    alone = suspect;
    claimedAt = now;
    startedAt = startedAt == null ? now : startedAt;
    return new Lease(id, owner, fence);
  }

  void started(Start start) {
    targetSynops = start.targetSynops();
    provenance = start.provenance();
    samples = start.samples();
    neuronSteps = start.neuronSteps();
  }

  void progressed(List<EpochMetrics> epochs, Duration active, Instant now) {
    updatedAt = now;
    activeMs += active.toMillis();
    if (!epochs.isEmpty() && epochs.getLast().epoch() >= epoch) {
      if (bestEpochs >= epochs.getFirst().epoch()) {
        best(best().with(epochs), epochs.getLast().epoch() + 1);
      }
      reached(epochs.getLast());
      epoch = epochs.getLast().epoch() + 1;
      clear();
    }
  }

  private void reached(@Nullable EpochMetrics metrics) {
    latest = metrics;
    loss = metrics == null ? null : (Double) metrics.loss();
    synops = metrics == null ? null : (Double) metrics.synops();
    firingRate = metrics == null ? null : (Double) metrics.firingRate();
    accuracy = metrics == null ? null : metrics.accuracy();
    testAccuracy = metrics == null ? null : metrics.testAccuracy();
  }

  private Job.Best best() {
    return new Job.Best(bestLoss, bestSynops, bestAccuracy, bestTestAccuracy);
  }

  private void best(Job.Best best, int epochs) {
    bestLoss = best.loss();
    bestSynops = best.synops();
    bestAccuracy = best.accuracy();
    bestTestAccuracy = best.testAccuracy();
    bestEpochs = epochs;
  }

  /** Value of the sort key {@code key}; null when the job has none. */
  @Nullable Comparable<?> value(JobSort.Key key) {
    return switch (key) {
      case CREATED_AT -> number();
      case STARTED_AT -> startedAt;
      case FINISHED_AT -> finishedAt;
      case NAME -> name;
      case STATUS -> status;
      case PRIORITY -> priority;
      case EPOCH -> epoch;
      case TARGET_SYNOPS -> targetSynops;
      case LOSS -> loss;
      case SYNOPS -> synops;
      case FIRING_RATE -> firingRate;
      case ACCURACY -> accuracy;
      case TEST_ACCURACY -> testAccuracy;
      case BEST_LOSS -> bestLoss;
      case BEST_SYNOPS -> bestSynops;
      case BEST_ACCURACY -> bestAccuracy;
      case BEST_TEST_ACCURACY -> bestTestAccuracy;
    };
  }

  /** Clears the suspicion that this job crashes its process. */
  private void clear() {
    losses = 0;
    deaths = 0;
    suspect = false;
    alone = false;
    restUntil = null;
  }

  /** Makes {@code epoch} the latest one, because the job keeps the weights after it. */
  void keep(EpochMetrics epoch) {
    reached(epoch);
  }

  void succeed(Reason reason, List<Gate> gates, Instant now) {
    if (latest != null) {
      verdict = Verdict.of(gates, latest, targetSynops);
    }
    become(JobState.SUCCEEDED, reason, now);
  }

  void fail(Reason reason, @Nullable String detail, Instant now) {
    errorDetail = detail == null || detail.length() <= 2000 ? detail : detail.substring(0, 2000);
    become(JobState.FAILED, reason, now);
  }

  /** Maximum number of times that the waiting time is doubled. */
  private static final int DOUBLINGS = 6;

  /**
   * Records a crash of the process and returns the number of crashes while the job was the only
   * work there.
   */
  int lost(Instant now, Duration rest) {
    losses += alone ? 1 : 0;
    restUntil = now.plus(rest.multipliedBy(1L << Math.min(deaths, DOUBLINGS)));
    deaths++;
    suspect = true;
    alone = false;
    return losses;
  }

  boolean isSuspect() {
    return suspect;
  }

  UUID id() {
    return id;
  }

  long number() {
    return number == null ? Long.MAX_VALUE : number;
  }

  String tenant() {
    return tenant;
  }

  JobState status() {
    return status;
  }

  @Nullable Reason reason() {
    return reason;
  }

  Documents.Place documents() {
    return new Documents.Place(specId, variant, changes, modelDocumentId, weightsId);
  }

  @Nullable String datasetId() {
    return datasetId;
  }

  int epochs() {
    return epochs;
  }

  long samples() {
    return samples;
  }

  double neuronSteps() {
    return neuronSteps;
  }

  int attempt() {
    return attempt;
  }

  int epoch() {
    return epoch;
  }

  Instant updatedAt() {
    return updatedAt;
  }

  Duration active() {
    return Duration.ofMillis(activeMs);
  }

  int stateChanges() {
    return stateChanges;
  }

  /** Approximate size in JSON without documents, in bytes. */
  long bytes() {
    long layers = latest == null ? 0 : latest.parameter().size() + latest.spiking().size();
    long texts =
        labels.entrySet().stream()
            .mapToLong(e -> e.getKey().length() + e.getValue().length())
            .sum();
    return 2000 + 150 * layers + 2 * texts;
  }

  /** Returns the job without its documents. */
  Job toJob(Job.@Nullable Queue queue) {
    return toJob(queue, null, null);
  }

  Job toJob(Job.@Nullable Queue queue, @Nullable TrainingSpec spec, @Nullable Statistics baseline) {
    Instant estimate =
        status.isActive() && epoch > 0
            ? updatedAt.plusMillis(activeMs * (epochs - epoch) / epoch)
            : null;
    var error =
        status == JobState.FAILED && reason != null ? Job.Problem.of(reason, errorDetail) : null;
    return new Job(
        id,
        name,
        status,
        reason,
        spec,
        targetSynops,
        baseline,
        new Job.Progress(epoch, epochs, epochs == 0 ? 0 : (double) epoch / epochs, estimate),
        latest,
        epoch > 0 && bestEpochs == epoch ? best() : null,
        verdict,
        queue,
        attempt,
        priority,
        new TreeMap<>(labels),
        createdAt,
        startedAt,
        finishedAt,
        error,
        provenance,
        version == null ? 0 : version);
  }
}
