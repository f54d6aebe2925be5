package dev.spikewise.tenant;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Quotas of every tenant; unlimited where absent. Resources created by operators count as those of
 * one more tenant.
 *
 * @param jobsQueued Maximum number of queued jobs per tenant; unlimited when absent. A POST beyond
 *     it is refused with 429.
 * @param jobsRunning Maximum number of jobs a tenant trains at the same time; unlimited when
 *     absent. Further jobs stay queued.
 * @param storedBytes Maximum size of the data sets, weights, checkpoints, models, job and sweep
 *     documents a tenant stores; unlimited when absent. A POST beyond it is refused with 429.
 * @param epochs Maximum number of epochs of all unfinished jobs of a tenant together; unlimited
 *     when absent. A POST beyond it is refused with 429.
 * @param tenants Quotas of single tenants by tenant name, which override the general ones: {@code
 *     spikewise.quotas.tenants.NAME.jobs-queued} and so on.
 */
@ConfigurationProperties("spikewise.quotas")
record QuotaSettings(
    @Nullable Integer jobsQueued,
    @Nullable Integer jobsRunning,
    @Nullable DataSize storedBytes,
    @Nullable Long epochs,
    @DefaultValue Map<String, Quota> tenants) {

  /** Quotas of one tenant; null for the general value. */
  record Quota(
      @Nullable Integer jobsQueued,
      @Nullable Integer jobsRunning,
      @Nullable DataSize storedBytes,
      @Nullable Long epochs) {}

  /** Value of the quota {@code which} for {@code tenant}; null when unlimited. */
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
          "spikewise.quotas.jobs-running must be at least 1 but was " + jobsRunning);
    }
  }

  /** Tenants whose quota of running jobs is 0. */
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
