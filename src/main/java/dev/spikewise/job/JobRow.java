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
 * A job as it is stored: state, queue, lease and progress in one row, changed only while the row is
 * locked. All times are the database's.
 */
@Entity
@Table(name = "job")
@DynamicUpdate
class JobRow {

  @Id private UUID id;

  /** The order of submission, given by the database. */
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

  /** Whose it is. */
  private String tenant;

  /** Of the spec. */
  private int epochs;

  /** What its training takes. */
  private long memoryBytes;

  private int priority;
  private int attempt = 1;

  /**
   * Number of complete epochs that are stored; never less than a reader has seen in this attempt.
   */
  private int epoch;

  private @Nullable Double targetSynops;

  /** Samples that an epoch trains on. */
  private long samples;

  /** Spiking neurons times time steps. */
  private double neuronSteps;

  @Convert(converter = JsonColumn.OfEpochMetrics.class)
  private @Nullable EpochMetrics latest;

  /** Metrics of {@code latest}, which the database sorts and filters by. */
  private @Nullable Double loss;

  private @Nullable Double synops;
  private @Nullable Double firingRate;
  private @Nullable Double accuracy;
  private @Nullable Double testAccuracy;

  @Convert(converter = JsonColumn.OfVerdict.class)
  private @Nullable Verdict verdict;

  @Convert(converter = JsonColumn.OfProvenance.class)
  private @Nullable Provenance provenance;

  private Instant createdAt;
  private Instant updatedAt;

  /**
   * When it was queued, moved ahead by its priority: the order of its tenant's jobs, in which
   * priority and age are one.
   */
  private Instant dueAt;

  private @Nullable Instant claimedAt;
  private @Nullable Instant startedAt;
  private @Nullable Instant finishedAt;

  /** Time spent training, which max_runtime_seconds bounds. */
  private long activeMs;

  private int stateChanges;
  private @Nullable String leaseOwner;
  private @Nullable Instant leaseUntil;

  /** Grows with every claim, so that the writes of an earlier claim can be told and refused. */
  private long fence;

  /** Deaths of its process in a row, without one new epoch, while nothing else ran there. */
  private int losses;

  /** Deaths of its process in a row, without one new epoch, whatever else ran there. */
  private int deaths;

  /** Whether its process died since its last new epoch, which may have been its fault. */
  private boolean suspect;

  /** Whether nothing else runs or computes in the process that trains it. */
  private boolean alone;

  /** Before this it is not claimed. */
  private @Nullable Instant restUntil;

  @SuppressWarnings("NullAway.Init")
  protected JobRow() {}

  /**
   * What the row says of the spec, so that nobody has to read the spec for it.
   *
   * @param modelId id of a stored model; null where the spec has the definition
   * @param sourceJob id of the job whose weights it starts from; null without
   * @param datasetId null where the input is no data set
   * @param memoryBytes estimated memory of its training
   */
  record Facts(
      @Nullable String name,
      @Nullable String modelId,
      @Nullable String sourceJob,
      @Nullable String datasetId,
      Map<String, String> labels,
      int epochs,
      int priority,
      long memoryBytes) {

    /** What tells the stored networks apart; null where the spec has the definition. */
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
          memoryBytes);
    }
  }

  /**
   * @param documents where the spec, its model and its weights are stored
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

  JobPatch patch() {
    return new JobPatch(name, Map.copyOf(labels), priority);
  }

  void apply(JobPatch patch, Duration ageing) {
    name = patch.name();
    labels.clear();
    labels.putAll(patch.labels());
    prioritize(patch.priority(), ageing);
  }

  /** Entity tag of what is stored. */
  String version() {
    return Integer.toString(version == null ? 0 : version);
  }

  void prioritize(int priority, Duration ageing) {
    dueAt = dueAt.plus(ageing.multipliedBy(this.priority - priority));
    this.priority = priority;
  }

  /** The only way from one state to another. */
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
   * Back to the queue's end, as far as priority lets it; a worker's loss or drain keeps its place.
   */
  void requeue(Instant now, Duration ageing) {
    dueAt = now.minus(ageing.multipliedBy(priority));
    activeMs = status.isFinal() ? 0 : activeMs;
    clear();
    errorDetail = null;
    verdict = null;
  }

  /** Forgets the attempt before. */
  void startOver() {
    attempt++;
    epoch = 0;
    reached(null);
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

  /** The value by which jobs are sorted. */
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
    };
  }

  /** It is no longer a suspect. */
  private void clear() {
    losses = 0;
    deaths = 0;
    suspect = false;
    alone = false;
    restUntil = null;
  }

  /** The job's weights are those after {@code epoch}, so its figures are, too. */
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

  /** How often a rest is doubled at most. */
  private static final int DOUBLINGS = 6;

  /**
   * Its process was not heard of any more. Returns how often that happened while nothing else ran
   * there.
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

  /** About how long it is in JSON, without its documents. */
  long bytes() {
    long layers = latest == null ? 0 : latest.parameter().size() + latest.spiking().size();
    long texts =
        labels.entrySet().stream()
            .mapToLong(e -> e.getKey().length() + e.getValue().length())
            .sum();
    return 2000 + 150 * layers + 2 * texts;
  }

  /** Without its documents. */
  Job toJob(Job.@Nullable Queue queue) {
    return toJob(queue, null, null);
  }

  Job toJob(Job.@Nullable Queue queue, @Nullable TrainingSpec spec, @Nullable Statistics baseline) {
    Instant estimate =
        status.isActive() && epoch > 0
            ? updatedAt.plusMillis(activeMs * (epochs - epoch) / epoch)
            : null;
    var error =
        status == JobState.FAILED && reason != null
            ? new Job.Problem(
                "about:blank",
                reason.title(),
                errorDetail == null ? reason.title() : errorDetail,
                reason)
            : null;
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
