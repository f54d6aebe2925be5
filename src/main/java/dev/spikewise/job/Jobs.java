package dev.spikewise.job;

import static java.util.Objects.requireNonNull;

import dev.spikewise.compute.Compute;
import dev.spikewise.dataset.DatasetUse;
import dev.spikewise.job.Timeline.Place;
import dev.spikewise.model.ModelUse;
import dev.spikewise.model.Models;
import dev.spikewise.model.Workload;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.Baseline;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import dev.spikewise.store.Search;
import dev.spikewise.store.StoredJson;
import dev.spikewise.tenant.Quotas;
import dev.spikewise.tenant.Tenants;
import dev.spikewise.tenant.Usages;
import jakarta.persistence.criteria.CriteriaBuilder;
import jakarta.persistence.criteria.CriteriaQuery;
import jakarta.persistence.criteria.Expression;
import jakarta.persistence.criteria.Predicate;
import jakarta.persistence.criteria.Subquery;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.data.jpa.domain.Specification;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/** Operations on jobs for requests: everything except what workers do. */
@Service
public class Jobs implements ModelUse, DatasetUse {

  private static final Logger LOG = LoggerFactory.getLogger(Jobs.class);

  /** Number of rows of a list that are read at a time. */
  private static final int CHUNK = 25;

  /** Number of epochs or events that are read at a time. */
  private static final int CHUNK_OF_EPOCHS = 200;

  private final JobRepository jobs;
  private final EpochRepository epochs;
  private final Checkpoints checkpoints;
  private final JobResults results;
  private final Documents documents;
  private final JobQueue queue;
  private final Timeline timeline;
  private final Inputs inputs;
  private final Tenants tenants;
  private final Quotas quotas;
  private final Usages usages;
  private final Capacity capacity;
  private final Database database;
  private final ApplicationEventPublisher publisher;
  private final TransactionOperations transactions;
  private final Compute compute;
  private final Workload workload;
  private final JobSettings settings;

  Jobs(
      JobRepository jobs,
      EpochRepository epochs,
      Checkpoints checkpoints,
      JobResults results,
      Documents documents,
      JobQueue queue,
      Timeline timeline,
      Inputs inputs,
      Tenants tenants,
      Quotas quotas,
      Usages usages,
      Capacity capacity,
      Database database,
      ApplicationEventPublisher publisher,
      TransactionOperations transactions,
      Compute compute,
      Workload workload,
      JobSettings settings) {
    this.jobs = jobs;
    this.epochs = epochs;
    this.checkpoints = checkpoints;
    this.results = results;
    this.documents = documents;
    this.queue = queue;
    this.timeline = timeline;
    this.inputs = inputs;
    this.tenants = tenants;
    this.quotas = quotas;
    this.usages = usages;
    this.capacity = capacity;
    this.database = database;
    this.publisher = publisher;
    this.transactions = transactions;
    this.compute = compute;
    this.workload = workload;
    this.settings = settings;
  }

  /**
   * Inclusive bounds of a value; null for no bound.
   *
   * @param <T> type of the value
   */
  public record Range<T>(@Nullable T least, @Nullable T most) {}

  /**
   * Filter of a list of jobs; an empty collection or null matches all jobs.
   *
   * @param name full name
   * @param search part of the name, case-insensitive
   * @param model id of the stored model
   * @param dataset id of the data set
   * @param source id of the job whose weights the job started from
   * @param created bounds of the time of submission
   * @param metrics bounds of metrics of the latest epoch; jobs without such a metric do not match
   */
  public record Filter(
      Collection<JobState> statuses,
      Map<String, String> labels,
      @Nullable String name,
      @Nullable String search,
      @Nullable String model,
      @Nullable String dataset,
      @Nullable String source,
      Range<Instant> created,
      Map<JobMetric, Range<Double>> metrics) {

    public Filter(
        Collection<JobState> statuses, Map<String, String> labels, @Nullable String name) {
      this(statuses, labels, name, null, null, null, null, new Range<>(null, null), Map.of());
    }

    /** Whether it matches all jobs. */
    public boolean isEmpty() {
      return equals(new Filter(statuses, Map.of(), null)) && statuses.isEmpty();
    }

    /**
     * Returns the filter without the jobs that a worker holds.
     *
     * @throws ProblemException when it asks only for such jobs
     */
    private Filter withoutActive() {
      var possible = statuses.isEmpty() ? List.of(JobState.values()) : statuses;
      var idle = possible.stream().filter(state -> !state.isActive()).toList();
      if (idle.isEmpty()) {
        throw new ProblemException(
            Problem.Code.INVALID_PARAMETER,
            "status must be queued, paused, cancelled, succeeded or failed: cancel running jobs"
                + " before you delete them");
      }
      return new Filter(idle, labels, name, search, model, dataset, source, created, metrics);
    }
  }

  /**
   * Checks a training and queues it.
   *
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes in the spec
   */
  public Job submit(TrainingSpec spec) {
    return submit(prepare(spec, inputs::model, 0));
  }

  /** A checked training that is ready to be queued. */
  public static final class Prepared {

    /** The submitted specification; null for a variant of a sweep, which stores it. */
    private final @Nullable TrainingSpec spec;

    private final JobRow.Facts facts;

    /** The stored network or weights that the spec refers to; null without a reference. */
    private final Models.@Nullable Network network;

    /** Statistics of the untrained network; null when no target had to be checked against them. */
    private final @Nullable Statistics baseline;

    private final double seconds;

    private Prepared(
        @Nullable TrainingSpec spec,
        JobRow.Facts facts,
        Models.@Nullable Network network,
        @Nullable Statistics baseline,
        double seconds) {
      this.spec = spec;
      this.facts = facts;
      this.network = network;
      this.baseline = baseline;
      this.seconds = seconds;
    }

    /** Estimated time of measuring the baseline, in seconds; 0 when it was not measured. */
    public double seconds() {
      return seconds;
    }

    /** Returns this training without its specification, as a variant of a sweep. */
    public Prepared asVariant() {
      return new Prepared(null, facts, facts.network() == null ? null : network, baseline, seconds);
    }
  }

  /**
   * Returns a resolver that reads each stored network once, so that the variants of a sweep share
   * its weights in memory.
   */
  public Function<ModelRef, Models.Network> networks() {
    var read = new HashMap<String, Models.Network>();
    return ref ->
        ref.isDefinition()
            ? inputs.model(ref)
            : read.computeIfAbsent(ref.id() + "/" + ref.job(), _ -> inputs.model(ref));
  }

  /**
   * Checks a training. This may run a forward pass, so it must be called outside a transaction.
   * When the pass would take too long, the worker checks the targets at the start of the training
   * instead.
   *
   * @param networks resolves the network that the training refers to
   * @param spent estimated computing time of the request so far, in seconds
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes in the spec
   */
  public Prepared prepare(
      TrainingSpec spec, Function<ModelRef, Models.Network> networks, double spent) {
    var checked = check(spec, networks);
    var network = checked.network;
    var facts = JobRow.Facts.of(spec, checked.memoryBytes);
    if (!Trainer.hasTargetToCheck(spec)) {
      return new Prepared(spec, facts, network, null, 0);
    }
    var dataset = inputs.dataset(spec.input());
    int samples = Baseline.samples(spec, dataset);
    double seconds = workload.seconds(network.spec(), samples, spec.timeSteps());
    if (spent + seconds > compute.maxWorkSeconds()) {
      return new Prepared(spec, facts, network, null, 0);
    }
    var baseline = measure(spec, network, dataset).statistics();
    var mistakes = new Mistakes();
    Trainer.checkTargets(spec, network.spec(), baseline, mistakes);
    mistakes.throwIfAny();
    return new Prepared(spec, facts, network, baseline, seconds);
  }

  private Job submit(Prepared prepared) {
    return requireNonNull(
        transactions.execute(
            _ -> {
              var id = UUID.randomUUID();
              var tenant = tenants.owner();
              var spec = requireNonNull(prepared.spec);
              documents.insert(id, tenant, spec);
              var shared = new Shared(id);
              return view(
                  store(id, prepared, tenant, shared.place(prepared, null, null, tenant, this)));
            }));
  }

  /** Documents shared by the jobs of one sweep. Each is stored with the first job that needs it. */
  public static final class Shared {

    private final UUID spec;
    private final Map<String, UUID> models = new HashMap<>();
    private final Map<StateDict, UUID> weights = new IdentityHashMap<>();

    /**
     * @param spec id of the stored document of the sweep
     */
    public Shared(UUID spec) {
      this.spec = spec;
    }

    private Documents.Place place(
        Prepared prepared,
        @Nullable Integer variant,
        @Nullable String changes,
        String tenant,
        Jobs jobs) {
      var network = prepared.network;
      var named = prepared.facts.network();
      var initial = network == null ? null : network.weights();
      return new Documents.Place(
          spec,
          variant,
          changes,
          named == null || network == null
              ? null
              : models.computeIfAbsent(
                  named, _ -> jobs.documents.insertModel(tenant, network.spec())),
          initial == null
              ? null
              : weights.computeIfAbsent(
                  initial, _ -> jobs.checkpoints.insertInitial(tenant, initial)));
    }
  }

  /**
   * Queues a checked training that is a variant of a stored sweep. Only the number of the variant
   * is stored.
   *
   * @return id of the job
   */
  @Transactional
  public UUID submit(Prepared prepared, Shared sweep, int variant) {
    var tenant = tenants.owner();
    var place = sweep.place(prepared, variant, null, tenant, this);
    return store(UUID.randomUUID(), prepared, tenant, place).id();
  }

  /**
   * Queues a checked training that is a trial of a stored search. Only its differences from the
   * search's job are stored.
   *
   * @param pauseAfter number of epochs after which the job pauses; null to train them all
   * @return id of the job
   */
  @Transactional
  public UUID submitTrial(
      Prepared prepared, TrainingSpec spec, Shared search, @Nullable Integer pauseAfter) {
    var tenant = tenants.owner();
    var common = new Documents.Place(search.spec, null, null, null, null);
    var changes = documents.changed(common, spec).changes();
    var place = search.place(prepared, null, changes, tenant, this);
    var row = store(UUID.randomUUID(), prepared, tenant, place);
    row.pauseAfter(pauseAfter);
    return row.id();
  }

  /**
   * Queues a job that has paused after the epochs of a rung. It trains on from its checkpoint, as
   * if it had never paused.
   *
   * @param pauseAfter number of epochs after which the job pauses again; null to train them all
   */
  @Transactional
  public void trainOn(UUID id, @Nullable Integer pauseAfter) {
    var row = lock(id);
    row.pauseAfter(pauseAfter);
    if (row.status() == JobState.PAUSED) {
      move(row, JobState.QUEUED, null);
    }
  }

  /** Cancels a job that has paused after the epochs of a rung because other trials are better. */
  @Transactional
  public void stopTrial(UUID id) {
    var row = lock(id);
    row.pauseAfter(null);
    if (row.status() == JobState.PAUSED) {
      move(row, JobState.CANCELLED, Reason.OUTPERFORMED);
    }
  }

  private void move(JobRow row, JobState next, @Nullable Reason reason) {
    var from = row.status();
    var now = database.now();
    if (next == JobState.QUEUED) {
      quotas.requireJob(row.tenant(), 0);
      row.requeue(now, settings.ageing());
    }
    row.become(next, reason, now);
    timeline.changed(row, from, now);
  }

  /** Whether the training has test samples. */
  @Transactional(readOnly = true)
  public boolean hasTestSamples(TrainingSpec spec) {
    var dataset = inputs.dataset(spec.input());
    return dataset != null
        && spec.input() instanceof InputSpec.FromDataset from
        && Feed.testSize(from, dataset) > 0;
  }

  /**
   * Queues a training that continues from the trained weights of the job {@code trained}; {@code
   * spec.model()} only records the origin of the network.
   *
   * @throws dev.spikewise.problem.InvalidSpecException as {@link #submit(TrainingSpec)} does
   */
  @Transactional
  public Job submit(TrainingSpec spec, UUID trained) {
    var before = find(trained);
    var weights = results.reached(trained).weights();
    var place = before.documents();
    var network = new Models.Network(documents.model(place, documents.spec(place)), weights);
    var changed =
        documents
            .changed(place, spec)
            .withWeights(checkpoints.insertInitial(before.tenant(), weights));
    // Its teacher, unlike its model, is not the one that was submitted.
    var prepared = prepare(spec, ref -> ref.equals(spec.model()) ? network : inputs.model(ref), 0);
    return view(store(UUID.randomUUID(), prepared, before.tenant(), changed));
  }

  private JobRow store(UUID id, Prepared prepared, String tenant, Documents.Place place) {
    quotas.requireJob(tenant, prepared.facts.epochs());
    inputs.hold(prepared.facts.datasetId());
    var now = database.now();
    var row = new JobRow(id, tenant, prepared.facts, place, now, settings.ageing());
    row.require(capacity.version());
    row = jobs.saveAndFlush(row);
    if (prepared.baseline != null) {
      documents.setBaseline(id, prepared.baseline);
    }
    usages.submitted(id, tenant, now);
    timeline.changed(row, null, now);
    return row;
  }

  /**
   * Estimate of a job that is not queued.
   *
   * @param memoryBytes training memory in bytes, including the samples of the data set
   * @param synops synaptic operations of the whole training if the network kept its initial
   *     activity
   * @param baseline statistics of the untrained network
   * @param targetSynops target of the loss's first synops term, in synops per sample
   * @param samples number of training samples of all epochs together
   */
  public record Estimate(
      Statistics baseline,
      @Nullable Double targetSynops,
      long memoryBytes,
      long samples,
      double synops) {

    /**
     * @throws dev.spikewise.problem.InvalidSpecException when the baseline shows that a target
     *     cannot be met
     */
    static Estimate of(
        TrainingSpec spec,
        ModelSpec model,
        Baseline baseline,
        long samplesPerEpoch,
        long memoryBytes) {
      if (Trainer.hasTargetToCheck(spec)) {
        var mistakes = new Mistakes();
        Trainer.checkTargets(spec, model, baseline.statistics(), mistakes);
        mistakes.throwIfAny();
      }
      long samples = spec.epochs() * samplesPerEpoch;
      return new Estimate(
          baseline.statistics(),
          baseline.targetSynops(),
          memoryBytes,
          samples,
          baseline.statistics().synops() * samples);
    }
  }

  /** Performs all checks of {@link #submit} and runs the untrained network once. */
  public Estimate dryRun(TrainingSpec spec) {
    var checked = check(spec, networks());
    var model = checked.network;
    var dataset = inputs.dataset(spec.input());
    var mistakes = new Mistakes();
    workload.check(
        model.spec(), Baseline.samples(spec, dataset), spec.timeSteps(), mistakes, "batch_size");
    mistakes.throwIfAny();
    return Estimate.of(
        spec,
        model.spec(),
        measure(spec, model, dataset),
        Inputs.samplesPerEpoch(spec, dataset),
        checked.memoryBytes);
  }

  private Baseline measure(TrainingSpec spec, Models.Network model, @Nullable Dataset dataset) {
    return compute.run(
        run -> {
          long bytes = Baseline.estimateMemory(spec, model.spec());
          run.reserve(bytes);
          try (var engine = Engine.create(1, run)) {
            return Baseline.measure(spec, model.spec(), model.weights(), dataset, engine);
          } finally {
            run.release(bytes);
          }
        });
  }

  /**
   * @param network network to train
   * @param memoryBytes memory of the training, including the samples of the data set
   */
  private record Checked(Models.Network network, long memoryBytes) {}

  private Checked check(TrainingSpec spec, Function<ModelRef, Models.Network> models) {
    var mistakes = new Mistakes();
    spec.check(mistakes);
    mistakes.throwIfAny();
    var model = models.apply(spec.model());
    var teacher = Inputs.teacher(spec, models);
    if (teacher != null) {
      Trainer.checkTeacher(spec, model.spec(), teacher.spec(), teacher.weights() != null, mistakes);
      mistakes.throwIfAny();
    }
    long needed =
        inputs.memoryBytes(spec.input())
            + Trainer.estimateMemory(spec, model.spec())
            + (teacher == null ? 0 : Trainer.estimateTeacher(spec, teacher.spec()));
    checkMemory(spec, model.spec(), needed, mistakes);
    mistakes.throwIfAny();
    var dataset = inputs.dataset(spec.input());
    compute
        .run(
            _ -> {
              Trainer.check(spec, model.spec(), model.weights(), dataset, mistakes);
              return mistakes;
            })
        .throwIfAny();
    return new Checked(model, needed);
  }

  private void checkMemory(TrainingSpec spec, ModelSpec model, long needed, Mistakes mistakes) {
    long samples = inputs.memoryBytes(spec.input());
    // Without any worker, the first one to start decides.
    long most = capacity.largest().orElse(Long.MAX_VALUE);
    if (samples > most) {
      mistakes
          .in("input")
          .in("id")
          .add(
              ("names a data set whose samples take %d MiB of memory, but the largest worker has %d"
                      + " MiB per job (spikewise.jobs.memory-per-job): raise that setting or use a"
                      + " smaller data set")
                  .formatted(samples >> 20, most >> 20));
    } else if (needed > most) {
      long least = samples + Trainer.estimateMemory(spec, model, true);
      mistakes
          .in("batch_size")
          .add(
              ("is too large with these layers and time_steps: training needs about %d MiB of"
                      + " memory, but the largest worker has %d MiB per job"
                      + " (spikewise.jobs.memory-per-job)%s")
                  .formatted(
                      needed >> 20,
                      most >> 20,
                      least > most
                          ? ""
                          : "; with \"activation_checkpointing\": true it needs about "
                              + (least >> 20)
                              + " MiB"));
    }
  }

  @Transactional(readOnly = true)
  public Job get(UUID id) {
    return view(find(id));
  }

  /** Returns the job without its documents, which never change. */
  @Transactional(readOnly = true)
  public Job getSummary(UUID id) {
    var row = find(id);
    return row.toJob(queue.places(List.of(row)).get(id));
  }

  /** Returns those of the jobs that exist, without queue positions. */
  @Transactional(readOnly = true)
  public List<Job> find(Collection<UUID> ids) {
    return jobs.findAllById(ids).stream()
        .filter(row -> tenants.sees(row.tenant()))
        .map(row -> row.toJob(null))
        .toList();
  }

  /**
   * Lists jobs submitted before the one with {@code number}, newest first, without their documents.
   * A page of large jobs may have fewer than {@code limit} entries.
   */
  @Transactional(readOnly = true)
  public Page<Job> list(Filter filter, int limit, long number) {
    return list(filter, JobSort.NEWEST, limit, new JobSort.Place(number, number));
  }

  /**
   * Lists jobs in the order of {@code sort}, without their documents. A page of large jobs may have
   * fewer than {@code limit} entries.
   *
   * @param cursor cursor returned with the preceding page; null for the first page
   */
  @Transactional(readOnly = true)
  public Page<Job> list(Filter filter, JobSort sort, int limit, @Nullable String cursor) {
    return list(filter, sort, limit, sort.place(cursor));
  }

  private Page<Job> list(Filter filter, JobSort sort, int limit, JobSort.@Nullable Place first) {
    var rows = new ArrayList<JobRow>();
    var next = first;
    long bytes = 0;
    boolean more = true;
    while (more && rows.size() <= limit && bytes < Page.MAX_BYTES) {
      int wanted = Math.min(limit + 1 - rows.size(), CHUNK);
      var found = jobs.findBy(matching(filter, sort, next), query -> query.limit(wanted).all());
      more = found.size() == wanted;
      for (var row : found) {
        if (bytes < Page.MAX_BYTES) {
          rows.add(row);
          bytes += row.bytes();
          next = new JobSort.Place(row.value(sort.key()), row.number());
        }
      }
    }
    boolean full = bytes >= Page.MAX_BYTES && rows.size() <= limit;
    var page = rows.subList(0, Math.min(limit, rows.size()));
    var places = queue.places(page);
    return new Page<>(
        page.stream().map(row -> row.toJob(places.get(row.id()))).toList(),
        rows.size() > limit || full && more ? sort.cursor(page.getLast()) : null);
  }

  private Specification<JobRow> matching(
      Filter filter, JobSort sort, JobSort.@Nullable Place after) {
    return (job, query, is) -> {
      var all = new ArrayList<Predicate>();
      if (!filter.statuses().isEmpty()) {
        all.add(job.get("status").in(filter.statuses()));
      }
      if (filter.name() != null) {
        all.add(is.equal(job.get("name"), filter.name()));
      }
      if (filter.search() != null) {
        all.add(is.like(is.lower(job.get("name")), Search.containing(filter.search()), '\\'));
      }
      if (filter.model() != null) {
        all.add(is.equal(job.get("modelId"), filter.model()));
      }
      if (filter.dataset() != null) {
        all.add(is.equal(job.get("datasetId"), filter.dataset()));
      }
      if (filter.source() != null) {
        all.add(is.equal(job.get("sourceJob"), filter.source()));
      }
      within(filter.created(), job.<Instant>get("createdAt"), is, all);
      filter
          .metrics()
          .forEach((metric, range) -> within(range, job.<Double>get(metric.attribute()), is, all));
      if (!filter.labels().isEmpty()) {
        all.add(job.get("id").in(labelled(filter.labels(), query, is)));
      }
      if (after != null) {
        all.add(sort.after(after, job, is));
      }
      if (!tenants.seeAll()) {
        all.add(is.equal(job.get("tenant"), tenants.owner()));
      }
      sort.order(job, query, is);
      return is.and(all);
    };
  }

  private static <T extends Comparable<? super T>> void within(
      Range<T> range, Expression<T> value, CriteriaBuilder is, List<Predicate> all) {
    if (range.least() != null) {
      all.add(is.greaterThanOrEqualTo(value, range.least()));
    }
    if (range.most() != null) {
      all.add(is.lessThanOrEqualTo(value, range.most()));
    }
  }

  /** Ids of the jobs with all {@code labels}, in one subquery for any number of labels. */
  private static Subquery<UUID> labelled(
      Map<String, String> labels, CriteriaQuery<?> query, CriteriaBuilder is) {
    var ids = query.subquery(UUID.class);
    var job = ids.from(JobRow.class);
    var entry = job.<JobRow, String, String>joinMap("labels");
    var wanted =
        labels.entrySet().stream()
            .map(
                label ->
                    is.and(
                        is.equal(entry.key(), label.getKey()),
                        is.equal(entry.value(), label.getValue())))
            .toArray(Predicate[]::new);
    return ids.select(job.get("id"))
        .where(is.or(wanted))
        .groupBy(job.get("id"))
        .having(is.equal(is.count(entry.key()), (long) labels.size()));
  }

  @Transactional(readOnly = true)
  public long count(JobState state) {
    return jobs.countByStatus(state);
  }

  /** Waiting time of the oldest queued job; zero when the queue is empty. */
  @Transactional(readOnly = true)
  public Duration oldestQueued() {
    return jobs.findOldest(JobState.QUEUED)
        .map(since -> Duration.between(since, database.now()))
        .orElse(Duration.ZERO);
  }

  /** Queued jobs that need more ranks than any worker has. */
  @Transactional(readOnly = true)
  public long countUnservable() {
    return queue.countUnservable();
  }

  /** Requests an action. Repeating a request has no effect. */
  @Transactional
  public Job request(UUID id, JobAction action) {
    var row = lock(id);
    if (!action.isDoneIn(row.status())) {
      carryOut(action, row);
    }
    return view(row);
  }

  private void carryOut(JobAction action, JobRow row) {
    var from = row.status();
    if (!action.changes(from)) {
      throw forbidden(action.word(), from);
    }
    var now = database.now();
    switch (action) {
      case CANCEL ->
          row.become(
              from.isActive() ? JobState.CANCELLING : JobState.CANCELLED, Reason.REQUESTED, now);
      case PAUSE ->
          row.become(from.isActive() ? JobState.PAUSING : JobState.PAUSED, Reason.REQUESTED, now);
      case RESUME -> {
        if (from == JobState.PAUSED && row.hasReachedPause()) {
          throw new ProblemException(
              Problem.of(
                      Problem.Code.CONFLICT,
                      "job "
                          + row.id()
                          + " waits for the other trials of its search, which trains it on if it is"
                          + " among the best")
                  .withAllowedActions(List.of(JobAction.CANCEL.word())));
        }
        if (from.isFinal()) {
          row.pauseAfter(null);
        }
        if (from == JobState.PAUSING) {
          row.become(JobState.RUNNING, Reason.REQUESTED, now);
        } else {
          // The epochs of a paused job are already counted.
          int more = from.isFinal() ? row.epochs() - row.epoch() : 0;
          quotas.requireJob(row.tenant(), more);
          inputs.hold(row.datasetId());
          row.requeue(now, settings.ageing());
          row.become(JobState.QUEUED, Reason.REQUESTED, now);
        }
      }
      case RETRY -> {
        quotas.requireJob(row.tenant(), row.epochs());
        inputs.hold(row.datasetId());
        epochs.deleteAll(row.id());
        checkpoints.deleteTrained(row.id());
        row.pauseAfter(null);
        row.requeue(now, settings.ageing());
        row.startOver();
        row.become(JobState.QUEUED, Reason.REQUESTED, now);
      }
    }
    timeline.changed(row, from, now);
  }

  /**
   * Cancels those of the jobs that have not ended, without reading their documents; returns their
   * number.
   */
  @Transactional
  public int cancel(Collection<UUID> ids) {
    int cancelled = 0;
    for (var id : ids) {
      var row = jobs.lock(id).filter(found -> tenants.sees(found.tenant())).orElse(null);
      if (row != null && JobAction.CANCEL.changes(row.status())) {
        carryOut(JobAction.CANCEL, row);
        cancelled++;
      }
    }
    jobs.flush();
    return cancelled;
  }

  /**
   * Changes the name, labels or priority of a job.
   *
   * @param change computes the new values from the current ones
   */
  @Transactional
  public Job change(UUID id, IfMatch condition, UnaryOperator<JobPatch> change) {
    var row = lock(id);
    condition.require(row.version());
    var next = change.apply(row.patch());
    row.apply(next, settings.ageing());
    jobs.flush();
    return view(row);
  }

  /** Deletes a job that is not running, with its epochs and checkpoints. */
  @Transactional
  public void delete(UUID id, IfMatch condition) {
    var row = lock(id);
    condition.require(row.version());
    if (row.status().isActive()) {
      throw forbidden("be deleted", row.status());
    }
    delete(row);
  }

  private void delete(JobRow row) {
    publisher.publishEvent(new JobEvent.Deleted(row.toJob(null)));
    jobs.delete(row);
    jobs.flush();
    documents.release(row.documents());
  }

  /**
   * Jobs that a request has deleted.
   *
   * @param deleted Ids of the deleted jobs.
   * @param more Whether more jobs match: repeat the request.
   */
  public record Deletion(List<UUID> deleted, boolean more) {}

  /**
   * Deletes at most {@code limit} jobs that match and that no worker holds, each in a transaction
   * of its own.
   */
  public Deletion delete(Filter filter, JobSort sort, int limit) {
    var idle = filter.withoutActive();
    var page = requireNonNull(transactions.execute(_ -> list(idle, sort, limit, (String) null)));
    var deleted = new ArrayList<UUID>();
    for (var job : page.data()) {
      transactions.executeWithoutResult(
          _ ->
              jobs.lock(job.id())
                  // A worker may have claimed it, or another request deleted it.
                  .filter(row -> !row.status().isActive())
                  .ifPresent(
                      row -> {
                        delete(row);
                        deleted.add(job.id());
                      }));
    }
    return new Deletion(deleted, page.nextCursor() != null);
  }

  /**
   * Lists epochs after epoch {@code after} (-1 for all), oldest first.
   *
   * @param maxPoints approximate maximum number of epochs, evenly spaced and including the last
   *     one; null for all epochs
   */
  @Transactional(readOnly = true)
  public List<EpochMetrics> epochs(UUID id, int after, int limit, @Nullable Integer maxPoints) {
    int stored = find(id).epoch();
    int stride = maxPoints == null ? 1 : Math.max(1, Math.ceilDiv(stored, maxPoints));
    if (stride == 1) {
      return epochs.find(id, after, limit);
    }
    var multiples =
        IntStream.iterate(
            Math.ceilDiv(after + 1, stride) * stride,
            epoch -> epoch < stored - 1,
            epoch -> epoch + stride);
    var last = IntStream.of(stored - 1).filter(epoch -> epoch > after);
    return epochs.find(id, IntStream.concat(multiples, last).limit(limit).boxed().toList());
  }

  /**
   * Returns the same epochs as a page; a page of large epochs may have fewer than {@code limit}
   * entries.
   */
  public Page<EpochMetrics> epochPage(UUID id, int after, int limit, @Nullable Integer maxPoints) {
    return readInChunks(
        limit,
        CHUNK_OF_EPOCHS,
        (last, wanted) ->
            epochs(id, last == null ? after : Integer.parseInt(last), wanted, maxPoints),
        EpochMetrics::bytes,
        epoch -> Integer.toString(epoch.epoch()));
  }

  /**
   * Lists events of a job after the one with id {@code after}, or all when it is null. A page of
   * large events may have fewer than {@code limit} entries.
   */
  public Page<Timeline.Entry> events(UUID id, @Nullable String after, int limit) {
    return readInChunks(
        limit,
        CHUNK_OF_EPOCHS,
        (last, wanted) -> events(last == null ? after : last, id, wanted),
        Timeline.Entry::bytes,
        Timeline.Entry::id);
  }

  private List<Timeline.Entry> events(@Nullable String after, UUID id, int limit) {
    return requireNonNull(
        transactions.execute(
            _ -> {
              find(id);
              return timeline.after(id, after == null ? Place.START : Place.parse(after), limit);
            }));
  }

  /** Reads rows after the one with id {@code last}, or the first ones when it is null. */
  private interface Chunks<T> {
    List<T> after(@Nullable String last, int wanted);
  }

  /** Reads a page in chunks, so that at most one chunk of large rows is read and discarded. */
  private static <T> Page<T> readInChunks(
      int limit, int chunk, Chunks<T> chunks, ToLongFunction<T> bytes, Function<T, String> cursor) {
    var page = new ArrayList<T>();
    @Nullable String last = null;
    long sum = 0;
    boolean more = true;
    while (more && page.size() < limit && sum < Page.MAX_BYTES) {
      int wanted = Math.min(limit - page.size(), chunk);
      var found = chunks.after(last, wanted);
      page.addAll(found);
      sum += found.stream().mapToLong(bytes).sum();
      more = found.size() == wanted;
      last = page.isEmpty() ? null : cursor.apply(page.getLast());
    }
    return new Page<>(page, more ? last : null);
  }

  /** Lists the state changes of a job, oldest first. */
  @Transactional(readOnly = true)
  public List<Timeline.StateChange> stateChanges(UUID id) {
    find(id);
    return timeline.stateChanges(id);
  }

  /** Id of the last event of a job, after which a client can follow new events. */
  @Transactional(readOnly = true)
  public String lastEvent(UUID id) {
    var row = find(id);
    return new Place(row.attempt(), row.epoch(), row.stateChanges()).toString();
  }

  @Override
  @Transactional(readOnly = true)
  public boolean uses(UUID modelId) {
    return jobs.existsByModelIdAndStatusNotIn(modelId.toString(), JobState.FINAL);
  }

  @Override
  @Transactional(readOnly = true)
  public boolean usesDataset(String id) {
    return jobs.existsByDatasetIdAndStatusNotIn(id, JobState.FINAL);
  }

  private JobRow find(UUID id) {
    return jobs.findById(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("job", id.toString()));
  }

  private JobRow lock(UUID id) {
    return jobs.lock(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("job", id.toString()));
  }

  private static ProblemException forbidden(String action, JobState state) {
    return new ProblemException(
        Problem.of(
                Problem.Code.CONFLICT,
                "a job that is " + state.word() + " does not allow the action " + action)
            .withAllowedActions(state.allowedActions().stream().map(JobAction::word).toList()));
  }

  private Job view(JobRow row) {
    // Writes pending changes first, so that the queue position is computed from the current row.
    jobs.flush();
    var place = queue.places(List.of(row)).get(row.id());
    try {
      return row.toJob(
          place, documents.spec(row.documents()), documents.baseline(row.id()).orElse(null));
    } catch (StoredJson.Unreadable e) {
      LOG.error(
          "The documents of job {} cannot be read; it is returned without them: {}",
          row.id(),
          e.getMessage());
      return row.toJob(place);
    }
  }
}
