package dev.spikewise.api;

import dev.spikewise.job.JobSort;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.problem.Spelling;
import dev.spikewise.web.LabelQuery;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.BindParam;

/**
 * Filters and order of the list of jobs.
 *
 * @param status Only jobs in one of these states; repeated or separated by commas.
 * @param label Only jobs with all of these labels, each as key:value. A colon in the key is written
 *     as \\:, a backslash in the key as \\\\.
 * @param name Only jobs with this name.
 * @param search Only jobs whose name contains this text, in upper or lower case.
 * @param model Only jobs that were started with the stored model of this id.
 * @param dataset Only jobs on the data set of this id.
 * @param sourceJob Only jobs that started from the trained weights of the job with this id.
 * @param createdAfter Only jobs submitted at this time or later (RFC 3339).
 * @param createdBefore Only jobs submitted at this time or earlier (RFC 3339).
 * @param sort Property to sort by, descending after a hyphen: created_at, started_at, finished_at,
 *     name, status, priority, epoch, target_synops, loss, synops, firing_rate, accuracy,
 *     test_accuracy, best_loss, best_synops, best_accuracy or best_test_accuracy. Default:
 *     -created_at. Jobs without a value come last.
 */
record JobQuery(
    @Nullable List<String> status,
    @Nullable List<String> label,
    @Nullable String name,
    @Nullable String search,
    @Nullable String model,
    @Nullable String dataset,
    @BindParam("source_job") @Nullable String sourceJob,
    @BindParam("created_after") @Nullable String createdAfter,
    @BindParam("created_before") @Nullable String createdBefore,
    @Nullable String sort) {

  Jobs.Filter filter(MetricQuery metrics) {
    var states =
        status == null
            ? List.<String>of()
            : status.stream().flatMap(words -> Arrays.stream(words.split(","))).toList();
    LabelQuery.atMost(states, "status");
    return new Jobs.Filter(
        states.stream().map(JobQuery::state).distinct().toList(),
        LabelQuery.parse(label),
        name,
        search == null || search.isBlank() ? null : search,
        model,
        dataset,
        sourceJob,
        new Jobs.Range<>(
            time(createdAfter, "created_after"), time(createdBefore, "created_before")),
        metrics.ranges());
  }

  JobSort order() {
    return sort == null ? JobSort.NEWEST : JobSort.parse(sort);
  }

  private static @Nullable Instant time(@Nullable String text, String name) {
    try {
      return text == null ? null : Instant.parse(text);
    } catch (java.time.format.DateTimeParseException e) {
      throw refusal(
          "%s must be a time as in RFC 3339, such as 2026-05-01T12:00:00Z, but was %s"
              .formatted(name, text));
    }
  }

  private static JobState state(String word) {
    var words = Arrays.stream(JobState.values()).map(JobState::word).toList();
    return Arrays.stream(JobState.values())
        .filter(state -> state.word().equals(word))
        .findAny()
        .orElseThrow(
            () ->
                refusal(
                    "status must be one of %s but was %s%s"
                        .formatted(
                            String.join(", ", words),
                            word,
                            Spelling.nearest(word, words)
                                .map("; did you mean %s?"::formatted)
                                .orElse(""))));
  }

  private static ProblemException refusal(String detail) {
    return new ProblemException(Code.INVALID_PARAMETER, detail);
  }
}
