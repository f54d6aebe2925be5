package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * News of a job, published inside the transaction that makes it true: listen with
 * {@code @TransactionalEventListener}, which calls after the commit.
 */
public sealed interface JobEvent {

  /** The job without its documents. */
  Job job();

  /**
   * @param from null for a new job
   */
  record StateChanged(Job job, @Nullable JobState from) implements JobEvent {}

  /**
   * A worker took the job out of the queue.
   *
   * @param waited since it was last queued
   */
  record Claimed(Job job, Duration waited) implements JobEvent {}

  /**
   * Epochs were stored. Only their worker's process hears of them.
   *
   * @param samples that each epoch trained on
   * @param neuronSteps spiking neurons times time steps
   */
  record EpochsCompleted(Job job, List<EpochMetrics> epochs, long samples, double neuronSteps)
      implements JobEvent {}

  /** The job was taken back from a worker that was not heard of. */
  record LeaseExpired(Job job) implements JobEvent {}

  record Deleted(Job job) implements JobEvent {}
}
