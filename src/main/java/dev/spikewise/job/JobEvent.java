package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * News of a job, published inside the transaction that makes it true: listen with
 * {@code @TransactionalEventListener}, which calls after the commit.
 */
public sealed interface JobEvent {

  Job job();

  /**
   * @param from null for a new job
   */
  record StateChanged(Job job, @Nullable JobState from) implements JobEvent {}

  /** Epochs were stored. Only their worker's process hears of them. */
  record EpochsCompleted(Job job, List<EpochMetrics> epochs) implements JobEvent {}

  record Deleted(Job job) implements JobEvent {}
}
