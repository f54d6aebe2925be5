package dev.spikewise.job;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * How this process trains.
 *
 * @param workers jobs trained at the same time; 0 makes a process that only serves requests
 * @param memoryPerJob what one job may take in this process; null for three quarters of the heap,
 *     shared by the workers
 * @param threadsPerJob threads that share the arithmetic of one job, at most one a processor; the
 *     result does not depend on it
 * @param poll how often an idle worker looks for jobs submitted elsewhere, and every process for
 *     leases that have run out
 * @param flush how long a complete epoch may wait to be stored together with the next ones
 * @param heartbeat how often wishes to stop are read, and leases that have aged are renewed
 * @param lease how long a worker that is not heard of keeps its job
 * @param maxLosses workers a job may lose in a row, without one new epoch, before it fails
 * @param ageing waiting time that outweighs one point of priority
 * @param checkpointsKept checkpoints of one job kept beside its initial weights
 * @param drain how long a shutdown waits for the running jobs' checkpoints
 */
@ConfigurationProperties("spikewise.jobs")
record JobSettings(
    @DefaultValue("1") int workers,
    @Nullable DataSize memoryPerJob,
    @DefaultValue("2") int threadsPerJob,
    @DefaultValue("500ms") Duration poll,
    @DefaultValue("250ms") Duration flush,
    @DefaultValue("250ms") Duration heartbeat,
    @DefaultValue("15s") Duration lease,
    @DefaultValue("3") int maxLosses,
    @DefaultValue("10m") Duration ageing,
    @DefaultValue("2") int checkpointsKept,
    @DefaultValue("20s") Duration drain) {

  JobSettings {
    // Two that take turns on a container's one processor are slower than one.
    threadsPerJob = Math.min(threadsPerJob, Runtime.getRuntime().availableProcessors());
  }
}
