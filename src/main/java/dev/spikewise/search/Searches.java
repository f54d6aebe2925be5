package dev.spikewise.search;

import static java.util.Objects.requireNonNull;

import dev.spikewise.job.Documents;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.Limits;
import dev.spikewise.model.Models;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.search.SearchRepository.Row;
import dev.spikewise.search.SearchRepository.TrialRow;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchRange;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import dev.spikewise.store.StoredJson;
import dev.spikewise.tenant.Tenants;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/** Operations on stored searches. */
@Service
public class Searches {

  private static final Logger LOG = LoggerFactory.getLogger(Searches.class);

  /** Position of the values with which a range is checked while the ends of others are. */
  private static final double MIDDLE = 0.5;

  private final SearchRepository searches;
  private final Trials trials;
  private final Jobs jobs;
  private final Documents documents;
  private final Tenants tenants;
  private final Database database;
  private final Limits limits;
  private final TransactionOperations transactions;

  Searches(
      SearchRepository searches,
      Trials trials,
      Jobs jobs,
      Documents documents,
      Tenants tenants,
      Database database,
      Limits limits,
      TransactionOperations transactions) {
    this.searches = searches;
    this.trials = trials;
    this.jobs = jobs;
    this.documents = documents;
    this.tenants = tenants;
    this.database = database;
    this.limits = limits;
    this.transactions = transactions;
  }

  /**
   * Checks a search and queues its first generation.
   *
   * @param builder builds the job with given values and reports mistakes by their pointer
   * @throws InvalidSpecException with all mistakes
   */
  public Search create(
      SearchSpec spec, Function<Map<String, @Nullable Object>, TrainingSpec> builder) {
    var job = new Check(spec, builder).run();
    var id = UUID.randomUUID();
    boolean heldOut = jobs.hasTestSamples(job);
    var row =
        new Row(
            id,
            Long.MAX_VALUE,
            spec.name(),
            tenants.owner(),
            UUID.randomUUID(),
            spec.objectives().getFirst().metric().samples(heldOut),
            spec.budget().hours(),
            database.now(),
            null,
            null,
            null,
            0);
    var state = new SearchState(row, spec, List.of(), List.of());
    var planned = trials.plan(state, state.nextCount(limits.trials()));
    if (planned.stream().allMatch(trial -> trial.refusal() != null)) {
      throw new InvalidSpecException(
          "/over",
          "has no values that can be trained among the first %d trials; the first one: %s"
              .formatted(planned.size(), planned.getFirst().refusal()));
    }
    return requireNonNull(
        transactions.execute(
            _ -> {
              documents.insert(id, row.tenant(), spec);
              documents.insert(row.jobDocument(), row.tenant(), spec.job());
              searches.insert(row);
              trials.start(id, row.jobDocument(), spec, 0, planned);
              return get(id);
            }));
  }

  /** Checks the ends of every range, and whether the objectives can be measured. */
  private final class Check {

    private final SearchSpec spec;
    private final Function<Map<String, @Nullable Object>, TrainingSpec> builder;
    private final Function<ModelRef, Models.Network> networks = jobs.networks();
    private final LinkedHashSet<Mistake> mistakes = new LinkedHashSet<>();
    private double seconds;

    Check(SearchSpec spec, Function<Map<String, @Nullable Object>, TrainingSpec> builder) {
      this.spec = spec;
      this.builder = builder;
    }

    /** Returns the job with the values in the middle of all ranges. */
    TrainingSpec run() {
      var middle = new LinkedHashMap<String, @Nullable Object>();
      spec.over().forEach((path, range) -> middle.put(path, range.at(MIDDLE)));
      TrainingSpec job = null;
      try {
        job = prepare(middle);
        checkMetrics(job);
        checkBounds(job);
      } catch (InvalidSpecException e) {
        e.mistakes().forEach(mistake -> mistakes.add(blame(mistake)));
      }
      for (var entry : spec.over().entrySet()) {
        if (mistakes.stream().anyMatch(mistake -> mistake.isWithin(place(entry.getKey())))) {
          continue;
        }
        for (var end : entry.getValue().ends()) {
          if (mistakes.size() < Mistakes.MOST) {
            check(middle, entry.getKey(), end, job != null);
          }
        }
      }
      if (job == null || !mistakes.isEmpty()) {
        throw new InvalidSpecException(List.copyOf(mistakes));
      }
      return job;
    }

    private TrainingSpec prepare(Map<String, @Nullable Object> values) {
      var job = builder.apply(values);
      seconds += jobs.prepare(job, networks, seconds).seconds();
      return job;
    }

    private void check(
        Map<String, @Nullable Object> middle,
        String path,
        SearchRange.End end,
        boolean middleIsValid) {
      var values = new LinkedHashMap<>(middle);
      values.put(path, end.value());
      try {
        prepare(values);
      } catch (InvalidSpecException e) {
        for (var mistake : e.mistakes()) {
          if (isAt(path, mistake)) {
            mistakes.add(new Mistake(place(path) + end.place(), mistake.detail()));
          } else if (middleIsValid
              && spec.over().keySet().stream().noneMatch(p -> isAt(p, mistake))) {
            mistakes.add(
                new Mistake(
                    place(path) + end.place(),
                    "makes `%s` of the job invalid: it %s"
                        .formatted(mistake.pointer(), mistake.detail())));
          }
        }
      }
    }

    /** Translates a mistake in the job with all values in the middle to a place in the search. */
    private Mistake blame(Mistake mistake) {
      if (mistake.pointer().startsWith("/objectives") || mistake.pointer().startsWith("/bounds")) {
        return mistake;
      }
      return spec.over().keySet().stream()
          .filter(path -> isAt(path, mistake))
          .findFirst()
          .map(path -> new Mistake(place(path), mistake.detail()))
          .orElseGet(() -> new Mistake("/job" + mistake.pointer(), mistake.detail()));
    }

    private static boolean isAt(String path, Mistake mistake) {
      var pointer = SweepSpec.pointer(path);
      return mistake.isWithin(pointer) || pointer.startsWith(mistake.pointer() + "/");
    }

    private static String place(String path) {
      return "/over/" + path.replace("~", "~0").replace("/", "~1");
    }

    private void checkMetrics(TrainingSpec job) {
      boolean heldOut = jobs.hasTestSamples(job);
      boolean labelled = job.input() instanceof InputSpec.FromDataset;
      var first = spec.objectives().getFirst().metric().samples(heldOut);
      spec.metrics()
          .forEach(
              (place, metric) -> {
                if (metric.isQuantized() && job.quantize() == null) {
                  mistakes.add(
                      new Mistake(
                          place,
                          metric.word() + " needs a quantised network: add quantize to job"));
                } else if (metric.isAccuracy() && !labelled) {
                  mistakes.add(
                      new Mistake(
                          place,
                          metric.word() + " needs labels: use an input of type dataset in job"));
                } else if (!metric.isQuantized()
                    && metric.samples(heldOut) == SearchMetric.Samples.HELD_OUT
                    && !heldOut) {
                  mistakes.add(
                      new Mistake(
                          place,
                          metric.word()
                              + " needs test samples: raise test_fraction of the job's input"));
                } else if (metric.samples(heldOut) != first) {
                  mistakes.add(
                      new Mistake(
                          place,
                          ("%s is not measured on the same samples as %s: use test_accuracy with"
                                  + " test_synops, or accuracy with synops")
                              .formatted(
                                  metric.word(), spec.objectives().getFirst().metric().word())));
                }
              });
    }

    /**
     * Refuses bounds of synops below what the raw input causes in the first layer, unless the
     * search varies what that depends on.
     */
    private void checkBounds(TrainingSpec job) {
      if (spec.varies("/model") || spec.varies("/input") || spec.varies("/time_steps")) {
        return;
      }
      for (int i = 0; i < spec.bounds().size(); i++) {
        var bound = spec.bounds().get(i);
        boolean synops =
            bound.metric() == SearchMetric.SYNOPS || bound.metric() == SearchMetric.TEST_SYNOPS;
        if (synops && bound.max() != null) {
          try {
            var limited = SearchSpec.limited(job, bound.max());
            seconds += jobs.prepare(limited, networks, seconds).seconds();
          } catch (InvalidSpecException e) {
            mistakes.add(
                new Mistake(
                    "/bounds/" + i + "/max", "cannot be met: " + e.mistakes().getFirst().detail()));
          }
        }
      }
    }
  }

  @Transactional(readOnly = true)
  public Search get(UUID id) {
    return view(
        searches
            .find(id)
            .filter(row -> tenants.sees(row.tenant()))
            .orElseThrow(() -> notFound(id)));
  }

  /** Lists searches created before the one with {@code number}, newest first, without trials. */
  @Transactional(readOnly = true)
  public Page<Search> list(int limit, long number) {
    return Page.ofViews(
        searches.list(limit + 1, number, tenants.seeAll(), tenants.owner()),
        limit,
        this::brief,
        Search::bytes,
        Row::number);
  }

  /** Cancels the trials that have not ended and starts no further ones. */
  @Transactional
  public Search cancel(UUID id) {
    var row = lock(id);
    if (row.endedAt() == null) {
      jobs.cancel(jobIds(id));
      searches.end(id, Search.End.REQUESTED, database.now());
    } else if (row.reason() != Search.End.REQUESTED) {
      throw forbidden(brief(row).status(), "cancelled", List.of());
    }
    return get(id);
  }

  /** Deletes a finished search and its jobs. */
  @Transactional
  public void delete(UUID id, IfMatch condition) {
    var row = lock(id);
    var search = brief(row);
    condition.require(search.version());
    if (!search.status().isFinal()) {
      throw forbidden(search.status(), "deleted", List.of("cancel"));
    }
    var existing = jobs.find(jobIds(id));
    searches.delete(id);
    existing.forEach(job -> jobs.delete(job.id(), IfMatch.NONE));
    documents.release(new Documents.Place(id, null, null, null, null));
    documents.release(new Documents.Place(row.jobDocument(), null, null, null, null));
  }

  private static ProblemException forbidden(JobState state, String action, List<String> allowed) {
    return new ProblemException(
        Problem.of(Code.CONFLICT, "a search in state " + state.word() + " cannot be " + action)
            .withAllowedActions(allowed));
  }

  private static ProblemException notFound(UUID id) {
    return ProblemException.notFound("search", id.toString());
  }

  private Row lock(UUID id) {
    return searches
        .lock(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> notFound(id));
  }

  private List<UUID> jobIds(UUID id) {
    return searches.trials(id).stream().map(TrialRow::job).filter(Objects::nonNull).toList();
  }

  private Search view(Row row) {
    return read(row).search(searches.hours(row.id()), limits.trials());
  }

  private Search brief(Row row) {
    return read(row).brief(searches.hours(row.id()), limits.trials());
  }

  private SearchView read(Row row) {
    var rows = searches.trials(row.id());
    var ids = rows.stream().map(TrialRow::job).filter(Objects::nonNull).toList();
    return new SearchView(row, spec(row), rows, searches.results(row.id()), jobs.find(ids));
  }

  /**
   * Specification of a search; null when it is damaged, so that the search can still be viewed,
   * cancelled and deleted.
   */
  private @Nullable SearchSpec spec(Row row) {
    try {
      return documents.search(row.id());
    } catch (StoredJson.Unreadable e) {
      LOG.error(
          "The specification of search {} cannot be read; the search is returned without it: {}",
          row.id(),
          e.getMessage());
      return null;
    }
  }
}
