package dev.spikewise.search;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobState;
import dev.spikewise.search.Search.TrialState;
import dev.spikewise.search.SearchRepository.ResultRow;
import dev.spikewise.search.SearchRepository.Row;
import dev.spikewise.search.SearchRepository.TrialRow;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** Derives what is shown of a search from its trials, results and jobs. */
final class SearchView {

  private final Row row;
  private final @Nullable SearchSpec spec;
  private final @Nullable SearchState state;
  private final List<TrialRow> trials;
  private final List<ResultRow> results;
  private final Map<UUID, Job> jobs;
  private final Map<Integer, ResultRow> lastResults = new HashMap<>();

  /**
   * @param spec specification of the search; null when it cannot be read
   */
  SearchView(
      Row row,
      @Nullable SearchSpec spec,
      List<TrialRow> trials,
      List<ResultRow> results,
      Collection<Job> jobs) {
    this.row = row;
    this.spec = spec;
    this.state = spec == null ? null : new SearchState(row, spec, trials, results);
    this.trials = trials;
    this.results = results;
    this.jobs = jobs.stream().collect(Collectors.toMap(Job::id, Function.identity()));
    results.forEach(result -> lastResults.put(result.trial(), result));
  }

  /**
   * @param hours training time of all trials
   * @param mostTrials maximum number of trials of any search
   */
  Search search(double hours, int mostTrials) {
    return search(hours, mostTrials, true);
  }

  /** The same as an entry of a list. */
  Search brief(double hours, int mostTrials) {
    return search(hours, mostTrials, false);
  }

  private Search search(double hours, int mostTrials, boolean whole) {
    var front = front();
    var onFront = front.stream().map(Outcome::trial).collect(Collectors.toSet());
    var shown = trials.stream().map(trial -> trial(trial, onFront)).toList();
    var reference = reference();
    var status = status();
    return new Search(
        row.id(),
        row.name(),
        status,
        row.reason(),
        row.waitingFor(),
        whole ? spec : null,
        row.samples(),
        progress(shown, hours, mostTrials),
        whole ? shown : null,
        whole ? rungs() : null,
        front.stream().map(this::point).toList(),
        reference,
        whole ? hypervolume(reference) : null,
        row.createdAt(),
        status.isFinal() ? finishedAt() : null,
        version());
  }

  private @Nullable Job job(TrialRow trial) {
    return trial.job() == null ? null : jobs.get(trial.job());
  }

  private List<Outcome> front() {
    if (state == null || spec == null) {
      return List.of();
    }
    var last = spec.objectives().getLast().metric();
    return new Ranking(spec)
        .front(state.outcomes()).stream()
            .sorted(Comparator.comparingDouble(outcome -> outcome.value(last)))
            .toList();
  }

  private Map<SearchMetric, Double> reference() {
    return state == null || spec == null ? Map.of() : new Ranking(spec).reference(state.outcomes());
  }

  private List<Search.Volume> hypervolume(Map<SearchMetric, Double> reference) {
    var volumes = new ArrayList<Search.Volume>();
    if (state == null || spec == null) {
      return volumes;
    }
    var ranking = new Ranking(spec);
    var epochs = new HashMap<Integer, Integer>();
    for (int i = 0; i < results.size(); i++) {
      var result = results.get(i);
      epochs.merge(result.trial(), result.epochs(), Math::max);
      if (i + 1 == results.size() || results.get(i + 1).createdAt().isAfter(result.createdAt())) {
        volumes.add(
            new Search.Volume(
                epochs.size(),
                epochs.values().stream().mapToLong(Integer::longValue).sum(),
                Duration.between(row.createdAt(), result.createdAt()).toMillis() / 1e3,
                ranking.hypervolume(state.outcomes(i + 1), reference)));
      }
    }
    return volumes;
  }

  private Search.Point point(Outcome outcome) {
    var job = job(trials.get(outcome.trial()));
    return new Search.Point(
        outcome.trial(),
        job == null ? null : job.id(),
        SearchSpec.label(outcome.values()),
        outcome.metrics() == null ? Map.of() : outcome.metrics());
  }

  private Search.Trial trial(TrialRow trial, Set<Integer> onFront) {
    var job = job(trial);
    var result = lastResults.get(trial.number());
    var values = state == null ? trial.values() : state.values(trial);
    var metrics = result == null ? null : result.metrics();
    return new Search.Trial(
        trial.number(),
        trial.generation(),
        job == null ? null : job.id(),
        SearchSpec.label(values),
        values,
        status(trial, job, result),
        job == null ? null : job.reason(),
        job == null || job.error() == null ? trial.refusal() : job.error().detail(),
        trial.rung(),
        job != null ? job.progress().epoch() : result == null ? 0 : result.epochs(),
        metrics,
        metrics != null
            && state != null
            && spec != null
            && state.outcome(trial, trial.rung(), metrics).violation(spec) == 0,
        onFront.contains(trial.number()));
  }

  private TrialState status(TrialRow trial, @Nullable Job job, @Nullable ResultRow result) {
    if (result != null && result.rung() == trial.rung()) {
      int last = spec == null ? 0 : spec.rungEpochs().size() - 1;
      return result.metrics() == null
          ? row.reason() == Search.End.REQUESTED
                  && job != null
                  && job.status() == JobState.CANCELLED
              ? TrialState.CANCELLED
              : TrialState.FAILED
          : trial.rung() == last || job != null && job.status() == JobState.SUCCEEDED
              ? TrialState.FINISHED
              : TrialState.STOPPED;
    }
    return job == null
        ? TrialState.FAILED
        : switch (job.status()) {
          case QUEUED -> TrialState.QUEUED;
          case RUNNING, PAUSING, CANCELLING -> TrialState.RUNNING;
          case PAUSED, SUCCEEDED -> TrialState.WAITING;
          case FAILED -> TrialState.FAILED;
          case CANCELLED -> row.endedAt() == null ? TrialState.FAILED : TrialState.CANCELLED;
        };
  }

  private JobState status() {
    var states = jobs.values().stream().map(Job::status).toList();
    if (row.endedAt() == null) {
      boolean queued = results.isEmpty() && states.stream().allMatch(JobState.QUEUED::equals);
      return queued ? JobState.QUEUED : JobState.RUNNING;
    }
    if (row.reason() == Search.End.REQUESTED || row.reason() == Search.End.HOURS) {
      if (states.stream().anyMatch(JobState::isActive)) {
        return JobState.CANCELLING;
      }
    }
    if (row.reason() == Search.End.REQUESTED) {
      return JobState.CANCELLED;
    }
    return results.stream().anyMatch(result -> result.metrics() != null)
            && row.reason() != Search.End.UNREADABLE
        ? JobState.SUCCEEDED
        : JobState.FAILED;
  }

  private Search.Progress progress(List<Search.Trial> shown, double hours, int mostTrials) {
    long epochs = shown.stream().mapToLong(Search.Trial::epochs).sum();
    long finished =
        shown.stream()
            .filter(
                trial ->
                    switch (trial.status()) {
                      case QUEUED, RUNNING, WAITING -> false;
                      case STOPPED, FINISHED, FAILED, CANCELLED -> true;
                    })
            .count();
    double ratio = row.endedAt() == null ? 0 : 1;
    if (spec != null && row.endedAt() == null) {
      var budget = spec.budget();
      ratio =
          DoubleStream.of(
                  (double) finished / (budget.trials() == null ? mostTrials : budget.trials()),
                  budget.epochs() == null ? 0 : (double) epochs / budget.epochs(),
                  budget.hours() == null ? 0 : hours / budget.hours())
              .max()
              .orElse(0);
    }
    return new Search.Progress(
        shown.size(),
        (int) finished,
        trials.isEmpty() ? 0 : trials.getLast().generation(),
        epochs,
        hours,
        Math.min(1, ratio));
  }

  private List<Search.Rung> rungs() {
    record Place(int generation, int rung) {}
    var entered = new LinkedHashMap<Place, List<Integer>>();
    var promoted = new HashMap<Place, List<Integer>>();
    var done = new HashMap<Place, Integer>();
    for (var trial : trials) {
      for (int rung = 0; rung <= trial.rung(); rung++) {
        entered
            .computeIfAbsent(new Place(trial.generation(), rung), _ -> new ArrayList<>())
            .add(trial.number());
      }
    }
    for (var result : results) {
      var place = new Place(trials.get(result.trial()).generation(), result.rung());
      done.merge(place, 1, Integer::sum);
      if (result.promoted()) {
        promoted.computeIfAbsent(place, _ -> new ArrayList<>()).add(result.trial());
      }
    }
    return entered.entrySet().stream()
        .sorted(
            Map.Entry.comparingByKey(
                Comparator.comparingInt(Place::generation).thenComparingInt(Place::rung)))
        .map(
            entry ->
                new Search.Rung(
                    entry.getKey().generation(),
                    entry.getKey().rung(),
                    spec == null ? 0 : spec.rungEpochs().get(entry.getKey().rung()),
                    entry.getValue(),
                    promoted.getOrDefault(entry.getKey(), List.of()),
                    Objects.equals(done.get(entry.getKey()), entry.getValue().size())))
        .toList();
  }

  private @Nullable Instant finishedAt() {
    return jobs.values().stream()
        .map(Job::finishedAt)
        .filter(Objects::nonNull)
        .filter(at -> row.endedAt() == null || at.isAfter(row.endedAt()))
        .max(Comparator.naturalOrder())
        .orElse(row.endedAt());
  }

  /** Sum of counters that never decrease, so that it changes with every change. */
  private String version() {
    long versions = jobs.values().stream().mapToLong(Job::version).sum();
    return row.changes() + "-" + trials.size() + "-" + jobs.size() + "-" + versions;
  }
}
