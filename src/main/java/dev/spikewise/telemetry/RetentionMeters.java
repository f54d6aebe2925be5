package dev.spikewise.telemetry;

import dev.spikewise.retention.Removed;
import dev.spikewise.retention.RetentionKind;
import dev.spikewise.retention.RunEnded;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Metrics of the retention in this process. */
@Component
class RetentionMeters {

  private final Map<RetentionKind, Counter> deleted = new EnumMap<>(RetentionKind.class);
  private final Map<RetentionKind, Counter> bytes = new EnumMap<>(RetentionKind.class);
  private final Counter complete;
  private final Counter incomplete;
  private volatile double completedAt;

  RetentionMeters(MeterRegistry registry) {
    for (var kind : RetentionKind.values()) {
      deleted.put(
          kind,
          Counter.builder("spikewise.retention.deleted")
              .tag("kind", kind.word())
              .description("Number of expired resources that this process has deleted, by kind")
              .register(registry));
      bytes.put(
          kind,
          Counter.builder("spikewise.retention.freed")
              .baseUnit("bytes")
              .tag("kind", kind.word())
              .description("Size of the expired resources that this process has deleted, by kind")
              .register(registry));
    }
    complete = runs(registry, "complete");
    incomplete = runs(registry, "incomplete");
    Gauge.builder("spikewise.retention.completed.timestamp", () -> completedAt)
        .baseUnit("seconds")
        .description(
            "Time of the last run that deleted everything expired, since 1970; 0 before the first"
                + " one of this process")
        .register(registry);
  }

  private static Counter runs(MeterRegistry registry, String outcome) {
    return Counter.builder("spikewise.retention.runs")
        .tag("outcome", outcome)
        .description(
            "Number of runs of the retention in this process, by whether everything expired was"
                + " deleted")
        .register(registry);
  }

  @EventListener
  void on(Removed event) {
    Objects.requireNonNull(deleted.get(event.kind())).increment(event.count());
    Objects.requireNonNull(bytes.get(event.kind())).increment(event.bytes());
  }

  @EventListener
  void on(RunEnded event) {
    (event.complete() ? complete : incomplete).increment();
    if (event.complete()) {
      completedAt = System.currentTimeMillis() / 1e3;
    }
  }
}
