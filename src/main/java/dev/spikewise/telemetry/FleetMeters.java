package dev.spikewise.telemetry;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobEvent;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/** Jobs by state, of the whole fleet; what ended and was trained, of this process. */
@Component
class FleetMeters {

  private final MeterRegistry registry;
  private final Counter synops;
  private final Timer epochs;

  FleetMeters(MeterRegistry registry, Jobs jobs) {
    this.registry = registry;
    for (var state : JobState.values()) {
      Gauge.builder("spikewise.jobs", () -> jobs.count(state))
          .tag("status", state.word())
          .description("Jobs in this state, in the whole fleet")
          .register(registry);
    }
    Gauge.builder("spikewise.queue.oldest.age", () -> jobs.oldestQueued().toMillis() / 1e3)
        .baseUnit("seconds")
        .description("How long the job that waits longest has been in the queue")
        .register(registry);
    synops =
        Counter.builder("spikewise.trained.synops")
            .description("Synaptic operations a sample, summed over the epochs trained")
            .register(registry);
    epochs =
        Timer.builder("spikewise.epoch.duration")
            .description("Training time of an epoch")
            .register(registry);
  }

  @TransactionalEventListener
  void on(JobEvent.EpochsCompleted event) {
    for (var epoch : event.epochs()) {
      synops.increment(epoch.synops());
      epochs.record(Duration.ofNanos(Math.round(epoch.durationMs() * 1e6)));
    }
  }

  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    var job = event.job();
    var reason = job.reason();
    if (!job.status().isFinal() || reason == null) {
      return;
    }
    Counter.builder("spikewise.jobs.finished")
        .description("Jobs that ended")
        .tags("status", job.status().word(), "reason", reason.word())
        .register(registry)
        .increment();
    record(job);
  }

  private void record(Job job) {
    if (job.startedAt() != null && job.finishedAt() != null) {
      Timer.builder("spikewise.job.duration")
          .description("From a job's first start to its end")
          .tag("status", job.status().word())
          .register(registry)
          .record(Duration.between(job.startedAt(), job.finishedAt()));
    }
  }
}
