package dev.spikewise.retention;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the next run of the retention would delete if it started now.
 *
 * @param nextRunAt Time of the next run; null when one runs now or nothing is ever deleted.
 * @param data What would be deleted, by tenant and kind; kinds that are kept forever are left out.
 */
public record RetentionPlan(@Nullable Instant nextRunAt, List<Part> data) {

  /**
   * Expired resources of one kind and tenant.
   *
   * @param tenant Owning tenant; empty for the operators' resources.
   * @param kind Kind of the resources. The jobs of a sweep count with their sweep.
   * @param before Time before which the resources must have ended, or been used last.
   * @param count Number of expired sweeps or data sets, or of jobs whose parts are expired.
   * @param bytes Stored size of the expired resources, in bytes.
   */
  public record Part(String tenant, RetentionKind kind, Instant before, long count, long bytes) {}
}
