package dev.spikewise.job;

import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.store.ObjectStoreException;
import dev.spikewise.store.Outage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores the epochs of a training on a separate thread. Epochs completed since the last write are
 * stored in few transactions, often enough for clients to see each within a second. While the
 * database does not respond, epochs wait in memory and are retried.
 */
final class Journal implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

  /**
   * Maximum number of epochs that are not yet stored; a training that reaches it waits for the
   * database.
   */
  private static final int MAX_PENDING = 10_000;

  /**
   * Maximum number of epochs in one transaction, which locks the job's row: requests that change
   * the job wait for it.
   */
  private static final int MAX_STORED = 500;

  /** Time between two transactions in which waiting requests get the row. */
  private static final long BREAK_MILLIS = 10;

  /** Time between a failed upload of a checkpoint and the next attempt. */
  private static final Duration UPLOAD_PAUSE = Duration.ofSeconds(2);

  private final Leases leases;
  private final Lease lease;
  private final Duration interval;
  private final Runnable onLost;
  private final Thread thread;
  private final List<EpochMetrics> pending = new ArrayList<>();
  private @Nullable Snapshot snapshot;
  private long activeSince = System.nanoTime();
  private boolean closed;

  /** Used by the background thread only. */
  private long uploadFailedAt = System.nanoTime() - UPLOAD_PAUSE.toNanos();

  Journal(Leases leases, Lease lease, Duration interval, Runnable onLost) {
    this.leases = leases;
    this.lease = lease;
    this.interval = interval;
    this.onLost = onLost;
    // A platform thread, because busy requests may occupy all carriers of virtual threads for
    // longer than the lease.
    this.thread = Thread.ofPlatform().daemon().name("journal-" + lease.jobId()).start(this::write);
  }

  /** Adds an epoch. Called by the training thread; {@code snapshot} covers all epochs so far. */
  synchronized void add(EpochMetrics metrics, @Nullable Snapshot snapshot)
      throws InterruptedException {
    while (pending.size() >= MAX_PENDING && !closed) {
      wait();
    }
    pending.add(metrics);
    this.snapshot = snapshot == null ? this.snapshot : snapshot;
  }

  /**
   * Whether to take a snapshot: not while an earlier one still waits to be stored, because copying
   * weights takes time.
   */
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
      // Wakes a training thread that waits in add, which would otherwise wait forever.
      end();
    }
  }

  private synchronized void end() {
    closed = true;
    notifyAll();
  }

  private synchronized boolean pause() throws InterruptedException {
    // end() may have been called while epochs were being stored, when no thread was waiting.
    if (!closed) {
      wait(pending.size() < MAX_STORED ? interval.toMillis() : BREAK_MILLIS);
    }
    return !closed;
  }

  private void storePending() {
    List<EpochMetrics> batch;
    Snapshot covering;
    long now = System.nanoTime();
    synchronized (this) {
      batch = List.copyOf(pending.subList(0, Math.min(pending.size(), MAX_STORED)));
      if (batch.isEmpty()) {
        return;
      }
      covering = isCovered(snapshot, batch.getLast().epoch()) ? snapshot : null;
    }
    if (covering != null && !upload(covering)) {
      covering = null;
    }
    leases.progress(lease, batch, covering, Duration.ofNanos(now - activeSince));
    activeSince = now;
    synchronized (this) {
      pending.subList(0, batch.size()).clear();
      snapshot = snapshot == covering ? null : snapshot;
      notifyAll();
    }
  }

  /**
   * Writes a checkpoint that belongs outside the database. While its store does not respond, epochs
   * are stored without it.
   */
  private boolean upload(Snapshot covering) {
    if (System.nanoTime() - uploadFailedAt < UPLOAD_PAUSE.toNanos()) {
      return false;
    }
    try {
      leases.upload(covering);
      return true;
    } catch (ObjectStoreException e) {
      LOG.warn(
          "The checkpoint of job {} after {} epochs could not be stored and will be retried: {}",
          lease.jobId(),
          covering.checkpoint().epoch(),
          e.getMessage());
      uploadFailedAt = System.nanoTime();
      return false;
    }
  }

  /** Whether all epochs that the snapshot follows are stored together with it, or before. */
  private static boolean isCovered(@Nullable Snapshot snapshot, int lastEpoch) {
    return snapshot != null && snapshot.checkpoint().epoch() <= lastEpoch + 1;
  }

  /** Stops the background thread; pending epochs are left for {@link #finish}. */
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

  /**
   * Stores the remaining epochs and the outcome of the training. Call it only after {@link #close}.
   */
  void finish(@Nullable Snapshot last, Leases.End end) {
    leases.finish(
        lease,
        List.copyOf(pending),
        last == null ? snapshot : last,
        Duration.ofNanos(System.nanoTime() - activeSince),
        end);
  }
}
