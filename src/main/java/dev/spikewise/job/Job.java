package dev.spikewise.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A training job as everyone but its worker sees it.
 *
 * @param spec as it was sent; what can be changed later stands beside it; absent from the items of
 *     a list, and where what is stored of it is damaged
 * @param targetSynops of the loss's first synops term, in synops a sample; null before the start
 *     and without such a term
 * @param baseline statistics of the initial weights on the job's own input; null before the start;
 *     absent from the items of a list
 * @param latest the last complete epoch
 * @param verdict whether a succeeded job met its gates; null without gates
 * @param queue only while queued
 * @param attempt counts from 1; a retry is the next
 * @param version grows with every change
 * @param id of the job
 * @param name for people
 * @param status where it is in its life
 * @param reason why it is there
 * @param progress how far it is
 * @param priority larger goes first
 * @param labels free
 * @param createdAt when it was sent
 * @param startedAt when it was first trained; null before
 * @param finishedAt when it ended; null before
 * @param error of a failed job; null otherwise
 * @param provenance where its result comes from; null before the start
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
   * How far a job is.
   *
   * @param epoch number of complete epochs
   * @param ratio epoch / epochs
   * @param epochs that were asked for
   * @param estimatedFinishAt null unless it is running
   */
  public record Progress(
      int epoch, int epochs, double ratio, @Nullable Instant estimatedFinishAt) {}

  /**
   * Where a queued job is.
   *
   * @param position 1 is next
   * @param jobsAhead that go before it
   */
  public record Queue(long position, long jobsAhead) {}

  /**
   * RFC 9457, of a training rather than of a request.
   *
   * @param type a name for the kind of problem
   * @param title in short
   * @param detail what happened
   * @param code the reason
   */
  public record Problem(String type, String title, String detail, Reason code) {}
}
