package dev.spikewise.sweep;

import dev.spikewise.job.Documents;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.StoredJson;
import dev.spikewise.sweep.SweepRepository.Place;
import dev.spikewise.sweep.SweepRepository.Row;
import dev.spikewise.tenant.Tenants;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/** Operations on stored sweeps. */
@Service
public class Sweeps {

  private static final Logger LOG = LoggerFactory.getLogger(Sweeps.class);

  private final SweepRepository sweeps;
  private final Jobs jobs;
  private final Documents documents;
  private final Tenants tenants;
  private final TransactionOperations transactions;

  Sweeps(
      SweepRepository sweeps,
      Jobs jobs,
      Documents documents,
      Tenants tenants,
      TransactionOperations transactions) {
    this.transactions = transactions;
    this.sweeps = sweeps;
    this.jobs = jobs;
    this.documents = documents;
    this.tenants = tenants;
  }

  /**
   * Queues the first round of every variant, or none when any variant is invalid.
   *
   * @param variants builds the job of a variant from its number
   * @throws InvalidSpecException with the mistakes of all variants
   */
  public Sweep create(SweepSpec spec, IntFunction<TrainingSpec> variants) {
    var prepared = prepare(spec, variants);
    return Objects.requireNonNull(transactions.execute(_ -> store(spec, prepared)));
  }

  /** Checks one variant at a time, because all of them together may not fit in memory. */
  private List<Jobs.Prepared> prepare(SweepSpec spec, IntFunction<TrainingSpec> variants) {
    var mistakes = new LinkedHashSet<Mistake>();
    var prepared = new ArrayList<Jobs.Prepared>();
    var networks = jobs.networks();
    double seconds = 0;
    for (int i = 0; i < spec.combinations() && mistakes.size() < Mistakes.MOST; i++) {
      int variant = i;
      try {
        var next = jobs.prepare(variants.apply(i), networks, seconds);
        seconds += next.seconds();
        prepared.add(next.asVariant());
      } catch (InvalidSpecException e) {
        e.mistakes().forEach(mistake -> mistakes.add(spec.blame(variant, mistake)));
      }
    }
    if (!mistakes.isEmpty()) {
      throw new InvalidSpecException(List.copyOf(mistakes));
    }
    return prepared;
  }

  private Sweep store(SweepSpec spec, List<Jobs.Prepared> variants) {
    var id = UUID.randomUUID();
    documents.insert(id, tenants.owner(), spec);
    sweeps.insert(id, tenants.owner(), spec, Instant.now().truncatedTo(ChronoUnit.MICROS));
    var shared = new Jobs.Shared(id);
    for (int i = 0; i < variants.size(); i++) {
      sweeps.insert(Place.job(id, i, 0, jobs.submit(variants.get(i), shared, i)));
    }
    return get(id);
  }

  @Transactional(readOnly = true)
  public Sweep get(UUID id) {
    return view(
        sweeps.find(id).filter(row -> tenants.sees(row.tenant())).orElseThrow(() -> notFound(id)));
  }

  /**
   * Lists sweeps created before the one with {@code number}, newest first, without their documents.
   * A page of large sweeps may have fewer than {@code limit} entries.
   */
  @Transactional(readOnly = true)
  public Page<Sweep> list(int limit, long number) {
    return Page.ofViews(
        sweeps.list(limit + 1, number, tenants.seeAll(), tenants.owner()),
        limit,
        row -> view(row).withoutSpec(),
        Sweep::bytes,
        Row::number);
  }

  /** Cancels the jobs that have not ended and starts no further ones. */
  @Transactional
  public Sweep cancel(UUID id) {
    var row = lock(id);
    int cancelled = jobs.cancel(jobIds(id));
    var state = view(row).status();
    if (cancelled == 0 && (state == JobState.SUCCEEDED || state == JobState.FAILED)) {
      throw forbidden(state, "cancelled", List.of());
    }
    if (row.cancelledAt() == null) {
      sweeps.cancel(id, Instant.now().truncatedTo(ChronoUnit.MICROS));
    }
    return get(id);
  }

  /** Deletes a finished sweep and its jobs. */
  @Transactional
  public void delete(UUID id, IfMatch condition) {
    var sweep = view(lock(id));
    condition.require(sweep.version());
    var state = sweep.status();
    if (!state.isFinal()) {
      throw forbidden(state, "deleted", List.of("cancel"));
    }
    jobIds(id).forEach(job -> jobs.delete(job, IfMatch.NONE));
    sweeps.delete(id);
    documents.release(new Documents.Place(id, null, null, null, null));
  }

  private static ProblemException forbidden(JobState state, String action, List<String> allowed) {
    return new ProblemException(
        Problem.of(Code.CONFLICT, "a sweep in state " + state.word() + " cannot be " + action)
            .withAllowedActions(allowed));
  }

  private static ProblemException notFound(UUID id) {
    return ProblemException.notFound("sweep", id.toString());
  }

  private Row lock(UUID id) {
    return sweeps
        .lock(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> notFound(id));
  }

  private List<UUID> jobIds(UUID id) {
    return sweeps.places(List.of(id)).stream().map(Place::jobId).filter(Objects::nonNull).toList();
  }

  private Sweep view(Row row) {
    var places = sweeps.places(List.of(row.id()));
    var ids = places.stream().map(Place::jobId).filter(Objects::nonNull).toList();
    return new SweepView(row, spec(row), places, jobs.find(ids)).sweep();
  }

  /**
   * Specification of a sweep; null when it is damaged, so that the sweep can still be viewed,
   * cancelled and deleted.
   */
  private @Nullable SweepSpec spec(Row row) {
    try {
      return documents.sweep(row.id());
    } catch (StoredJson.Unreadable e) {
      LOG.error(
          "The specification of sweep {} cannot be read; the sweep is returned without it: {}",
          row.id(),
          e.getMessage());
      return null;
    }
  }
}
