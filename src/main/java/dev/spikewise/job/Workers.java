package dev.spikewise.job;

import dev.spikewise.snn.Engine;
import dev.spikewise.store.Database;
import dev.spikewise.store.Outage;
import dev.spikewise.store.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.event.Level;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * The worker threads. Each claims a job, trains it, and claims the next one. A separate thread
 * renews the leases and delivers cancel and pause requests, so that neither depends on the length
 * of an epoch. On shutdown, running jobs return to the queue with a checkpoint, and heartbeats stop
 * last.
 */
@Component
public class Workers implements SmartLifecycle {

  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);

  private static final Duration PUBLISH = Duration.ofMinutes(1);

  private final Leases leases;
  private final Heartbeat heartbeat;
  private final Checkpoints checkpoints;
  private final Inputs inputs;
  private final Provenances provenances;
  private final Database database;
  private final Capacity capacity;
  private final JobSettings settings;

  /**
   * Owner name in this process's leases. It differs for every start, so that leases of an earlier
   * process are never mistaken for its own.
   */
  private final String owner = ProcessHandle.current().pid() + "-" + UUID.randomUUID();

  private final Collection<JobRunner> runners = ConcurrentHashMap.newKeySet();
  private final Object claiming = new Object();

  /** Lock for recording whether a suspect job is the only work in this process. */
  private final Object suspectLock = new Object();

  private final Semaphore wakeUps = new Semaphore(0);
  private final List<Thread> threads = new ArrayList<>();

  /** Renew leases and reclaim expired ones, from a start to the next stop. */
  private final List<Ticker> tickers = new ArrayList<>();

  private volatile boolean running;
  private long publishedAt = System.nanoTime() - PUBLISH.toNanos() - 1;

  Workers(
      Leases leases,
      Heartbeat heartbeat,
      Checkpoints checkpoints,
      Inputs inputs,
      Provenances provenances,
      Database database,
      Capacity capacity,
      JobSettings settings) {
    this.leases = leases;
    this.heartbeat = heartbeat;
    this.checkpoints = checkpoints;
    this.inputs = inputs;
    this.provenances = provenances;
    this.database = database;
    this.capacity = capacity;
    this.settings = settings;
    heartbeat.beforeComputing(this::beforeComputing);
  }

  /** Number of jobs that this process can train at the same time. */
  public int slots() {
    return settings.workers();
  }

  /** Number of processes that share each job. */
  public int ranks() {
    return capacity.ranks();
  }

  /** Time that this process has spent in exchanges with the other ranks, in seconds. */
  public double secondsWaited() {
    return WideTraining.current().map(WideTraining::secondsWaited).orElse(0.0);
  }

  /** Bytes that this process has sent to the other ranks. */
  public double sentBytes() {
    return WideTraining.current().map(WideTraining::sentBytes).orElse(0L);
  }

  /** Ids of the jobs that this process is training. */
  public Set<UUID> training() {
    return runners.stream().map(runner -> runner.lease().jobId()).collect(Collectors.toSet());
  }

  @Override
  public void start() {
    running = true;
    if (settings.workers() > 1 && WideTraining.current().isPresent()) {
      throw new IllegalStateException(
          "spikewise.jobs.workers must be 1 where processes of MPI share each job, but was "
              + settings.workers());
    }
    if (settings.workers() > 0) {
      logKernels();
      WideTraining.current()
          .ifPresent(wide -> LOG.info("Each job is trained by {}", wide.description()));
    }
    if (database.isEmbedded()) {
      leases.reapAll();
    }
    tickers.add(new Ticker("heartbeat", settings.heartbeat(), this::renewLeases));
    tickers.add(new Ticker("reaper", settings.poll(), this::reclaimExpired));
    for (int i = 1; i <= settings.workers(); i++) {
      threads.add(Thread.ofPlatform().name("worker-" + i).start(this::work));
    }
  }

  /**
   * Logs which kernels train the jobs and why: slow kernels are usually caused by the JVM's flags,
   * which only the operator can change.
   */
  private static void logKernels() {
    try (var engine = Engine.create(1)) {
      LOG.atLevel(engine.isSlow() ? Level.WARN : Level.INFO)
          .log("Jobs are trained with {} kernels: {}", engine.kernels(), engine.reason());
    }
  }

  private void work() {
    while (running) {
      try {
        var claimed = claim();
        if (claimed.isPresent()) {
          train(claimed.get());
        } else if (wakeUps.tryAcquire(settings.poll().toMillis(), TimeUnit.MILLISECONDS)) {
          wakeUps.drainPermits();
        }
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException | Error e) {
        // Otherwise the thread would end and this worker slot be lost until the next start.
        LOG.warn("Claiming a job failed: {}", e.toString(), Outage.passes(e) ? null : e);
        sleep();
      }
    }
  }

  /**
   * Claims a job. A process that trains a suspect job claims nothing else, and a suspect job is
   * claimed only by an idle process. The lock prevents two threads from both finding the process
   * idle.
   */
  private Optional<JobRunner> claim() {
    synchronized (claiming) {
      if (runners.stream().anyMatch(JobRunner::isAlone)) {
        return Optional.empty();
      }
      long claimedAt = System.nanoTime();
      var claimed =
          leases
              .claim(owner, runners.isEmpty())
              .map(
                  claim ->
                      new JobRunner(
                          claim, claimedAt, leases, checkpoints, inputs, provenances, settings));
      claimed.ifPresent(
          runner -> {
            runners.add(runner);
            // The process already does other work: another job, or a request that computes.
            if (runners.size() > 1 || runner.isAlone() && heartbeat.isComputing()) {
              heartbeat.markAccompanied(owner);
            }
          });
      return claimed;
    }
  }

  /** Called before a request computes: a crash could then be the request's fault. */
  private void beforeComputing() {
    if (runners.stream().noneMatch(JobRunner::isAlone)) {
      return;
    }
    synchronized (suspectLock) {
      try {
        heartbeat.markAccompanied(owner);
      } catch (RuntimeException e) {
        LOG.warn(
            "Could not record that a suspect job shares its process with a request: {}",
            e.toString());
      }
    }
  }

  private void train(JobRunner runner) {
    // Adds the job's id as a field to every structured log entry of this thread.
    try (var _ = MDC.putCloseable("job_id", runner.lease().jobId().toString())) {
      if (!running) {
        runner.stop();
      }
      runner.run();
    } finally {
      runners.remove(runner);
    }
  }

  private void sleep() {
    try {
      Thread.sleep(settings.poll());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Publishes the memory limit of this process once per minute. */
  private void publish() {
    if (settings.workers() > 0 && System.nanoTime() - publishedAt > PUBLISH.toNanos()) {
      capacity.publish(owner);
      publishedAt = System.nanoTime();
    }
  }

  private void renewLeases() {
    var current = runners.stream().filter(runner -> !runner.isLost()).toList();
    if (current.isEmpty()) {
      return;
    }
    try {
      long sentAt = System.nanoTime();
      var due = current.stream().filter(JobRunner::isDue).toList();
      var held =
          heartbeat.renew(owner, due.stream().map(runner -> runner.lease().jobId()).toList());
      for (var runner : current) {
        var job = held.get(runner.lease().jobId());
        if (job == null || job.fence() != runner.lease().fence()) {
          runner.lose();
        } else if (job.status() != JobState.RUNNING) {
          runner.stop();
        }
      }
      due.forEach(runner -> runner.renewed(sentAt));
      if (current.size() == 1 && current.getFirst().isAlone()) {
        synchronized (suspectLock) {
          heartbeat.markAlone(owner);
        }
      }
    } catch (RuntimeException e) {
      LOG.warn("The leases could not be renewed: {}", e.toString());
    }
  }

  private void reclaimExpired() {
    try {
      publish();
      int reaped = leases.reapExpired();
      if (reaped > 0) {
        LOG.warn("Reclaimed {} jobs from workers whose lease expired", reaped);
        wakeUps.release();
      }
    } catch (RuntimeException e) {
      LOG.warn("Expired leases could not be reclaimed: {}", e.toString());
    }
  }

  /**
   * Wakes the threads of this process at once, so that its own jobs need not wait for the next poll
   * or heartbeat.
   */
  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    switch (event.job().status()) {
      case QUEUED -> wakeUps.release();
      case PAUSING, CANCELLING ->
          runners.stream()
              .filter(runner -> runner.lease().jobId().equals(event.job().id()))
              .forEach(JobRunner::stop);
      case RUNNING, PAUSED, CANCELLED, SUCCEEDED, FAILED -> {}
    }
  }

  @Override
  public void stop() {
    running = false;
    runners.forEach(JobRunner::stop);
    wakeUps.release(threads.size());
    long deadline = System.nanoTime() + settings.drain().toNanos();
    try {
      for (var thread : threads) {
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (threads.stream().noneMatch(Thread::isAlive)) {
      WideTraining.leave();
    }
    // A runner that still waits for the database leaves its job to the next worker.
    runners.forEach(JobRunner::lose);
    tickers.forEach(Ticker::close);
    tickers.clear();
    threads.clear();
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
