package dev.spikewise.sweep;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Reason;
import dev.spikewise.spec.SweepSpec;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A sweep, as its jobs are now.
 *
 * @param status in the words of its jobs
 * @param jobs by variant, then by round
 * @param paretoFront of accuracy against synops among the jobs that succeeded, the fewest synops
 *     first
 * @param finishedAt when the last job ended; null before
 * @param version changes whenever the sweep or one of its jobs does
 * @param id of the sweep
 * @param name for people
 * @param spec as it was sent; absent from the items of a list, and where what is stored of it is
 *     damaged
 * @param progress how far it is
 * @param createdAt when it was sent
 */
public record Sweep(
    UUID id,
    @Nullable String name,
    JobState status,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable SweepSpec spec,
    Progress progress,
    List<Part> jobs,
    List<Point> paretoFront,
    Instant createdAt,
    @Nullable Instant finishedAt,
    @JsonIgnore String version) {

  /**
   * How far a sweep is.
   *
   * @param jobs planned, all rounds included
   * @param finished of those
   * @param ratio of all epochs
   * @param estimatedFinishAt null unless a job is running
   */
  public record Progress(
      int jobs, int finished, double ratio, @Nullable Instant estimatedFinishAt) {}

  /**
   * One job.
   *
   * @param id null where the job was deleted, or was refused as {@code error} says
   * @param label the values in words
   * @param combination of values, from 0
   * @param round from 0
   * @param values by their place in the sweep's job
   * @param progress share of its epochs
   * @param synops a sample, in the last epoch, as are the accuracies
   * @param name of the job
   * @param status of the job
   * @param reason of its status
   * @param error why it was refused, or failed
   * @param targetSynops of its first synops term
   * @param accuracy of the training samples
   * @param testAccuracy of the held-out samples
   */
  public record Part(
      @Nullable UUID id,
      @Nullable String name,
      String label,
      int combination,
      int round,
      Map<String, @Nullable Object> values,
      @Nullable JobState status,
      @Nullable Reason reason,
      @Nullable String error,
      double progress,
      @Nullable Double targetSynops,
      @Nullable Double synops,
      @Nullable Double accuracy,
      @Nullable Double testAccuracy) {}

  /**
   * A trained network.
   *
   * @param accuracy on the test split, or on the training samples where there is none
   * @param job its id
   * @param label its values in words
   * @param synops a sample
   */
  public record Point(UUID job, String label, double synops, double accuracy) {}

  /** The same as an item of a list. */
  Sweep withoutSpec() {
    return new Sweep(
        id, name, status, null, progress, jobs, paretoFront, createdAt, finishedAt, version);
  }

  /** About how long it is in JSON, without its document. */
  long bytes() {
    return 500
        + jobs.stream()
            .mapToLong(job -> 400 + 2 * job.label.length() + job.values.toString().length())
            .sum();
  }

  /** What is trained and has an accuracy: what the front is chosen from. */
  @JsonIgnore
  public List<Point> trained() {
    return trained(jobs);
  }

  static List<Point> trained(List<Part> jobs) {
    return jobs.stream().flatMap(Sweep::point).toList();
  }

  private static Stream<Point> point(Part job) {
    var accuracy = job.testAccuracy() == null ? job.accuracy() : job.testAccuracy();
    return job.id() == null
            || job.status() != JobState.SUCCEEDED
            || job.synops() == null
            || accuracy == null
        ? Stream.empty()
        : Stream.of(new Point(job.id(), job.label(), job.synops(), accuracy));
  }
}
