package dev.spikewise.store;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;

/** A component that works at intervals in a thread of its own while the application runs. */
public abstract class Ticking implements SmartLifecycle {

  private final String name;
  private final Duration pause;
  private volatile @Nullable Ticker ticker;

  /**
   * @param name name of the thread
   * @param pause time before each {@link #tick}
   */
  protected Ticking(String name, Duration pause) {
    this.name = name;
    this.pause = pause;
  }

  /** Does the work once. It must not throw, because an exception would end the repetition. */
  protected abstract void tick();

  @Override
  public void start() {
    ticker = new Ticker(name, pause, this::tick);
  }

  /** Waits for the current {@link #tick}. */
  @Override
  public void stop() {
    var stopped = ticker;
    if (stopped != null) {
      stopped.close();
      ticker = null;
    }
  }

  @Override
  public boolean isRunning() {
    return ticker != null;
  }
}
