package dev.spikewise.store;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A thread that does one thing again and again, with a pause before each time. Closing waits for
 * what is being done and interrupts nothing, as an interrupt would close H2's file under everyone.
 */
public final class Ticker implements AutoCloseable {

  private final ScheduledExecutorService thread;

  /**
   * @param task what must not throw: it would not be done again
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
