package dev.spikewise.sweep;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Reason;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SweepSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A sweep and the current state of its jobs.
 *
 * @param status State of the sweep, derived from its jobs.
 * @param jobs Jobs of the sweep, by variant and round.
 * @param paretoFront Succeeded jobs that no other job beats in both accuracy and synaptic
 *     operations on the same samples, fewest operations first.
 * @param groups Variants that differ only in their seed, taken together, by round; empty without
 *     {@code seeds}.
 * @param finishedAt End of the last job; null before.
 * @param version Value that changes whenever the sweep or one of its jobs changes.
 * @param id Unique id of the sweep.
 * @param name Display name of the sweep; null when it has none.
 * @param spec Specification as it was submitted; absent from the items of a list, and where the
 *     stored document is damaged.
 * @param progress Number of finished jobs and estimated end.
 * @param createdAt Time of submission (RFC 3339).
 */
public record Sweep(
    UUID id,
    @Nullable String name,
    JobState status,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable SweepSpec spec,
    Progress progress,
    List<Part> jobs,
    List<Point> paretoFront,
    List<Group> groups,
    Instant createdAt,
    @Nullable Instant finishedAt,
    @JsonIgnore String version) {

  /**
   * Progress of a sweep.
   *
   * @param jobs Number of planned jobs, including all rounds.
   * @param finished Number of finished jobs.
   * @param ratio Completed fraction of all epochs.
   * @param estimatedFinishAt Estimated end of the sweep; null unless a job is running.
   */
  public record Progress(
      int jobs, int finished, double ratio, @Nullable Instant estimatedFinishAt) {}

  /**
   * One job of a sweep.
   *
   * @param id Id of the job; null where it was deleted or refused.
   * @param label Values of the variant in words.
   * @param combination Number of the combination of values, starting from 0.
   * @param round Number of the round, starting from 0.
   * @param values Values of the variant, by their path in the sweep's job.
   * @param progress Completed fraction of the job's epochs.
   * @param synops Synaptic operations per training sample in the last epoch.
   * @param testSynops Synaptic operations per held-out sample after the last epoch.
   * @param name Display name of the job.
   * @param status Current state of the job.
   * @param reason Reason of the current state.
   * @param error Description of why the job was refused or failed.
   * @param targetSynops Target of the first synops term, in synaptic operations per sample.
   * @param accuracy Accuracy on the training samples in the last epoch.
   * @param testAccuracy Accuracy on the held-out samples after the last epoch.
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
      @Nullable Double testAccuracy,
      @Nullable Double testSynops) {

    /** Whether accuracy and synops are both known of the held-out samples. */
    public boolean comparesHeldOut() {
      // Jobs of earlier versions have a test accuracy without test synops.
      return testAccuracy != null && testSynops != null;
    }
  }

  /**
   * Results of the same values with several seeds.
   *
   * @param label Values of the variant without its seed, in words.
   * @param round Number of the round, starting from 0.
   * @param values Values of the variant without its seed, by their path in the sweep's job.
   * @param jobs Number of jobs, one per seed.
   * @param succeeded Number of succeeded jobs, over which the figures are taken.
   * @param synops Synaptic operations per training sample; null without a succeeded job.
   * @param accuracy Accuracy on the training samples; null where a succeeded job has none.
   * @param testAccuracy Accuracy on the held-out samples; null where a succeeded job has none.
   * @param testSynops Synaptic operations per held-out sample; null where a succeeded job has none.
   */
  public record Group(
      String label,
      int round,
      Map<String, @Nullable Object> values,
      int jobs,
      int succeeded,
      @Nullable Spread synops,
      @Nullable Spread accuracy,
      @Nullable Spread testAccuracy,
      @Nullable Spread testSynops) {}

  /**
   * Mean and spread of a figure over seeds.
   *
   * @param mean Mean over the seeds.
   * @param std Sample standard deviation (n - 1 in the denominator); null for a single value.
   * @param min Least value of any seed.
   * @param max Greatest value of any seed.
   */
  public record Spread(double mean, @Nullable Double std, double min, double max) {

    static @Nullable Spread of(List<@Nullable Double> values) {
      if (values.isEmpty() || values.contains(null)) {
        return null;
      }
      var figures = values.stream().filter(Objects::nonNull).mapToDouble(v -> v).toArray();
      double mean = Arrays.stream(figures).average().orElseThrow();
      double squares = Arrays.stream(figures).map(v -> (v - mean) * (v - mean)).sum();
      return new Spread(
          mean,
          figures.length == 1 ? null : (Double) Math.sqrt(squares / (figures.length - 1)),
          Arrays.stream(figures).min().orElseThrow(),
          Arrays.stream(figures).max().orElseThrow());
    }
  }

  /**
   * Takes together the jobs whose values differ only in {@code seed}, in the order of the jobs.
   *
   * @param label words for values
   */
  static List<Group> groups(
      List<Part> jobs, Function<Map<String, @Nullable Object>, String> label) {
    record Key(int round, Map<String, @Nullable Object> values) {}
    var members = new LinkedHashMap<Key, List<Part>>();
    for (Part job : jobs) {
      var values = new LinkedHashMap<>(job.values());
      values.remove("seed");
      members.computeIfAbsent(new Key(job.round(), values), _ -> new ArrayList<>()).add(job);
    }
    var groups = new ArrayList<Group>();
    members.forEach(
        (key, all) -> {
          var done = all.stream().filter(job -> job.status() == JobState.SUCCEEDED).toList();
          groups.add(
              new Group(
                  label.apply(key.values()),
                  key.round(),
                  key.values(),
                  all.size(),
                  done.size(),
                  spread(done, Part::synops),
                  spread(done, Part::accuracy),
                  spread(done, Part::testAccuracy),
                  spread(done, Part::testSynops)));
        });
    return groups;
  }

  private static @Nullable Spread spread(List<Part> jobs, Function<Part, @Nullable Double> figure) {
    var values = new ArrayList<@Nullable Double>();
    jobs.forEach(job -> values.add(figure.apply(job)));
    return Spread.of(values);
  }

  /**
   * Point of the Pareto front. Accuracy and synops are those of the same samples.
   *
   * @param samples Samples on which both are measured: the held-out ones, or the training samples
   *     where there are none.
   * @param accuracy Accuracy on these samples.
   * @param job Id of the job.
   * @param label Values of the variant in words.
   * @param synops Synaptic operations per sample on these samples.
   */
  public record Point(
      UUID job, String label, SearchMetric.Samples samples, double synops, double accuracy) {}

  /** Returns this sweep as an entry of a list. */
  Sweep withoutSpec() {
    return new Sweep(
        id,
        name,
        status,
        null,
        progress,
        jobs,
        paretoFront,
        groups,
        createdAt,
        finishedAt,
        version);
  }

  /** Approximate size in JSON without the specification, in bytes. */
  long bytes() {
    return 500
        + groups.stream()
            .mapToLong(
                group -> 800 + 2 * group.label().length() + group.values().toString().length())
            .sum()
        + jobs.stream()
            .mapToLong(job -> 400 + 2 * job.label.length() + job.values.toString().length())
            .sum();
  }

  /** Whether accuracy and synops of the held-out samples are compared, as any job has them. */
  @JsonIgnore
  public boolean comparesHeldOut() {
    return jobs.stream().anyMatch(Part::comparesHeldOut);
  }

  /** Trained jobs with an accuracy, from which the Pareto front is selected. */
  @JsonIgnore
  public List<Point> trained() {
    return trained(jobs);
  }

  /** Jobs without held-out samples cannot be compared with those that have some. */
  static List<Point> trained(List<Part> jobs) {
    var points = jobs.stream().flatMap(Sweep::point).toList();
    var samples = points.stream().map(Point::samples).min(Comparator.naturalOrder());
    return points.stream().filter(point -> samples.equals(Optional.of(point.samples()))).toList();
  }

  private static Stream<Point> point(Part job) {
    if (job.id() == null || job.status() != JobState.SUCCEEDED) {
      return Stream.empty();
    }
    if (job.comparesHeldOut()) {
      return Stream.of(
          new Point(
              job.id(),
              job.label(),
              SearchMetric.Samples.HELD_OUT,
              Objects.requireNonNull(job.testSynops()),
              Objects.requireNonNull(job.testAccuracy())));
    }
    return job.synops() == null || job.accuracy() == null
        ? Stream.empty()
        : Stream.of(
            new Point(
                job.id(),
                job.label(),
                SearchMetric.Samples.TRAINING,
                job.synops(),
                job.accuracy()));
  }
}
