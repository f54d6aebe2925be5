package dev.spikewise.retention;

import dev.spikewise.tenant.Tenants;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How long resources are kept. Nothing is deleted for which no time is set, or which has the label
 * {@code keep=true}.
 *
 * @param jobs Time that a job is kept after its end, and a sweep after the end of its last job;
 *     forever when absent.
 * @param epochs Time that the metrics of single epochs are kept after the end of their job; forever
 *     when absent. The job itself and the metrics of its last epoch remain.
 * @param checkpoints Time that trained weights and their statistics are kept after the end of their
 *     job; forever when absent. Models stored from the job remain.
 * @param datasets Time that a data set is kept after its upload and after the end of the last job
 *     that used it; forever when absent.
 * @param events Time that the state changes of a job are kept after its end; forever when absent.
 * @param interval Time between two searches for expired resources. One process of all searches.
 * @param tenants Times of single tenants by tenant name, which override the general ones: {@code
 *     spikewise.retention.tenants.NAME.jobs} and so on.
 */
@ConfigurationProperties("spikewise.retention")
record RetentionSettings(
    @Nullable Duration jobs,
    @Nullable Duration epochs,
    @Nullable Duration checkpoints,
    @Nullable Duration datasets,
    @Nullable Duration events,
    @DefaultValue("1h") Duration interval,
    @DefaultValue Map<String, Times> tenants) {

  /** Times of one tenant; null for the general value. */
  record Times(
      @Nullable Duration jobs,
      @Nullable Duration epochs,
      @Nullable Duration checkpoints,
      @Nullable Duration datasets,
      @Nullable Duration events) {

    private @Nullable Duration of(RetentionKind kind) {
      return switch (kind) {
        case SWEEPS, JOBS -> jobs;
        case CHECKPOINTS -> checkpoints;
        case EPOCHS -> epochs;
        case EVENTS -> events;
        case DATASETS -> datasets;
      };
    }
  }

  RetentionSettings {
    requirePositive("interval", interval);
    requirePositive("", new Times(jobs, epochs, checkpoints, datasets, events));
    tenants.forEach(
        (tenant, times) -> {
          if (!Tenants.isName(tenant)) {
            throw new IllegalArgumentException(
                "spikewise.retention.tenants: a tenant must be 1 to 100 letters, digits, dots,"
                    + " hyphens and underscores but was "
                    + tenant);
          }
          requirePositive("tenants." + tenant + ".", times);
        });
  }

  private static void requirePositive(String prefix, Times times) {
    for (var kind : RetentionKind.values()) {
      var time = times.of(kind);
      if (time != null) {
        requirePositive(prefix + kind.setting(), time);
      }
    }
  }

  private static void requirePositive(String setting, Duration time) {
    if (time.isNegative() || time.isZero()) {
      throw new IllegalArgumentException(
          "spikewise.retention.%s must be longer than 0 but was %s: leave it out to keep everything"
              .formatted(setting, time));
    }
  }

  /** Time that {@code tenant} keeps resources of this kind; null when it keeps them forever. */
  @Nullable Duration of(String tenant, RetentionKind kind) {
    var own = tenants.get(tenant);
    var time = own == null ? null : own.of(kind);
    return time == null ? new Times(jobs, epochs, checkpoints, datasets, events).of(kind) : time;
  }

  /** Whether anything is ever deleted. */
  boolean deletes() {
    for (var kind : RetentionKind.values()) {
      if (of("", kind) != null
          || tenants.values().stream().anyMatch(times -> times.of(kind) != null)) {
        return true;
      }
    }
    return false;
  }
}
