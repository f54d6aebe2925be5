package dev.spikewise.snn.kernel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Splits a layer's work among a few threads that wait for each other after every layer. Tasks must not depend on which
 * thread runs them. Waiting threads spin for a while, as the next layer follows within microseconds, then park.
 */
public final class Parallel implements AutoCloseable {

  private static final int SPINS = 20_000;

  private final Thread[] helpers;
  private final AtomicInteger nextTask = new AtomicInteger();
  private final AtomicInteger busyHelpers = new AtomicInteger();
  private volatile int round;
  private volatile boolean closed;
  private int tasks;
  private @Nullable IntConsumer work;
  private volatile @Nullable Throwable failure;

  /** @param threads number of threads that work, the caller's own among them */
  public Parallel(int threads) {
    helpers = new Thread[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = Thread.ofPlatform().daemon().name("spikewise-kernel-" + i).start(this::help);
    }
  }

  public int threads() {
    return helpers.length + 1;
  }

  /** Runs {@code work} for every number in 0..tasks-1 and returns when all are done. */
  public void run(int tasks, IntConsumer work) {
    if (helpers.length == 0 || tasks == 1) {
      for (int i = 0; i < tasks; i++) {
        work.accept(i);
      }
      return;
    }
    this.tasks = tasks;
    this.work = work;
    nextTask.set(0);
    busyHelpers.set(helpers.length);
    round++;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
    takeTasks(work, tasks);
    while (busyHelpers.get() > 0) {
      Thread.onSpinWait();
    }
    Throwable thrown = failure;
    if (thrown != null) {
      failure = null;
      throw new IllegalStateException("a kernel failed on another thread", thrown);
    }
  }

  private void takeTasks(IntConsumer work, int tasks) {
    for (int i = nextTask.getAndIncrement(); i < tasks; i = nextTask.getAndIncrement()) {
      work.accept(i);
    }
  }

  private void help() {
    int seen = 0;
    while (true) {
      for (int spin = 0; round == seen && !closed; spin++) {
        if (spin < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
      if (closed) {
        return;
      }
      seen = round;
      try {
        takeTasks(java.util.Objects.requireNonNull(work), tasks);
      } catch (Throwable t) {
        failure = t;
      } finally {
        busyHelpers.decrementAndGet();
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
  }
}
