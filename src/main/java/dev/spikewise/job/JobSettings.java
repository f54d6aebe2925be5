package dev.spikewise.job;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Settings for training in this process.
 *
 * @param workers Number of jobs trained at the same time; 0 makes a process that only serves
 *     requests.
 * @param memoryPerJob Memory that one job may use in this process; three fifths of the heap divided
 *     by the number of workers when absent.
 * @param threadsPerJob Threads that share the arithmetic of one job, at most one per processor.
 *     When absent: the processors divided by the number of workers, and 2 in a process of MPI.
 *     Results do not depend on it.
 * @param poll Interval at which an idle worker looks for jobs submitted elsewhere, and every
 *     process for expired leases.
 * @param flush Longest time a finished epoch waits to be stored together with later ones.
 * @param heartbeat Interval at which cancel and pause requests are read and ageing leases are
 *     renewed.
 * @param lease Time after which a worker that stopped renewing loses its job.
 * @param maxLosses Number of times in a row that a process may die while it trains only this job,
 *     without a new epoch, before the job fails as {@code worker_lost}.
 * @param rest Time that a job waits after its process died, doubled by every further death up to 64
 *     times this; afterwards it is trained without other jobs in its process until its next epoch.
 * @param ageing Waiting time that outweighs one point of priority.
 * @param checkpointsKept Number of checkpoints kept per job besides its initial weights.
 * @param drain Time a shutdown allows running jobs to write their checkpoints.
 */
@ConfigurationProperties("spikewise.jobs")
record JobSettings(
    @DefaultValue("1") int workers,
    @Nullable DataSize memoryPerJob,
    @Nullable Integer threadsPerJob,
    @DefaultValue("500ms") Duration poll,
    @DefaultValue("250ms") Duration flush,
    @DefaultValue("250ms") Duration heartbeat,
    @DefaultValue("15s") Duration lease,
    @DefaultValue("3") int maxLosses,
    @DefaultValue("1s") Duration rest,
    @DefaultValue("10m") Duration ageing,
    @DefaultValue("2") int checkpointsKept,
    @DefaultValue("20s") Duration drain) {

  /** Threads that share the arithmetic of one job. */
  int threads() {
    int processors = Runtime.getRuntime().availableProcessors();
    if (threadsPerJob != null) {
      // Two jobs on one processor are slower than one job at a time.
      return Math.min(threadsPerJob, processors);
    }
    return WideTraining.current().isPresent()
        ? Math.min(THREADS_PER_RANK, processors)
        : Math.max(1, processors / Math.max(1, workers));
  }

  /** Several processes of MPI may share a machine. */
  private static final int THREADS_PER_RANK = 2;
}
