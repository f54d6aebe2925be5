package dev.spikewise.store;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A thread that runs a task repeatedly with a pause before each run. Closing waits for the current
 * run and does not interrupt it, because an interrupt would close H2's file for all threads.
 */
public final class Ticker implements AutoCloseable {

  private final ScheduledExecutorService thread;

  /**
   * @param task task that must not throw, because an exception would end the repetition
   */
  public Ticker(String name, Duration pause, Runnable task) {
    thread =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name(name).daemon().factory());
    long millis = pause.toMillis();
    var _ = thread.scheduleWithFixedDelay(task, millis, millis, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    thread.close();
  }
}
