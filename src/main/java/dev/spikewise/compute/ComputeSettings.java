package dev.spikewise.compute;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Bounds on what requests compute and parse: analyses, dry runs, baselines, conversions, plots as
 * PNG, and uploaded files.
 *
 * @param threads Number of threads that compute and parse for requests; half of the processors, and
 *     at least two, when absent.
 * @param queue Maximum number of computations that wait for a thread. A request beyond it is
 *     refused with 503.
 * @param perClient Maximum number of computations of one tenant, user or address that run or wait.
 *     A request beyond it is refused with 503.
 * @param maxWait Longest time a computation waits for a thread before its request is refused with
 *     503.
 * @param maxWork Longest time a computation may be estimated to take on this machine. A request
 *     beyond it is refused with 422.
 * @param maxTime Longest time a computation may run before it is stopped and its request is refused
 *     with 503.
 * @param memory Maximum memory that request bodies and computations use together; a quarter of the
 *     heap when absent. A request that needs more is refused with 413, one that has to wait for
 *     others with 503.
 */
@ConfigurationProperties("spikewise.compute")
public record ComputeSettings(
    @Nullable Integer threads,
    @DefaultValue("64") int queue,
    @DefaultValue("16") int perClient,
    @DefaultValue("30s") Duration maxWait,
    @DefaultValue("30s") Duration maxWork,
    @DefaultValue("2m") Duration maxTime,
    @Nullable DataSize memory) {

  private static final int SHARE_OF_HEAP = 4;

  public ComputeSettings {
    requirePositive(threads == null ? 1 : threads, "threads");
    requirePositive(queue, "queue");
    requirePositive(perClient, "per-client");
  }

  private static void requirePositive(int value, String setting) {
    if (value < 1) {
      throw new IllegalArgumentException(
          "spikewise.compute." + setting + " must be at least 1 but was " + value);
    }
  }

  int threadsOrDefault() {
    return threads == null
        ? Math.max(2, Runtime.getRuntime().availableProcessors() / 2)
        : (int) threads;
  }

  long memoryBytes() {
    return memory == null ? Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP : memory.toBytes();
  }
}
