package dev.spikewise.compute;

import dev.spikewise.problem.ProblemException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * Runs what requests compute and parse on a bounded number of platform threads. Requests themselves
 * run on virtual threads, which share as many carriers as there are processors: one that computes
 * there stops all others, health checks included.
 *
 * <p>Clients take turns: a free thread takes the oldest computation of the client that has the
 * fewest running, and among those of the one whose last turn is the longest ago. Nothing runs while
 * the request holds a transaction, as waiting requests would take all connections to the database.
 */
@Component
public final class Compute implements AutoCloseable {

  static final int RETRY_AFTER_SECONDS = 5;

  /** How often a waiting request looks whether its client is still there. */
  private static final long LOOK_MILLIS = 250;

  private final ComputeSettings settings;
  private final MemoryBudget memory;
  private final ExecutorService threads;

  /** Guards what is waiting, running and admitted. */
  private final Object lock = new Object();

  private final List<Entry<?>> waiting = new ArrayList<>();
  private final Map<String, Integer> running = new HashMap<>();

  /** When each client that has computations began one last, in turns. */
  private final Map<String, Long> lastTurns = new HashMap<>();

  private long turns;

  /** Computations that run or wait, by client. */
  private final Map<String, Integer> admitted = new HashMap<>();

  private final List<Runnable> watchers = new CopyOnWriteArrayList<>();

  public Compute(ComputeSettings settings) {
    this.settings = settings;
    memory = new MemoryBudget(settings.memoryBytes());
    threads =
        Executors.newFixedThreadPool(
            settings.threadsOrDefault(),
            Thread.ofPlatform().daemon().name("compute-", 1).factory());
  }

  /** Calls {@code watcher} before every computation, on its thread. */
  public void beforeEach(Runnable watcher) {
    watchers.add(watcher);
  }

  /** Whether a computation runs. */
  public boolean isBusy() {
    synchronized (lock) {
      return !running.isEmpty();
    }
  }

  /** Something to compute. */
  @FunctionalInterface
  public interface Task<T> {

    /**
     * @param run to be asked often, so that the computation can be stopped
     */
    T compute(Run run);
  }

  /** A running computation, as its task sees it. */
  public interface Run extends Runnable {

    /**
     * Returns while the computation may go on.
     *
     * @throws ProblemException where it has taken too long, or the client has left
     */
    @Override
    void run();

    /**
     * Takes memory until the end of the request.
     *
     * @throws ProblemException where there is not enough
     */
    void reserve(long bytes);

    /** Gives back memory that was reserved and is free again before the end of the request. */
    void release(long bytes);
  }

  /** The computations of a thread that serves no request: it is not bounded. */
  public static final Run UNBOUNDED =
      new Run() {
        @Override
        public void run() {}

        @Override
        public void reserve(long bytes) {}

        @Override
        public void release(long bytes) {}
      };

  /**
   * Makes the current thread work for a request until the result is closed.
   *
   * @param client names the tenant, user or address; asked at the first computation
   * @param left whether the client has closed the connection
   */
  public Caller open(Supplier<String> client, BooleanSupplier left) {
    return Caller.open(client, left, memory);
  }

  /** Bytes that requests hold now. */
  public long memoryTaken() {
    return memory.taken();
  }

  /** Computations that wait for a thread. */
  public int waiting() {
    synchronized (lock) {
      return waiting.size();
    }
  }

  /** The longest time that a computation may be estimated to take, in seconds. */
  public double maxWorkSeconds() {
    return settings.maxWork().toMillis() / 1e3;
  }

  /**
   * The result of {@code task}, which runs on a thread of the pool. Where the current thread serves
   * no request, it runs the task itself.
   *
   * @throws ProblemException with 503 where the pool is full or the task took too long
   * @throws IllegalStateException within a transaction
   */
  public <T> T run(Task<T> task) {
    var caller = Caller.current();
    if (caller == null) {
      return task.compute(UNBOUNDED);
    }
    if (caller.surrounding() instanceof Caller.Surrounding transaction) {
      transaction.leave();
      requireNoTransaction();
      try {
        return await(submit(caller, task));
      } finally {
        transaction.enter();
      }
    }
    requireNoTransaction();
    return await(submit(caller, task));
  }

  private static void requireNoTransaction() {
    if (TransactionSynchronizationManager.isActualTransactionActive()) {
      throw new IllegalStateException("a request computes within a transaction");
    }
  }

  private <T> Entry<T> submit(Caller caller, Task<T> task) {
    var entry = new Entry<>(caller, caller.client(), task);
    synchronized (lock) {
      int own = admitted.getOrDefault(entry.client, 0);
      if (own >= settings.perClient()) {
        throw busy(
            "%d computations of this client are running or waiting, the most that spikewise.compute.per-client allows: try again later."
                .formatted(own));
      }
      if (waiting.size() >= settings.queue()) {
        throw busy(
            "%d computations are waiting, the most that spikewise.compute.queue allows: try again later."
                .formatted(waiting.size()));
      }
      admitted.merge(entry.client, 1, Integer::sum);
      waiting.add(entry);
    }
    caller.retain();
    threads.execute(this::runNext);
    return entry;
  }

  /** Every submitted computation has one of these calls, though perhaps not in its own place. */
  private void runNext() {
    Entry<?> next;
    synchronized (lock) {
      if (waiting.isEmpty()) {
        // The request of a computation has given up.
        return;
      }
      next =
          Collections.min(
              waiting,
              Comparator.<Entry<?>>comparingInt(entry -> running.getOrDefault(entry.client, 0))
                  .thenComparingLong(entry -> lastTurns.getOrDefault(entry.client, 0L)));
      waiting.remove(next);
      running.merge(next.client, 1, Integer::sum);
      lastTurns.put(next.client, ++turns);
    }
    try {
      watchers.forEach(Runnable::run);
      next.begin();
    } finally {
      synchronized (lock) {
        decrement(running, next.client);
      }
      leave(next);
    }
  }

  private void leave(Entry<?> entry) {
    synchronized (lock) {
      decrement(admitted, entry.client);
      if (!admitted.containsKey(entry.client)) {
        lastTurns.remove(entry.client);
      }
    }
    entry.caller.release();
  }

  private static void decrement(Map<String, Integer> counts, String client) {
    counts.computeIfPresent(client, (_, count) -> count == 1 ? null : count - 1);
  }

  private boolean withdraw(Entry<?> entry) {
    synchronized (lock) {
      if (!waiting.remove(entry)) {
        return false;
      }
    }
    leave(entry);
    return true;
  }

  private <T> T await(Entry<T> entry) {
    long submittedAt = System.nanoTime();
    try {
      while (true) {
        try {
          return entry.future.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          if (entry.caller.hasLeft()) {
            throw entry.stop("The client closed the connection.");
          }
          if (entry.isOverdue()) {
            // A task that does not ask keeps its thread until it ends, but not its request.
            throw entry.stop(entry.overdue());
          }
          if (System.nanoTime() - submittedAt > settings.maxWait().toNanos() && withdraw(entry)) {
            throw busy(
                "No thread was free for this computation within the %d s of spikewise.compute.max-wait: try again later."
                    .formatted(settings.maxWait().toSeconds()));
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw entry.stop("The server is shutting down.");
    } catch (ExecutionException e) {
      throw asUnchecked(e.getCause());
    } finally {
      withdraw(entry);
    }
  }

  private static RuntimeException asUnchecked(@Nullable Throwable thrown) {
    return switch (thrown) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      case null, default -> new IllegalStateException(thrown);
    };
  }

  private static ProblemException busy(String detail) {
    return ProblemException.unavailable(detail, RETRY_AFTER_SECONDS);
  }

  private final class Entry<T> implements Run {

    final Caller caller;
    final String client;
    final FutureTask<T> future;
    private volatile long startedAt;
    private volatile boolean started;
    private volatile @Nullable ProblemException stopped;

    Entry(Caller caller, String client, Task<T> task) {
      this.caller = caller;
      this.client = client;
      future = new FutureTask<>(() -> task.compute(this));
    }

    void begin() {
      startedAt = System.nanoTime();
      started = true;
      future.run();
    }

    boolean isOverdue() {
      return started && System.nanoTime() - startedAt > settings.maxTime().toNanos();
    }

    String overdue() {
      return "The computation took longer than the %d s of spikewise.compute.max-time: send a smaller request, or try again later."
          .formatted(settings.maxTime().toSeconds());
    }

    ProblemException stop(String why) {
      var problem = busy(why);
      stopped = problem;
      return problem;
    }

    @Override
    public void run() {
      var problem = stopped;
      if (problem != null) {
        throw problem;
      }
      if (isOverdue()) {
        throw busy(overdue());
      }
    }

    @Override
    public void reserve(long bytes) {
      caller.reserve(bytes);
    }

    @Override
    public void release(long bytes) {
      caller.release(bytes);
    }
  }

  @Override
  public void close() {
    threads.shutdown();
  }
}
