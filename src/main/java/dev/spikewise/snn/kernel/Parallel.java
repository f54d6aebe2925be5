package dev.spikewise.snn.kernel;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Splits a layer's work among a few threads. Tasks must not depend on which thread runs them. The
 * caller waits for tasks, not for threads: a helper thread that the OS has descheduled blocks
 * nobody, so oversubscribing the cores is safe.
 */
public final class Parallel implements AutoCloseable {

  /**
   * Number of spins before a waiting thread yields, because the next layer usually follows within
   * microseconds.
   */
  private static final int SPINS = 2_000;

  private static final int YIELDS = 50;
  private static final int MAX_TASKS = 1 << 19;
  private static final int TASK_BITS = 20;
  private static final int TASK_MASK = (1 << TASK_BITS) - 1;

  private final Helper[] helpers;

  /**
   * Number of the round, and first and last remaining task, in one word, so that a late thread
   * never takes a task of another round.
   */
  private final AtomicLong ticket = new AtomicLong();

  private final AtomicInteger done = new AtomicInteger();
  private @Nullable IntConsumer work;
  private volatile @Nullable Throwable failure;
  private volatile boolean closed;

  /**
   * @param threads number of threads including the caller's
   */
  public Parallel(int threads) {
    helpers = new Helper[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = new Helper();
      helpers[i].thread =
          Thread.ofPlatform().daemon().name("spikewise-kernel-" + i).start(helpers[i]);
    }
  }

  /** Index of the first of {@code n} items of a task when they are divided evenly. */
  public static int start(int n, int task, int tasks) {
    return (int) ((long) n * task / tasks);
  }

  public int threads() {
    return helpers.length + 1;
  }

  /** Runs {@code work} for every number in 0..tasks-1 and returns when all have finished. */
  public void run(int tasks, IntConsumer work) {
    if (helpers.length == 0 || tasks == 1) {
      for (int i = 0; i < tasks; i++) {
        work.accept(i);
      }
      return;
    }
    for (int from = 0; from < tasks; from += MAX_TASKS) {
      int first = from;
      runRound(Math.min(MAX_TASKS, tasks - from), first == 0 ? work : i -> work.accept(first + i));
    }
  }

  private void runRound(int tasks, IntConsumer work) {
    this.work = work;
    done.set(0);
    ticket.set((round(ticket.get()) + 1 << TASK_BITS | tasks) << TASK_BITS);
    for (Helper helper : helpers) {
      if (helper.parked) {
        LockSupport.unpark(helper.thread);
      }
    }
    takeTasks(true);
    for (int spin = 0; done.get() < tasks; spin++) {
      if (spin < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    Throwable thrown = failure;
    failure = null;
    switch (thrown) {
      case null -> {}
      case Error error -> throw error;
      case RuntimeException exception -> throw exception;
      default -> throw new IllegalStateException(thrown);
    }
  }

  private static long round(long ticket) {
    return ticket >>> 2 * TASK_BITS;
  }

  /**
   * The caller takes the first remaining task, helpers take the last one. Layers number their tasks
   * in the same order, so values are mostly read by the core that wrote them.
   */
  private void takeTasks(boolean fromFront) {
    while (true) {
      long left = ticket.get();
      int first = (int) left & TASK_MASK;
      int end = (int) (left >>> TASK_BITS) & TASK_MASK;
      if (first >= end) {
        return;
      }
      if (!ticket.compareAndSet(left, fromFront ? left + 1 : left - (1L << TASK_BITS))) {
        continue;
      }
      try {
        Objects.requireNonNull(work).accept(fromFront ? first : end - 1);
      } catch (Throwable t) {
        failure = t;
      } finally {
        done.incrementAndGet();
      }
    }
  }

  private final class Helper implements Runnable {

    private @Nullable Thread thread;
    private volatile boolean parked;

    @Override
    public void run() {
      long seen = 0;
      while (!closed) {
        long current = round(ticket.get());
        if (current != seen) {
          seen = current;
          takeTasks(false);
        } else {
          await(seen);
        }
      }
    }

    private void await(long seen) {
      for (int spin = 0; spin < SPINS + YIELDS; spin++) {
        if (round(ticket.get()) != seen) {
          return;
        }
        if (spin < SPINS) {
          Thread.onSpinWait();
        } else {
          Thread.yield();
        }
      }
      parked = true;
      if (round(ticket.get()) == seen && !closed) {
        LockSupport.park(this);
      }
      parked = false;
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Helper helper : helpers) {
      LockSupport.unpark(helper.thread);
    }
  }
}
