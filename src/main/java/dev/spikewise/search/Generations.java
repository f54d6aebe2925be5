package dev.spikewise.search;

import static java.util.Objects.requireNonNull;

import dev.spikewise.job.Documents;
import dev.spikewise.job.Job;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.search.SearchRepository.ResultRow;
import dev.spikewise.search.SearchRepository.Row;
import dev.spikewise.search.SearchRepository.TrialRow;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.store.Database;
import dev.spikewise.store.StoredJson;
import dev.spikewise.store.Ticking;
import dev.spikewise.tenant.Tenants;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;
import org.springframework.transaction.support.TransactionOperations;

/**
 * Completes rungs and starts generations. Every process looks for searches whose jobs have ended or
 * paused, so that none is lost when a process dies. Each step is one transaction that locks the
 * search, and depends on stored results only: the same results lead to the same trials, whichever
 * process takes the step and in whatever order the jobs end.
 */
@Component
class Generations extends Ticking {

  private static final Logger LOG = LoggerFactory.getLogger(Generations.class);
  private static final int MAX_WAITING = 2000;

  private final SearchRepository searches;
  private final Trials trials;
  private final Jobs jobs;
  private final Documents documents;
  private final Tenants tenants;
  private final Database database;
  private final Limits limits;
  private final TransactionOperations transactions;

  Generations(
      SearchRepository searches,
      Trials trials,
      Jobs jobs,
      Documents documents,
      Tenants tenants,
      Database database,
      Limits limits,
      TransactionOperations transactions,
      SearchSettings settings) {
    super("searches", settings.poll());
    this.searches = searches;
    this.trials = trials;
    this.jobs = jobs;
    this.documents = documents;
    this.tenants = tenants;
    this.database = database;
    this.limits = limits;
    this.transactions = transactions;
  }

  @Override
  protected void tick() {
    try {
      for (var row : searches.unfinished()) {
        tryToAdvance(row);
      }
    } catch (RuntimeException e) {
      LOG.warn("The searches that are not finished could not be read: {}", e.toString());
    }
  }

  /** A failure in one search must not stop the others. */
  private void tryToAdvance(Row row) {
    try {
      tenants.as(
          row.tenant(),
          () -> {
            advance(row.id());
            return null;
          });
    } catch (ProblemException e) {
      var why = String.valueOf(e.getMessage());
      waiting(row, why.substring(0, Math.min(why.length(), MAX_WAITING)));
    } catch (RuntimeException e) {
      LOG.warn("Search {} could not go on and will be retried: {}", row.id(), e.toString());
    }
  }

  private void waiting(Row row, String why) {
    if (!why.equals(row.waitingFor())) {
      LOG.info("Search {} waits: {}", row.id(), why);
      transactions.executeWithoutResult(_ -> searches.changed(row.id(), why));
    }
  }

  /** What a search does next. */
  private sealed interface Step {
    /** Nothing until a job ends. */
    record Wait() implements Step {}

    /** A rung was completed. */
    record Again() implements Step {}

    record NextGeneration(SearchState state, int count) implements Step {}
  }

  /** Takes all steps that a search can take now. */
  void advance(UUID id) {
    while (requireNonNull(transactions.execute(_ -> step(id))) instanceof Step next) {
      switch (next) {
        case Step.Wait() -> {
          return;
        }
        case Step.Again() -> {}
        case Step.NextGeneration(var state, int count) -> begin(state, count);
      }
    }
  }

  private Step step(UUID id) {
    var row = searches.lock(id).filter(found -> found.endedAt() == null).orElse(null);
    if (row == null) {
      return new Step.Wait();
    }
    boolean overdue = row.hours() != null && searches.hours(id) >= row.hours();
    if (!overdue && searches.isBusy(id)) {
      return new Step.Wait();
    }
    SearchState state;
    try {
      state = state(row);
    } catch (StoredJson.Unreadable e) {
      LOG.error("Search {} ends because it cannot be read: {}", id, e.getMessage());
      jobs.cancel(jobIds(searches.trials(id)));
      return end(row, Search.End.UNREADABLE);
    }
    var inProgress = state.inProgress();
    if (inProgress.isEmpty()) {
      return overdue ? end(row, Search.End.HOURS) : next(state);
    }
    var found = jobs(inProgress);
    int rungEpochs = state.spec().rungEpochs().get(inProgress.getFirst().rung());
    if (overdue) {
      var done =
          inProgress.stream().filter(trial -> isDone(found.get(trial.job()), rungEpochs)).toList();
      store(state, outcomes(state, done, found), found, Set.of());
      jobs.cancel(jobIds(state.trials()));
      return end(row, Search.End.HOURS);
    }
    if (!inProgress.stream().allMatch(trial -> isDone(found.get(trial.job()), rungEpochs))) {
      return new Step.Wait();
    }
    complete(state, inProgress, found);
    return new Step.Again();
  }

  private SearchState state(Row row) {
    return new SearchState(
        row, documents.search(row.id()), searches.trials(row.id()), searches.results(row.id()));
  }

  private Map<@Nullable UUID, Job> jobs(List<TrialRow> rows) {
    return jobs.find(jobIds(rows)).stream().collect(Collectors.toMap(Job::id, Function.identity()));
  }

  private static List<UUID> jobIds(List<TrialRow> rows) {
    return rows.stream().map(TrialRow::job).filter(Objects::nonNull).toList();
  }

  private Step end(Row row, Search.End reason) {
    searches.end(row.id(), reason, database.now());
    return new Step.Wait();
  }

  /** A job that was refused or deleted will never have a result. */
  private static boolean isDone(@Nullable Job job, int rungEpochs) {
    return job == null
        || job.status().isFinal()
        || job.status() == JobState.PAUSED && job.progress().epoch() >= rungEpochs;
  }

  private Step next(SearchState state) {
    int count = state.nextCount(limits.trials());
    boolean failed = state.outcomes().stream().allMatch(outcome -> outcome.metrics() == null);
    if (failed && state.generation() > 0) {
      return end(state.row(), Search.End.NO_RESULT);
    }
    if (count > 0) {
      return new Step.NextGeneration(state, count);
    }
    var most = state.spec().budget().trials();
    return end(
        state.row(),
        state.trials().size() >= (most == null ? limits.trials() : most)
            ? Search.End.TRIALS
            : Search.End.EPOCHS);
  }

  private void begin(SearchState state, int count) {
    var planned = trials.plan(state, count);
    transactions.executeWithoutResult(
        _ -> {
          var row = searches.lock(state.row().id()).orElse(null);
          if (row == null
              || row.endedAt() != null
              || searches.trials(row.id()).size() != state.trials().size()) {
            return;
          }
          if (planned.isEmpty()) {
            end(row, Search.End.EXHAUSTED);
          } else {
            trials.start(
                row.id(), row.jobDocument(), state.spec(), state.generation() + 1, planned);
            searches.changed(row.id(), null);
          }
        });
  }

  /** Stores the results of a rung, lets the best trials train on and stops the others. */
  private void complete(SearchState state, List<TrialRow> rung, Map<@Nullable UUID, Job> found) {
    int number = rung.getFirst().rung();
    boolean last = number == state.spec().rungEpochs().size() - 1;
    var outcomes = outcomes(state, rung, found);
    var promoted =
        last ? Set.<Integer>of() : promoted(state, number, List.copyOf(outcomes.values()));
    store(state, outcomes, found, promoted);
    for (var trial : rung) {
      var job = found.get(trial.job());
      if (promoted.contains(trial.number())) {
        searches.moveTo(state.row().id(), trial.number(), number + 1);
        jobs.trainOn(requireNonNull(job).id(), Trials.pauseAfter(state.spec(), number + 1));
      } else if (job != null && !last) {
        jobs.stopTrial(job.id());
      }
    }
    searches.changed(state.row().id(), null);
  }

  private Map<TrialRow, Outcome> outcomes(
      SearchState state, List<TrialRow> rung, Map<@Nullable UUID, Job> found) {
    var outcomes = new LinkedHashMap<TrialRow, Outcome>();
    for (var trial : rung) {
      int ends = state.spec().rungEpochs().get(trial.rung());
      var metrics = metrics(state.spec(), found.get(trial.job()), ends);
      outcomes.put(trial, state.outcome(trial, trial.rung(), metrics));
    }
    return outcomes;
  }

  private void store(
      SearchState state,
      Map<TrialRow, Outcome> outcomes,
      Map<@Nullable UUID, Job> found,
      Set<Integer> promoted) {
    var now = database.now();
    outcomes.forEach(
        (trial, outcome) -> {
          var job = found.get(trial.job());
          int ends = state.spec().rungEpochs().get(trial.rung());
          searches.insert(
              state.row().id(),
              new ResultRow(
                  trial.number(),
                  trial.rung(),
                  job == null ? 0 : Math.min(ends, job.progress().epoch()),
                  outcome.metrics(),
                  promoted.contains(trial.number()),
                  now));
        });
  }

  /** Numbers of the trials that go on after {@code rung}. */
  private static Set<Integer> promoted(SearchState state, int rung, List<Outcome> outcomes) {
    var spec = state.spec();
    boolean stopDominated = requireNonNull(spec.rungs()).stopDominated();
    var before = stopDominated ? state.outcomesAt(rung) : List.<Outcome>of();
    return new Ranking(spec)
        .promoted(before, outcomes).stream().map(Outcome::trial).collect(Collectors.toSet());
  }

  /** Metrics of a trial at the end of a rung; null where it failed. */
  private @Nullable Map<SearchMetric, Double> metrics(
      SearchSpec spec, @Nullable Job job, int rungEpochs) {
    var epoch = job == null ? null : epoch(job, rungEpochs);
    if (epoch == null) {
      return null;
    }
    var metrics = new LinkedHashMap<SearchMetric, Double>();
    for (var metric : spec.metrics().values()) {
      Double value = metric.of(epoch);
      if (value == null) {
        return null;
      }
      metrics.put(metric, value);
    }
    return metrics;
  }

  private @Nullable EpochMetrics epoch(Job job, int rungEpochs) {
    return switch (job.status()) {
      // By the weights that it keeps, which are those of its best epoch with restore_best.
      case SUCCEEDED -> job.latest();
      case PAUSED ->
          jobs.epochs(job.id(), rungEpochs - 2, 1, null).stream().findFirst().orElse(null);
      case QUEUED, RUNNING, PAUSING, CANCELLING, CANCELLED, FAILED -> null;
    };
  }
}
