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
 * Runs the computing and parsing of requests on a bounded number of platform threads. Requests
 * themselves run on virtual threads, which share one carrier thread per processor: computing there
 * would block all other requests, including health checks.
 *
 * <p>Clients take turns: a free thread takes the oldest computation of the client with the fewest
 * running computations; among equals, of the client whose last turn is longest ago. A request must
 * not hold a transaction while it computes, because waiting requests would use up the database
 * connections.
 */
@Component
public final class Compute implements AutoCloseable {

  static final int RETRY_AFTER_SECONDS = 5;

  /** Interval at which a waiting request checks whether its client is still connected. */
  private static final long LOOK_MILLIS = 250;

  private final ComputeSettings settings;
  private final MemoryBudget memory;
  private final ExecutorService threads;

  /** Guards {@code waiting}, {@code running}, {@code lastTurns} and {@code admitted}. */
  private final Object lock = new Object();

  private final List<Entry<?>> waiting = new ArrayList<>();
  private final Map<String, Integer> running = new HashMap<>();

  /** Number of the last turn of each client that has computations. */
  private final Map<String, Long> lastTurns = new HashMap<>();

  private long turns;

  /** Number of running and waiting computations by client. */
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

  /** A computation. */
  @FunctionalInterface
  public interface Task<T> {

    /**
     * @param run must be called often, so that the computation can be stopped
     */
    T compute(Run run);
  }

  /** Lets a task check whether to continue, and reserve memory. */
  public interface Run extends Runnable {

    /**
     * Returns if the computation may continue.
     *
     * @throws ProblemException when it has taken too long or the client has disconnected
     */
    @Override
    void run();

    /**
     * Reserves memory until the end of the request.
     *
     * @throws ProblemException when there is not enough memory
     */
    void reserve(long bytes);

    /** Releases reserved memory before the end of the request. */
    void release(long bytes);
  }

  /** Run of a thread that serves no request and has no limits. */
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
   * Marks the current thread as serving a request until the result is closed.
   *
   * @param client supplies the tenant, user or address; called at the first computation
   * @param left whether the client has closed the connection
   */
  public Caller open(Supplier<String> client, BooleanSupplier left) {
    return Caller.open(client, left, memory);
  }

  /** Memory that requests currently reserve, in bytes. */
  public long memoryTaken() {
    return memory.taken();
  }

  /** Number of computations that wait for a thread. */
  public int waiting() {
    synchronized (lock) {
      return waiting.size();
    }
  }

  /** Maximum estimated duration of a computation, in seconds. */
  public double maxWorkSeconds() {
    return settings.maxWork().toMillis() / 1e3;
  }

  /**
   * Runs {@code task} on a thread of the pool and returns its result. A thread that serves no
   * request runs the task itself.
   *
   * @throws ProblemException with 503 when the pool is full or the task took too long
   * @throws IllegalStateException when called within a transaction
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

  /**
   * Runs the computation whose turn it is. It is called once per submitted computation, but not
   * necessarily for that one.
   */
  private void runNext() {
    Entry<?> next;
    synchronized (lock) {
      if (waiting.isEmpty()) {
        // The request of a computation has stopped waiting for it.
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
            // The request stops waiting even if the task does not check; the task then occupies its
            // thread until it ends.
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
