package dev.spikewise.sweep;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobState;
import dev.spikewise.spec.Pareto;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.sweep.SweepRepository.Place;
import dev.spikewise.sweep.SweepRepository.Row;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Derives the state of a sweep from its jobs. */
final class SweepView {

  private final Row row;
  private final @Nullable SweepSpec spec;
  private final List<Place> places;
  private final Map<UUID, Job> jobs;

  /**
   * @param spec specification of the sweep; null when it cannot be read
   */
  SweepView(Row row, @Nullable SweepSpec spec, List<Place> places, Collection<Job> jobs) {
    this.row = row;
    this.spec = spec;
    this.places = places;
    this.jobs = jobs.stream().collect(Collectors.toMap(Job::id, Function.identity()));
  }

  Sweep sweep() {
    var parts = places.stream().map(place -> part(place, job(place))).toList();
    var status = status();
    return new Sweep(
        row.id(),
        row.name(),
        status,
        spec,
        progress(parts),
        parts,
        Pareto.front(Sweep.trained(parts), Sweep.Point::synops, Sweep.Point::accuracy),
        spec == null || spec.seeds().isEmpty() ? List.of() : Sweep.groups(parts, SweepSpec::words),
        row.createdAt(),
        status.isFinal() ? last(Job::finishedAt) : null,
        version());
  }

  private @Nullable Job job(Place place) {
    return place.jobId() == null ? null : jobs.get(place.jobId());
  }

  private JobState status() {
    var states = new ArrayList<>(jobs.values().stream().map(Job::status).toList());
    if (places.stream().anyMatch(place -> place.refusal() != null)) {
      states.add(JobState.FAILED);
    }
    boolean unfinished = places.stream().anyMatch(this::isFollowed);
    if (unfinished && row.cancelledAt() != null) {
      states.add(JobState.CANCELLED);
    }
    return status(states, unfinished && row.cancelledAt() == null);
  }

  /** Whether a further round of the variant will follow this job. */
  private boolean isFollowed(Place place) {
    var job = job(place);
    return job != null
        && job.status() == JobState.SUCCEEDED
        && place.round() + 1 < row.rounds()
        && places.stream()
            .noneMatch(
                next ->
                    next.combination() == place.combination() && next.round() == place.round() + 1);
  }

  private static JobState status(List<JobState> states, boolean more) {
    if (more || states.contains(JobState.RUNNING) || states.contains(JobState.PAUSING)) {
      return JobState.RUNNING;
    }
    if (states.contains(JobState.CANCELLING)) {
      return JobState.CANCELLING;
    }
    if (states.contains(JobState.QUEUED)) {
      return states.stream().allMatch(JobState.QUEUED::equals) ? JobState.QUEUED : JobState.RUNNING;
    }
    if (states.contains(JobState.PAUSED)) {
      return JobState.PAUSED;
    }
    if (states.contains(JobState.FAILED)) {
      return JobState.FAILED;
    }
    return states.contains(JobState.CANCELLED) ? JobState.CANCELLED : JobState.SUCCEEDED;
  }

  private Sweep.Part part(Place place, @Nullable Job job) {
    int combination = place.combination();
    var latest = job == null ? null : job.latest();
    return new Sweep.Part(
        job == null ? null : job.id(),
        job != null ? job.name() : spec == null ? null : spec.jobName(combination, place.round()),
        spec == null ? "" : spec.label(combination, place.round()),
        combination,
        place.round(),
        spec == null ? Map.of() : spec.values(combination),
        job == null ? null : job.status(),
        job == null ? null : job.reason(),
        job == null || job.error() == null ? place.refusal() : job.error().detail(),
        job == null ? 0 : job.progress().ratio(),
        job == null ? null : job.targetSynops(),
        latest == null ? null : (Double) latest.synops(),
        latest == null ? null : latest.accuracy(),
        latest == null ? null : latest.testAccuracy(),
        latest == null ? null : latest.testSynops());
  }

  private Sweep.Progress progress(List<Sweep.Part> parts) {
    int planned = spec == null ? places.size() : spec.combinations() * spec.rounds();
    double done = parts.stream().mapToDouble(Sweep.Part::progress).sum();
    long finished = jobs.values().stream().filter(job -> job.status().isFinal()).count();
    return new Sweep.Progress(planned, (int) finished, done / planned, estimate(planned));
  }

  /**
   * Estimates the end: the end of the running jobs, then the remaining jobs with the same
   * parallelism and average duration as so far.
   */
  private @Nullable Instant estimate(int planned) {
    var end = last(job -> job.progress().estimatedFinishAt());
    if (end == null) {
      return null;
    }
    long running = jobs.values().stream().filter(job -> job.status().isActive()).count();
    long waiting = planned - jobs.values().stream().filter(job -> end(job) != null).count();
    double mean =
        jobs.values().stream()
            .filter(job -> end(job) != null && job.startedAt() != null)
            .mapToLong(job -> Duration.between(job.startedAt(), end(job)).toMillis())
            .average()
            .orElse(0);
    return end.plusMillis((long) mean * Math.ceilDiv(waiting, running));
  }

  /** Actual or estimated end of a job. */
  private static @Nullable Instant end(Job job) {
    return job.finishedAt() == null ? job.progress().estimatedFinishAt() : job.finishedAt();
  }

  private @Nullable Instant last(Function<Job, @Nullable Instant> time) {
    return jobs.values().stream()
        .map(time)
        .filter(Objects::nonNull)
        .max(Comparator.naturalOrder())
        .orElse(null);
  }

  /**
   * Sum of counters that never decrease, so that it changes with every change of the sweep or its
   * jobs.
   */
  private String version() {
    int versions = jobs.values().stream().mapToInt(Job::version).sum();
    return places.size()
        + "-"
        + jobs.size()
        + "-"
        + versions
        + (row.cancelledAt() == null ? "" : "-cancelled");
  }
}
