package dev.spikewise.tenant;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * How much every tenant may have; null for no limit. What operators create is counted as one more
 * tenant's.
 *
 * @param jobsQueued jobs in the queue
 * @param jobsRunning jobs that are trained at the same time; more of them wait
 * @param storedBytes of uploaded data sets and weights, and of checkpoints
 * @param epochs of all jobs together that are not over
 * @param tenants what is different for some of them, by name
 */
@ConfigurationProperties("spikewise.quotas")
record QuotaSettings(
    @Nullable Integer jobsQueued,
    @Nullable Integer jobsRunning,
    @Nullable DataSize storedBytes,
    @Nullable Long epochs,
    @DefaultValue Map<String, Quota> tenants) {

  /** As above, for one tenant; null for what every tenant may have. */
  record Quota(
      @Nullable Integer jobsQueued,
      @Nullable Integer jobsRunning,
      @Nullable DataSize storedBytes,
      @Nullable Long epochs) {}

  /** What {@code tenant} may have of what {@code which} picks. */
  <T> @Nullable T of(String tenant, Function<Quota, @Nullable T> which) {
    var own = tenants.get(tenant);
    var value = own == null ? null : which.apply(own);
    return value == null
        ? which.apply(new Quota(jobsQueued, jobsRunning, storedBytes, epochs))
        : value;
  }

  QuotaSettings {
    if (jobsRunning != null && jobsRunning < 1) {
      throw new IllegalArgumentException(
          "spikewise.quotas.jobs-running must be at least 1, was " + jobsRunning);
    }
  }

  /** Those whose jobs are not trained at all. */
  List<String> tenantsWithoutWork() {
    return tenants.keySet().stream()
        .filter(tenant -> Integer.valueOf(0).equals(of(tenant, Quota::jobsRunning)))
        .toList();
  }

  boolean limitsRunning() {
    return jobsRunning != null
        || tenants.values().stream().anyMatch(quota -> quota.jobsRunning() != null);
  }
}
