package dev.spikewise.job;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.store.Outage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores a training's epochs off its thread: all that became complete meanwhile in one transaction,
 * soon enough that a reader sees each within a second. While the database does not answer, epochs
 * wait here and are tried again.
 */
final class Journal implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

  /** A training that is so many epochs ahead of a slow database waits for it. */
  private static final int MOST_PENDING = 10_000;

  private final Leases leases;
  private final Lease lease;
  private final Duration interval;
  private final Runnable onLost;
  private final Thread thread;
  private final List<EpochMetrics> pending = new ArrayList<>();
  private @Nullable Snapshot snapshot;
  private long activeSince = System.nanoTime();
  private boolean closed;

  Journal(Leases leases, Lease lease, Duration interval, Runnable onLost) {
    this.leases = leases;
    this.lease = lease;
    this.interval = interval;
    this.onLost = onLost;
    // Not virtual: requests that keep all carriers busy must not delay it until the lease is lost.
    this.thread = Thread.ofPlatform().daemon().name("journal-" + lease.jobId()).start(this::write);
  }

  /** Called by the training thread; {@code snapshot} covers all epochs so far. */
  synchronized void add(EpochMetrics metrics, @Nullable Snapshot snapshot)
      throws InterruptedException {
    while (pending.size() >= MOST_PENDING && !closed) {
      wait();
    }
    pending.add(metrics);
    this.snapshot = snapshot == null ? this.snapshot : snapshot;
  }

  /** Whether a snapshot would be stored: one that waits is recent enough, and a copy takes time. */
  synchronized boolean wantsSnapshot() {
    return snapshot == null;
  }

  private void write() {
    try {
      while (pause()) {
        try {
          storePending();
        } catch (Lease.Lost e) {
          onLost.run();
          return;
        } catch (RuntimeException e) {
          if (!Outage.passes(e)) {
            throw e;
          }
          LOG.warn(
              "Epochs of job {} could not be stored and will be retried: {}",
              lease.jobId(),
              e.toString());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      LOG.error("Epochs of job {} cannot be stored", lease.jobId(), e);
      onLost.run();
    } finally {
      // A training that waits for the database must not wait for ever.
      end();
    }
  }

  private synchronized void end() {
    closed = true;
    notifyAll();
  }

  private synchronized boolean pause() throws InterruptedException {
    // An end that came while epochs were stored woke nobody.
    if (!closed) {
      wait(interval.toMillis());
    }
    return !closed;
  }

  private void storePending() {
    List<EpochMetrics> batch;
    Snapshot covering;
    long now = System.nanoTime();
    synchronized (this) {
      batch = List.copyOf(pending);
      covering = snapshot;
    }
    if (batch.isEmpty()) {
      return;
    }
    leases.progress(lease, batch, covering, Duration.ofNanos(now - activeSince));
    activeSince = now;
    synchronized (this) {
      pending.subList(0, batch.size()).clear();
      snapshot = snapshot == covering ? null : snapshot;
      notifyAll();
    }
  }

  /** Ends the writing in the background; what is pending stays for {@link #finish}. */
  @Override
  public void close() {
    end();
    boolean interrupted = Thread.interrupted();
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stores what is left, and how the training ended. Only after {@link #close}. */
  void finish(@Nullable Snapshot last, Leases.End end) {
    leases.finish(
        lease,
        List.copyOf(pending),
        last == null ? snapshot : last,
        Duration.ofNanos(System.nanoTime() - activeSince),
        end);
  }
}
