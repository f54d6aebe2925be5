package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.DoubleBinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A training job.
 *
 * @param spec Specification as it was submitted; properties that can change later are fields of the
 *     job. Absent from the items of a list, and where the stored document is damaged.
 * @param targetSynops Target of the loss's first synops term, in synaptic operations per sample;
 *     null before the start and without such a term.
 * @param baseline Statistics of the initial weights on the job's own input; null before the start,
 *     absent from the items of a list.
 * @param latest Metrics of the last completed epoch; null before the first. Once a training with
 *     restore_best has completed: metrics of the epoch whose weights the job keeps.
 * @param best Best values over all completed epochs; null before the first, and for a job of an
 *     earlier version until the service has read its epochs.
 * @param verdict Outcome of the gates of a succeeded job; null without gates.
 * @param queue Position in the queue; only while the job is queued.
 * @param attempt Number of the attempt, starting from 1; every retry is a new one.
 * @param version Number that grows with every change.
 * @param id Unique id of the job.
 * @param name Display name of the job; null when it has none.
 * @param status Current state of the job.
 * @param reason Reason of the current state; null for a queued or running job.
 * @param progress Number of completed epochs and estimated end.
 * @param priority Priority among the tenant's jobs; larger values run first.
 * @param labels Labels of the job, key to value.
 * @param createdAt Time of submission (RFC 3339).
 * @param startedAt Time of the first training; null before.
 * @param finishedAt Time of the end; null before.
 * @param error Problem of a failed job; null otherwise.
 * @param provenance Origin of the result; null before the start.
 */
public record Job(
    UUID id,
    @Nullable String name,
    JobState status,
    @Nullable Reason reason,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable TrainingSpec spec,
    @Nullable Double targetSynops,
    @Nullable Statistics baseline,
    Progress progress,
    @Nullable EpochMetrics latest,
    @Nullable Best best,
    @Nullable Verdict verdict,
    @Nullable Queue queue,
    int attempt,
    int priority,
    Map<String, String> labels,
    Instant createdAt,
    @Nullable Instant startedAt,
    @Nullable Instant finishedAt,
    @Nullable Problem error,
    @Nullable Provenance provenance,
    @JsonIgnore int version) {

  /**
   * Progress of a job.
   *
   * @param epoch Number of completed epochs.
   * @param ratio Completed epochs divided by requested epochs.
   * @param epochs Number of requested epochs.
   * @param estimatedFinishAt Estimated end of the training; null unless the job is running.
   */
  public record Progress(
      int epoch, int epochs, double ratio, @Nullable Instant estimatedFinishAt) {}

  /**
   * Best values over the completed epochs of a job, each possibly of another epoch.
   *
   * @param loss Smallest loss; null when no loss was finite.
   * @param synops Smallest number of synaptic operations per training sample.
   * @param accuracy Largest accuracy on the training samples; null without labels.
   * @param testAccuracy Largest accuracy on the test samples; null without test samples.
   */
  public record Best(
      @Nullable Double loss,
      @Nullable Double synops,
      @Nullable Double accuracy,
      @Nullable Double testAccuracy) {

    static final Best NONE = new Best(null, null, null, null);

    /** The best values of these epochs and {@code more}. */
    Best with(List<EpochMetrics> more) {
      var best = this;
      for (var epoch : more) {
        best =
            new Best(
                better(best.loss, epoch.loss(), Math::min),
                better(best.synops, epoch.synops(), Math::min),
                better(best.accuracy, epoch.accuracy(), Math::max),
                better(best.testAccuracy, epoch.testAccuracy(), Math::max));
      }
      return best;
    }

    private static @Nullable Double better(
        @Nullable Double before, @Nullable Double now, DoubleBinaryOperator choose) {
      if (now == null || !Double.isFinite(now)) {
        return before;
      }
      return before == null ? now : (Double) choose.applyAsDouble(before, now);
    }
  }

  /**
   * Position of a queued job among the tenant's own jobs.
   *
   * @param position Position of the job; 1 is the next to run.
   * @param jobsAhead Number of jobs that run before this one.
   * @param waitingFor What keeps every worker from taking the job; absent while it waits for its
   *     turn only.
   */
  public record Queue(
      long position,
      long jobsAhead,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String waitingFor) {
    public Queue(long position, long jobsAhead) {
      this(position, jobsAhead, null);
    }
  }

  /**
   * Problem (RFC 9457) that ended a training.
   *
   * @param type URI of the kind of problem.
   * @param title Short description of the kind of problem.
   * @param detail Description of what happened and what to do.
   * @param code Reason of the failure.
   */
  public record Problem(String type, String title, String detail, Reason code) {

    /**
     * @param detail the reason's title when null
     */
    static Problem of(Reason reason, @Nullable String detail) {
      return new Problem(
          "about:blank", reason.title(), detail == null ? reason.title() : detail, reason);
    }
  }
}
