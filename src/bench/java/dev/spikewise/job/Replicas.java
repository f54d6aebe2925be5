package dev.spikewise.job;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Statistics;
import dev.spikewise.SpikewiseApplication;
import dev.spikewise.compute.Compute;
import dev.spikewise.compute.ComputeSettings;
import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.TrainingListener;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Database;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.util.unit.DataSize;
import org.testcontainers.postgresql.PostgreSQLContainer;
import tools.jackson.databind.json.JsonMapper;

/**
 * What replicas do to PostgreSQL. Each claims, beats, stores epochs and checkpoints through {@link
 * Leases} at the pace of a worker that trains the tutorial's job, but does no arithmetic, so that a
 * hundred fit one machine.
 */
final class Replicas {

  private static final int EPOCHS_PER_SECOND = 100;
  private static final Duration WINDOW = Duration.ofSeconds(6);

  private final Leases leases;
  private final Jobs jobs;
  private final JobSettings settings;
  private final JdbcConnectionDetails connection;
  private final Database database;
  private final JdbcClient client;
  private final PostgreSQLContainer postgres;
  private final TrainingSpec spec;
  private final Trainer trainer;
  private final Provenance provenance;
  private final EpochMetrics epoch;
  private final Checkpoint checkpoint;

  private final Collection<Double> beats = new ConcurrentLinkedQueue<>();
  private final Collection<Double> stores = new ConcurrentLinkedQueue<>();
  private final LongAdder claims = new LongAdder();
  private final LongAdder epochs = new LongAdder();
  private final LongAdder lost = new LongAdder();
  private volatile boolean running;

  private Replicas(
      Leases leases,
      Jobs jobs,
      JobSettings settings,
      Provenances provenances,
      JdbcConnectionDetails connection,
      Database database,
      JdbcClient client,
      PostgreSQLContainer postgres,
      TrainingSpec spec) {
    this.leases = leases;
    this.jobs = jobs;
    this.settings = settings;
    this.connection = connection;
    this.database = database;
    this.client = client;
    this.postgres = postgres;
    this.spec = spec;
    try (var engine = Engine.create(1)) {
      var first = new ArrayList<EpochMetrics>();
      trainer = new Trainer(spec, spec.model().definition(), null, null, engine);
      trainer.run(
          new TrainingListener() {
            @Override
            public void onEpoch(EpochMetrics metrics) {
              first.add(metrics);
            }

            @Override
            public boolean keepGoing() {
              return first.isEmpty();
            }
          });
      epoch = first.getFirst();
      checkpoint = trainer.checkpoint();
      provenance = provenances.of(spec, null, null, null, engine);
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    try (var postgres = new PostgreSQLContainer("postgres:17")) {
      postgres.withCommand("postgres", "-c", "max_connections=400").start();
      try (var context =
          new SpringApplicationBuilder(SpikewiseApplication.class)
              .run(
                  "--server.port=0",
                  "--logging.level.root=warn",
                  "--spikewise.jobs.workers=0",
                  "--spring.datasource.url=" + postgres.getJdbcUrl(),
                  "--spring.datasource.username=" + postgres.getUsername(),
                  "--spring.datasource.password=" + postgres.getPassword(),
                  "--spring.datasource.hikari.maximum-pool-size=300",
                  "--spring.datasource.hikari.idle-timeout=10000")) {
        var json = new ClassPathResource("tutorial.json").getContentAsByteArray();
        var replicas =
            new Replicas(
                context.getBean(Leases.class),
                context.getBean(Jobs.class),
                context.getBean(JobSettings.class),
                context.getBean(Provenances.class),
                context.getBean(JdbcConnectionDetails.class),
                context.getBean(Database.class),
                context.getBean(JdbcClient.class),
                postgres,
                context.getBean(JsonMapper.class).readValue(json, TrainingSpec.class));
        replicas.header();
        for (int n : new int[] {1, 10, 100}) {
          replicas.measure("idle", n, 0, 0);
        }
        for (int n : new int[] {1, 10, 100}) {
          replicas.measure("training, a checkpoint every 10 epochs", n, 600, 10);
        }
        for (int n : new int[] {1, 10, 100}) {
          replicas.measure("training, a checkpoint every 1,000 epochs", n, 600, 1000);
        }
        for (int n : new int[] {1, 10, 100}) {
          replicas.measure("jobs that end at once", n, 1, 1000);
        }
      }
    }
  }

  /**
   * @param length epochs of a job; 0 leaves the queue empty
   * @param checkpointEvery so many epochs
   */
  private void measure(String what, int replicas, int length, int checkpointEvery)
      throws InterruptedException {
    int queued = length == 0 ? 0 : length == 1 ? 1500 : 4 * replicas;
    for (int i = 0; i < queued; i++) {
      jobs.submit(spec);
    }
    running = true;
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < replicas; i++) {
      var replica = new Replica(length, checkpointEvery);
      threads.add(Thread.startVirtualThread(replica::work));
      threads.add(Thread.startVirtualThread(replica::beat));
      threads.add(Thread.startVirtualThread(replica::reap));
    }
    Thread.sleep(length == 1 ? Duration.ofSeconds(1) : Duration.ofSeconds(2));
    beats.clear();
    stores.clear();
    long claimed = claims.sum();
    long stored = epochs.sum();
    var before = Usage.of(this);
    Thread.sleep(length == 1 ? WINDOW.dividedBy(2) : WINDOW);
    var after = Usage.of(this);
    int connections =
        client
            .sql("select count(*) from pg_stat_activity where datname is not null")
            .query(Integer.class)
            .single();
    double seconds = (after.nanos - before.nanos) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %.0f | %.0f | %.0f | %.1f | %.2f | %.2f | %d | %s | %s | %d |%n",
        what,
        replicas,
        (claims.sum() - claimed) / seconds,
        (epochs.sum() - stored) / seconds,
        (after.transactions - before.transactions) / seconds,
        (after.wal - before.wal) / seconds / 1e6,
        (after.postgres - before.postgres) / 1e9 / seconds,
        (after.here - before.here) / 1e9 / seconds,
        connections,
        percentiles(beats),
        percentiles(stores),
        lost.sumThenReset());
    running = false;
    for (var thread : threads) {
      thread.join();
    }
    client.sql("truncate job cascade").update();
  }

  private static void header() {
    System.out.println(
        """
        | | replicas | claims/s | epochs/s | transactions/s | WAL MB/s | cores of PostgreSQL | cores of the replicas \
        | connections | heartbeat ms, median and p99 | store ms | leases lost |
        |---|---|---|---|---|---|---|---|---|---|---|---|\
        """);
  }

  private static String percentiles(Collection<Double> millis) {
    var sorted = millis.stream().sorted().toList();
    return sorted.isEmpty()
        ? ""
        : String.format(
            Locale.ROOT,
            "%.1f, %.1f",
            sorted.get(sorted.size() / 2),
            sorted.get(sorted.size() * 99 / 100));
  }

  /** Nanoseconds of processors, and the rest since the server's start. */
  private record Usage(long nanos, long postgres, long here, long transactions, long wal) {

    static Usage of(Replicas all) throws InterruptedException {
      var cpu = new AtomicLong();
      all.postgres
          .getDockerClient()
          .statsCmd(all.postgres.getContainerId())
          .withNoStream(true)
          .exec(
              new ResultCallback.Adapter<Statistics>() {
                @Override
                public void onNext(Statistics statistics) {
                  cpu.set(statistics.getCpuStats().getCpuUsage().getTotalUsage());
                }
              })
          .awaitCompletion();
      var os =
          (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      return new Usage(
          System.nanoTime(),
          cpu.get(),
          os.getProcessCpuTime(),
          all.client
              .sql("select sum(xact_commit) from pg_stat_database")
              .query(Long.class)
              .single(),
          all.client
              .sql("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
              .query(Long.class)
              .single());
    }
  }

  /** A worker without its arithmetic: one job at a time, and heartbeats. */
  private final class Replica {

    private final String owner = UUID.randomUUID().toString();
    private final int length;
    private final int checkpointEvery;
    private volatile @Nullable Lease lease;

    Replica(int length, int checkpointEvery) {
      this.length = length;
      this.checkpointEvery = checkpointEvery;
    }

    void work() {
      while (running) {
        var claim = leases.claim(owner);
        if (claim.isEmpty()) {
          sleep(settings.poll());
          continue;
        }
        claims.increment();
        try {
          train(claim.get().lease());
        } catch (Lease.Lost e) {
          lost.increment();
        } finally {
          lease = null;
        }
      }
    }

    private void train(Lease claimed) {
      lease = claimed;
      leases.started(
          claimed, new Start(trainer.targetSynops(), trainer.baseline(), provenance, 1, 1));
      int perFlush = (int) (EPOCHS_PER_SECOND * settings.flush().toMillis() / 1000);
      int done = 0;
      while (running && length - done > perFlush) {
        sleep(settings.flush());
        int last = done + perFlush;
        boolean due = last / checkpointEvery > done / checkpointEvery;
        long sentAt = System.nanoTime();
        leases.progress(claimed, batch(done, last), due ? snapshot(last) : null, settings.flush());
        stores.add((System.nanoTime() - sentAt) / 1e6);
        done = last;
      }
      leases.finish(
          claimed,
          batch(done, length),
          snapshot(length),
          settings.flush(),
          new Leases.End.Completed(Reason.COMPLETED, null));
    }

    private List<EpochMetrics> batch(int from, int to) {
      epochs.add(to - from);
      return IntStream.range(from, to)
          .mapToObj(
              i ->
                  new EpochMetrics(
                      i,
                      epoch.loss(),
                      epoch.lossTerms(),
                      epoch.synops(),
                      epoch.firingRate(),
                      epoch.accuracy(),
                      epoch.testAccuracy(),
                      epoch.testSynops(),
                      epoch.quantizedAccuracy(),
                      epoch.quantizedSynops(),
                      epoch.durationMs(),
                      epoch.parameter(),
                      epoch.spiking()))
          .toList();
    }

    private Snapshot snapshot(int complete) {
      return new Snapshot(
          new Checkpoint(
              complete, checkpoint.weights(), checkpoint.optimizer(), checkpoint.monitors()),
          trainer.latest());
    }

    /** No request computes in these processes. */
    private static Compute idle() {
      var most = Duration.ofMinutes(1);
      return new Compute(new ComputeSettings(1, 1, 1, most, most, most, DataSize.ofMegabytes(1)));
    }

    void beat() {
      apart(settings.heartbeat());
      var heartbeat = new Heartbeat(connection, database, idle(), settings);
      long renewedAt = System.nanoTime();
      while (running) {
        var held = lease;
        if (held != null) {
          long sentAt = System.nanoTime();
          boolean due = sentAt - renewedAt > settings.lease().toNanos() / 6;
          try {
            heartbeat.renew(owner, due ? List.of(held.jobId()) : List.of());
            renewedAt = due ? sentAt : renewedAt;
          } catch (RuntimeException e) {
            // As a worker does: the next one may find the database again.
            System.err.println(e);
          }
          beats.add((System.nanoTime() - sentAt) / 1e6);
        }
        sleep(settings.heartbeat());
      }
      heartbeat.destroy();
    }

    void reap() {
      apart(settings.poll());
      while (running) {
        leases.reapExpired();
        sleep(settings.poll());
      }
    }

    /** Replicas are not all started in the same moment. */
    private void apart(Duration interval) {
      sleep(Duration.ofMillis((long) (Math.random() * interval.toMillis())));
    }

    private void sleep(Duration duration) {
      try {
        Thread.sleep(duration);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
