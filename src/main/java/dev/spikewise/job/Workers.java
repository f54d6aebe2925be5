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
 * The threads that train: each claims a job, trains it, and looks for the next. One more thread
 * renews the leases and brings back the wish to stop, so that no epoch is too long for either. On
 * shutdown the running jobs go back to the queue with a checkpoint, and heartbeats stop last.
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
   * Names this process's leases; new with every start, so that a predecessor's cannot be taken for
   * its own.
   */
  private final String owner = ProcessHandle.current().pid() + "-" + UUID.randomUUID();

  private final Collection<JobRunner> runners = ConcurrentHashMap.newKeySet();
  private final Object claiming = new Object();

  /** Held while it is stored whether a suspect is alone. */
  private final Object company = new Object();

  private final Semaphore news = new Semaphore(0);
  private final List<Thread> threads = new ArrayList<>();

  /** What beats and what reaps, from a start to the next stop. */
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

  /** How many jobs this process can train at the same time. */
  public int slots() {
    return settings.workers();
  }

  /** The jobs that this process trains now. */
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
      announce();
      WideTraining.current()
          .ifPresent(wide -> LOG.info("Each job is trained by {}", wide.description()));
    }
    if (database.isEmbedded()) {
      leases.reapAll();
    }
    tickers.add(new Ticker("heartbeat", settings.heartbeat(), this::beat));
    tickers.add(new Ticker("reaper", settings.poll(), this::reap));
    for (int i = 1; i <= settings.workers(); i++) {
      threads.add(Thread.ofPlatform().name("worker-" + i).start(this::work));
    }
  }

  /**
   * Says what jobs are computed with and why, as a slow choice can be mended only by who starts
   * Java.
   */
  private static void announce() {
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
        } else if (news.tryAcquire(settings.poll().toMillis(), TimeUnit.MILLISECONDS)) {
          news.drainPermits();
        }
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException | Error e) {
        // A thread that ended would be a slot less until the next start.
        LOG.warn("Claiming a job failed: {}", e.toString(), Outage.passes(e) ? null : e);
        sleep();
      }
    }
  }

  /**
   * Claims a job, unless this process trains a suspect; a suspect only where it trains nothing. One
   * thread at a time, so that no two of them find it idle.
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
            // A suspect's first epoch may not be stored yet, and a request may compute already.
            if (runners.size() > 1 || runner.isAlone() && heartbeat.isComputing()) {
              heartbeat.accompanied(owner);
            }
          });
      return claimed;
    }
  }

  /** A request is about to compute, which may be what kills this process. */
  private void beforeComputing() {
    if (runners.stream().noneMatch(JobRunner::isAlone)) {
      return;
    }
    synchronized (company) {
      try {
        heartbeat.accompanied(owner);
      } catch (RuntimeException e) {
        LOG.warn("The sharing of a suspect job's process could not be stored: {}", e.toString());
      }
    }
  }

  private void train(JobRunner runner) {
    // In structured logs a field of everything that this thread says.
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

  /** Tells once in a while what this process can train. */
  private void publish() {
    if (settings.workers() > 0 && System.nanoTime() - publishedAt > PUBLISH.toNanos()) {
      capacity.publish(owner);
      publishedAt = System.nanoTime();
    }
  }

  private void beat() {
    var current = runners.stream().filter(runner -> !runner.isLost()).toList();
    if (current.isEmpty()) {
      return;
    }
    try {
      long sentAt = System.nanoTime();
      var due = current.stream().filter(JobRunner::isDue).toList();
      var held = heartbeat.beat(owner, due.stream().map(runner -> runner.lease().jobId()).toList());
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
        synchronized (company) {
          heartbeat.alone(owner);
        }
      }
    } catch (RuntimeException e) {
      LOG.warn("The leases could not be renewed: {}", e.toString());
    }
  }

  private void reap() {
    try {
      publish();
      int reaped = leases.reap();
      if (reaped > 0) {
        LOG.warn("Reclaimed {} jobs from workers whose lease expired", reaped);
        news.release();
      }
    } catch (RuntimeException e) {
      LOG.warn("Expired leases could not be reclaimed: {}", e.toString());
    }
  }

  /** Spares this process's own jobs the wait for the next poll or heartbeat. */
  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    switch (event.job().status()) {
      case QUEUED -> news.release();
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
    news.release(threads.size());
    long deadline = System.nanoTime() + settings.drain().toNanos();
    try {
      for (var thread : threads) {
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    // Whoever still waits for the database leaves its job to the next worker.
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
