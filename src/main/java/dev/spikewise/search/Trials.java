package dev.spikewise.search;

import dev.spikewise.job.Jobs;
import dev.spikewise.job.Variant;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.search.SearchRepository.TrialRow;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.StoredJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import tools.jackson.databind.node.ObjectNode;

/** Builds, checks and queues the trials of a generation. */
@Component
class Trials {

  private static final int MAX_REFUSAL = 2000;

  private final SearchRepository searches;
  private final Jobs jobs;
  private final StoredJson json;
  private final Limits limits;

  Trials(SearchRepository searches, Jobs jobs, StoredJson json, Limits limits) {
    this.searches = searches;
    this.jobs = jobs;
    this.json = json;
    this.limits = limits;
  }

  /**
   * A trial that is ready to be stored: with a job, or with the reason why it cannot be trained.
   */
  record Planned(
      int number,
      Map<String, @Nullable Object> values,
      @Nullable TrainingSpec spec,
      Jobs.@Nullable Prepared prepared,
      @Nullable String refusal) {}

  /**
   * Checks the jobs of the next generation, which may run forward passes: call it outside a
   * transaction. A combination of values that cannot be trained counts as a failed trial.
   */
  List<Planned> plan(SearchState state, int count) {
    var spec = state.spec();
    var proposals = Proposals.propose(spec, state.generation() + 1, state.outcomes(), count);
    var networks = jobs.networks();
    var planned = new ArrayList<Planned>();
    double seconds = 0;
    for (var values : proposals) {
      int number = state.trials().size() + planned.size();
      try {
        var job = job(spec, number, values);
        var prepared = jobs.prepare(job, networks, seconds);
        seconds += prepared.seconds();
        planned.add(new Planned(number, values, job, prepared.asVariant(), null));
      } catch (InvalidSpecException | StoredJson.Unreadable e) {
        var why = String.valueOf(e.getMessage());
        planned.add(
            new Planned(
                number, values, null, null, why.substring(0, Math.min(why.length(), MAX_REFUSAL))));
      }
    }
    return planned;
  }

  private TrainingSpec job(SearchSpec search, int number, Map<String, @Nullable Object> values) {
    ObjectNode tree = json.toTree(search.job());
    Variant.apply(tree, values, json::toTree);
    tree.put("name", search.jobName(number, values));
    var job = json.value(tree, TrainingSpec.class);
    var mistakes = new Mistakes();
    limits.check(job, mistakes);
    mistakes.throwIfAny();
    return job;
  }

  /** Stores the trials of a generation and queues their jobs. */
  @Transactional(propagation = Propagation.MANDATORY)
  public void start(
      UUID search, UUID jobDocument, SearchSpec spec, int generation, List<Planned> planned) {
    var shared = new Jobs.Shared(jobDocument);
    Integer pause = pauseAfter(spec, 0);
    for (var trial : planned) {
      UUID job =
          trial.spec() == null || trial.prepared() == null
              ? null
              : jobs.submitTrial(trial.prepared(), trial.spec(), shared, pause);
      searches.insert(
          search,
          new TrialRow(trial.number(), generation, 0, trial.values(), job, trial.refusal()));
    }
  }

  /** Number of epochs after which a trial pauses in {@code rung}; null for the last one. */
  static @Nullable Integer pauseAfter(SearchSpec spec, int rung) {
    var ends = spec.rungEpochs();
    return rung == ends.size() - 1 ? null : ends.get(rung);
  }
}
