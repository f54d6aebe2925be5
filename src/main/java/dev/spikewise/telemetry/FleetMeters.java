package dev.spikewise.telemetry;

import dev.spikewise.job.FencedWrite;
import dev.spikewise.job.Job;
import dev.spikewise.job.JobEvent;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.job.Reason;
import dev.spikewise.job.Workers;
import dev.spikewise.webhook.Delivery;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntSupplier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * Metrics of jobs by state for the whole fleet, and of training and errors for this process.
 * Counters are registered at startup, because Prometheus sees no increase in a series that first
 * appears with the value 1.
 */
@Component
class FleetMeters {

  private final MeterRegistry registry;
  private final Map<JobState, Timer> jobDurations = new EnumMap<>(JobState.class);
  private final Map<Delivery.Status, Counter> webhooks = new EnumMap<>(Delivery.Status.class);
  private final Map<Counter, Double> energies = new HashMap<>();
  private final Timer queueWait;
  private final Timer epochs;
  private final Counter synops;
  private final Counter spikes;
  private final Counter samples;
  private final Counter expirations;
  private final Counter fenced;

  FleetMeters(
      MeterRegistry registry,
      MetricsSettings settings,
      Jobs jobs,
      Workers workers,
      @Value("${spring.application.version:unknown}") String version) {
    this.registry = registry;
    Gauge.builder("spikewise.build.info", () -> 1)
        .tag("version", version)
        .description("1, with the version of this process")
        .register(registry);
    for (var state : JobState.values()) {
      Gauge.builder("spikewise.jobs", () -> jobs.count(state))
          .tag("status", state.word())
          .description("Number of jobs in this state in the whole fleet; queued is the queue depth")
          .register(registry);
    }
    Gauge.builder("spikewise.queue.oldest.age", () -> jobs.oldestQueued().toMillis() / 1e3)
        .baseUnit("seconds")
        .description("Time that the longest waiting job of the fleet has been queued")
        .register(registry);
    Gauge.builder("spikewise.queue.unservable", jobs::countUnservable)
        .description("Number of queued jobs that need more MPI ranks than any worker has")
        .register(registry);
    Gauge.builder("spikewise.worker.ranks", workers::ranks)
        .description("Number of MPI processes that share each job of this worker")
        .register(registry);
    FunctionCounter.builder("spikewise.ranks.wait", workers, Workers::secondsWaited)
        .baseUnit("seconds")
        .description(
            "Time that rank 0 spent in exchanges with the other MPI ranks, including waiting")
        .register(registry);
    FunctionCounter.builder("spikewise.ranks.sent", workers, Workers::sentBytes)
        .baseUnit("bytes")
        .description("Bytes that rank 0 sent to the other MPI ranks")
        .register(registry);
    slots("busy", () -> workers.training().size());
    slots("idle", () -> Math.max(0, workers.slots() - workers.training().size()));

    queueWait =
        timer(
            "spikewise.queue.wait",
            "Time from submission of a job to its claim by this process",
            "1s 5s 30s 1m 5m 15m 1h 6h");
    epochs =
        timer(
            "spikewise.epoch.duration",
            "Training time of an epoch",
            "1ms 5ms 20ms 100ms 500ms 2s 10s 1m 10m 1h");
    synops = counter("spikewise.trained.synops", "Synaptic operations of all training samples");
    spikes = counter("spikewise.trained.spikes", "Spikes of all training samples");
    samples = counter("spikewise.trained.samples", "Number of training samples processed");
    expirations =
        counter(
            "spikewise.lease.expirations",
            "Number of jobs reclaimed from workers whose lease expired");
    fenced =
        counter(
            "spikewise.fenced.writes",
            "Number of writes refused because the worker had lost its lease");
    for (var status : Delivery.Status.values()) {
      webhooks.put(
          status,
          Counter.builder("spikewise.webhook.attempts")
              .description("Number of webhook requests, by the state of the delivery afterwards")
              .tag("status", status.word())
              .register(registry));
    }
    settings
        .energyPerSynop()
        .forEach(
            (chip, joules) ->
                energies.put(
                    Counter.builder("spikewise.energy")
                        .baseUnit("joules")
                        .tag("chip", chip)
                        .description(
                            "Estimated energy of all training samples on this chip, from its"
                                + " published energy per synaptic operation")
                        .register(registry),
                    joules));

    finished(JobState.SUCCEEDED, EnumSet.of(Reason.COMPLETED));
    finished(JobState.CANCELLED, EnumSet.of(Reason.REQUESTED, Reason.OUTPERFORMED));
    finished(
        JobState.FAILED,
        EnumSet.complementOf(
            EnumSet.of(
                Reason.COMPLETED,
                Reason.REQUESTED,
                Reason.RUNG_COMPLETED,
                Reason.OUTPERFORMED,
                Reason.WORKER_DRAINED)));
  }

  private void slots(String state, IntSupplier count) {
    Gauge.builder("spikewise.worker.slots", count::getAsInt)
        .tag("state", state)
        .description("Number of worker slots of this process that are busy or free")
        .register(registry);
  }

  private Counter counter(String name, String description) {
    return Counter.builder(name).description(description).register(registry);
  }

  private Timer timer(String name, String description, String buckets, String... tags) {
    return Timer.builder(name)
        .description(description)
        .serviceLevelObjectives(
            Arrays.stream(buckets.split(" "))
                .map(DurationStyle::detectAndParse)
                .toArray(Duration[]::new))
        .tags(tags)
        .register(registry);
  }

  private void finished(JobState state, Collection<Reason> reasons) {
    reasons.forEach(reason -> finished(state, reason));
    jobDurations.put(
        state,
        timer(
            "spikewise.job.duration",
            "Time from the first start of a job to its end",
            "10s 1m 5m 15m 1h 6h 1d",
            "status",
            state.word()));
  }

  private Counter finished(JobState state, Reason reason) {
    return Counter.builder("spikewise.jobs.finished")
        .description("Number of finished jobs, by state and reason")
        .tags("status", state.word(), "reason", reason.word())
        .register(registry);
  }

  @TransactionalEventListener
  void on(JobEvent.Claimed event) {
    queueWait.record(event.waited());
  }

  @TransactionalEventListener
  void on(JobEvent.EpochsCompleted event) {
    for (var epoch : event.epochs()) {
      double trained = epoch.synops() * event.samples();
      synops.increment(trained);
      energies.forEach((energy, joules) -> energy.increment(trained * joules));
      spikes.increment(epoch.firingRate() * event.neuronSteps() * event.samples());
      samples.increment(event.samples());
      epochs.record(Duration.ofNanos(Math.round(epoch.durationMs() * 1e6)));
    }
  }

  @TransactionalEventListener
  void on(JobEvent.LeaseExpired event) {
    expirations.increment();
  }

  @EventListener
  void on(FencedWrite event) {
    fenced.increment();
  }

  @EventListener
  void on(Delivery.Attempted event) {
    Objects.requireNonNull(webhooks.get(event.status())).increment();
  }

  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    var job = event.job();
    var duration = jobDurations.get(job.status());
    if (duration != null && job.reason() != null) {
      finished(job.status(), job.reason()).increment();
      record(job, duration);
    }
  }

  private static void record(Job job, Timer duration) {
    if (job.startedAt() != null && job.finishedAt() != null) {
      duration.record(Duration.between(job.startedAt(), job.finishedAt()));
    }
  }
}
