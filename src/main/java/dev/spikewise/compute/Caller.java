package dev.spikewise.compute;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The request on whose behalf the current thread works: its client, which has a share of the pool,
 * and the memory it holds. The memory returns to the budget when the request has ended and no
 * computation of it runs any more.
 */
public final class Caller implements AutoCloseable {

  private static final ThreadLocal<@Nullable Caller> CURRENT = new ThreadLocal<>();

  /** A transaction that is open around a computation and must not be while it runs. */
  public interface Surrounding {

    /** Ends the transaction and returns its connection; nothing has been written in it yet. */
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
   * Makes the current thread work for a request until the result is closed.
   *
   * @param client names the tenant, user or address; asked at the first computation
   * @param left whether the client has closed the connection
   */
  static Caller open(Supplier<String> client, BooleanSupplier left, MemoryBudget budget) {
    var caller = new Caller(client, left, budget, CURRENT.get());
    CURRENT.set(caller);
    return caller;
  }

  /** The request that the current thread works for; null in a thread of the service itself. */
  public static @Nullable Caller current() {
    return CURRENT.get();
  }

  String client() {
    return client.get();
  }

  boolean hasLeft() {
    return left.getAsBoolean();
  }

  /** Declares the transaction around the rest of the request; null once it has ended. */
  public void surround(@Nullable Surrounding transaction) {
    surrounding = transaction;
  }

  @Nullable Surrounding surrounding() {
    return surrounding;
  }

  /**
   * Takes memory until the end of the request.
   *
   * @throws dev.spikewise.problem.ProblemException with 413 where the request needs more than the
   *     whole budget, with 503 where other requests hold too much of it
   */
  public synchronized void reserve(long bytes) {
    budget.take(bytes, reserved);
    reserved += bytes;
  }

  /** Gives back memory that was reserved and is free again before the end of the request. */
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
