package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Event of a job, published within the transaction that makes the change. Listen with
 * {@code @TransactionalEventListener}, which is called after the commit.
 */
public sealed interface JobEvent {

  /** The job without its documents. */
  Job job();

  /**
   * @param from null for a new job
   */
  record StateChanged(Job job, @Nullable JobState from) implements JobEvent {}

  /**
   * A worker claimed the job.
   *
   * @param waited time since the job was last queued
   */
  record Claimed(Job job, Duration waited) implements JobEvent {}

  /**
   * Epochs were stored. The event is published only in the process that trains the job.
   *
   * @param samples number of training samples per epoch
   * @param neuronSteps number of spiking neurons times number of time steps
   */
  record EpochsCompleted(Job job, List<EpochMetrics> epochs, long samples, double neuronSteps)
      implements JobEvent {}

  /** The job was reclaimed from a worker whose lease expired. */
  record LeaseExpired(Job job) implements JobEvent {}

  record Deleted(Job job) implements JobEvent {}
}
