package dev.spikewise.compute;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The request that the current thread serves: its client, which has a share of the pool, and its
 * reserved memory. The memory is released when the request has ended and none of its computations
 * is running.
 */
public final class Caller implements AutoCloseable {

  private static final ThreadLocal<@Nullable Caller> CURRENT = new ThreadLocal<>();

  /** A transaction around a computation, which must be suspended while the computation runs. */
  public interface Surrounding {

    /** Ends the transaction, in which nothing has been written yet, and returns its connection. */
    void leave();

    /** Begins the transaction again. */
    void enter();
  }

  private final Supplier<String> client;
  private final BooleanSupplier left;
  private final MemoryBudget budget;
  private final @Nullable Caller outer;
  private @Nullable Surrounding surrounding;
  private long reserved;
  private int users = 1;

  private Caller(
      Supplier<String> client, BooleanSupplier left, MemoryBudget budget, @Nullable Caller outer) {
    this.client = client;
    this.left = left;
    this.budget = budget;
    this.outer = outer;
  }

  /**
   * Marks the current thread as serving a request until the result is closed.
   *
   * @param client supplies the tenant, user or address; called at the first computation
   * @param left whether the client has closed the connection
   */
  static Caller open(Supplier<String> client, BooleanSupplier left, MemoryBudget budget) {
    var caller = new Caller(client, left, budget, CURRENT.get());
    CURRENT.set(caller);
    return caller;
  }

  /** The request that the current thread serves; null in a thread of the service itself. */
  public static @Nullable Caller current() {
    return CURRENT.get();
  }

  String client() {
    return client.get();
  }

  boolean hasLeft() {
    return left.getAsBoolean();
  }

  /** Sets the transaction around the rest of the request; null once it has ended. */
  public void surround(@Nullable Surrounding transaction) {
    surrounding = transaction;
  }

  @Nullable Surrounding surrounding() {
    return surrounding;
  }

  /**
   * Reserves memory until the end of the request.
   *
   * @throws dev.spikewise.problem.ProblemException with 413 when the request needs more than the
   *     whole budget, with 503 when other requests hold too much of it
   */
  public synchronized void reserve(long bytes) {
    budget.take(bytes, reserved);
    reserved += bytes;
  }

  /** Releases reserved memory before the end of the request. */
  public synchronized void release(long bytes) {
    budget.giveBack(bytes);
    reserved -= bytes;
  }

  synchronized void retain() {
    users++;
  }

  synchronized void release() {
    users--;
    if (users == 0) {
      budget.giveBack(reserved);
      reserved = 0;
    }
  }

  @Override
  public void close() {
    if (outer == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(outer);
    }
    release();
  }
}
