package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.mpi.Mpirun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker of several processes, and what becomes of its jobs when some of them are killed. */
@Tag("soak")
@Needs(Part.MPI)
class WideWorkerTest {

  private static final int KILLS = Integer.getInteger("spikewise.kills", 3);
  private static final int EPOCHS = 300;
  private static final String SPEC =
      FaultTest.SPEC.replace("\"epochs\": 1000", "\"epochs\": " + EPOCHS);

  /** A start costs less with one compiler; the specification's kernels are fast with it, too. */
  private static final String[] QUICK_START = {
    "-XX:TieredStopAtLevel=1", "-Dspikewise.kernels=scalar"
  };

  @TempDir private Path dir;

  private ServiceProcess start(Mpirun launcher, int ranks, String... flags) throws Exception {
    var service =
        ServiceProcess.launchWide(
            launcher.java(ranks, flags), dir, FaultTest.SETTINGS, environment());
    service.awaitReadiness();
    return service;
  }

  private static Map<String, String> environment() {
    var environment = new HashMap<>(Mpirun.environment());
    // Time for a checkpoint after SIGTERM; mpirun waits for it after a killed rank, too.
    environment.put("OMPI_MCA_odls_base_sigkill_timeout", "20");
    environment.put("SPIKEWISE_JOBS_THREADS_PER_JOB", "1");
    return environment;
  }

  private static String withRanks(int ranks) {
    return SPEC.replaceFirst("\"batch_size\"", "\"ranks\": " + ranks + ", \"batch_size\"");
  }

  private static FaultTest.Result finished(ServiceProcess service, String job) throws Exception {
    return FaultTest.finished(service, job, EPOCHS);
  }

  /** SIGUSR1 during a job, which a larger world completes; one process alone cannot claim it. */
  @Test
  void anotherWorldCompletesTheJobWithTheSameBits() throws Exception {
    List<String> jobs = new ArrayList<>();
    try (var service = start(Mpirun.OPEN_MPI, 2)) {
      assertThat(ranks(service)).hasSize(2);
      assertThat(service.metric("spikewise_worker_ranks")).isEqualTo(2);
      assertThat(service.metric("spikewise_ranks_sent_bytes_total")).isLessThan(10_000);
      jobs.add(service.submit(withRanks(2)));
      service.await(jobs.getFirst(), now -> FaultTest.epoch(now) > 20);
      jobs.add(service.submit(withRanks(3)));
      assertThat(service.json(jobs.getLast()).at("/queue/waiting_for").asString())
          .contains("needs 3 ranks, but no worker has more than 2");
      assertThat(service.metric("spikewise_ranks_sent_bytes_total")).isGreaterThan(100_000);
      assertThat(service.metric("spikewise_ranks_wait_seconds_total")).isPositive();
      var world = service.json(jobs.getFirst()).at("/provenance/world");
      assertThat(world.get("hosts").size()).isEqualTo(2);
      assertThat(world.get("mpi").asString()).isEqualTo("Open MPI (libmpi.so.40)");
      service.signal("USR1");
      assertThat(service.end()).isEqualTo(143);
      assertThat(service.log()).doesNotContain("Lost the lease", " ERROR ");
    }
    FaultTest.Result undisturbed;
    try (var service = ServiceProcess.start(dir, FaultTest.SETTINGS)) {
      undisturbed = finished(service, service.submit(SPEC));
      var stopped = service.json(jobs.getFirst());
      assertThat(stopped.get("status").asString())
          .as("status of a job that one process cannot claim")
          .isEqualTo("queued");
      assertThat(FaultTest.epoch(stopped)).as("epochs that the checkpoint saved").isGreaterThan(20);
    }
    try (var service = start(Mpirun.MPICH, 3)) {
      for (var job : jobs) {
        assertThat(finished(service, job)).isEqualTo(undisturbed);
      }
      kill(ranks(service).getLast());
      assertThat(service.end()).as("exit status of a world without one rank").isNotZero();
    }
  }

  /** Kills of ranks and of the launcher; their number is the system property spikewise.kills. */
  @Test
  void jobsOfKilledWorldsEndWithTheSameBits() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var jobs = new ArrayList<String>();
    int interrupted = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      int ranks = 1 + random.nextInt(4);
      var launcher = Mpirun.values()[random.nextInt(2)];
      try (var service = start(launcher, ranks, QUICK_START)) {
        if (jobs.isEmpty() || !service.json(jobs.getLast()).get("finished_at").isNull()) {
          jobs.add(service.submit(SPEC));
        }
        int begun = FaultTest.epoch(service.json(jobs.getLast()));
        int epochs = random.nextInt(60);
        service.await(
            jobs.getLast(),
            now -> FaultTest.epoch(now) >= begun + epochs || now.get("finished_at").isString());
        Thread.sleep(random.nextInt(100));
        var processes = ranks(service);
        assertThat(processes).hasSize(ranks);
        var state = service.json(jobs.getLast());
        interrupted += state.get("status").asString().equals("running") ? 1 : 0;
        int victim = random.nextInt(ranks + 1) - 1;
        kill(victim < 0 ? ProcessHandle.of(service.pid()).orElseThrow() : processes.get(victim));
        service.end();
        for (var process : processes) {
          process.onExit().get(60, TimeUnit.SECONDS);
        }
        System.out.printf(
            "WideWorkerTest: kill %d of %s, world of %d on %s, epoch %d of job %d%n",
            kill + 1,
            victim < 0 ? "the launcher" : "rank " + victim,
            ranks,
            launcher,
            FaultTest.epoch(state),
            jobs.size());
      }
    }
    try (var service = ServiceProcess.start(dir, FaultTest.SETTINGS, QUICK_START)) {
      var undisturbed = finished(service, service.submit(SPEC));
      int differences = 0;
      for (var job : jobs) {
        differences += finished(service, job).equals(undisturbed) ? 0 : 1;
      }
      System.out.printf(
          "WideWorkerTest: %d kills, %d of them in a training, %d jobs, differences: %d (seed"
              + " %d)%n",
          KILLS, interrupted, jobs.size(), differences, seed);
      assertThat(differences).isZero();
    }
  }

  /** One rank frozen for a minute, rank 0 without disk space, and the commands of users. */
  @Test
  void frozenRanksFullDisksAndCommandsLoseNothing() throws Exception {
    try (var service = start(Mpirun.OPEN_MPI, 3, QUICK_START)) {
      var undisturbed = finished(service, service.submit(SPEC));
      var ranks = ranks(service);

      var frozen = service.submit(SPEC);
      service.await(frozen, now -> FaultTest.epoch(now) > 10);
      ServiceProcess.signal(ranks.getLast().pid(), "STOP");
      Thread.sleep(5_000);
      int epoch = FaultTest.epoch(service.json(frozen));
      Thread.sleep(55_000);
      assertThat(service.json(frozen).get("status").asString()).isEqualTo("running");
      assertThat(FaultTest.epoch(service.json(frozen))).isEqualTo(epoch);
      ServiceProcess.signal(ranks.getLast().pid(), "CONT");
      assertThat(finished(service, frozen)).isEqualTo(undisturbed);
      assertThat(service.log()).doesNotContain("Lost the lease");

      // Longer than the lease, which another worker could have claimed meanwhile.
      var late = service.submit(SPEC);
      service.await(late, now -> FaultTest.epoch(now) > 10);
      ServiceProcess.signal(ranks.getFirst().pid(), "STOP");
      Thread.sleep(8_000);
      ServiceProcess.signal(ranks.getFirst().pid(), "CONT");
      assertThat(finished(service, late)).isEqualTo(undisturbed);

      var full = service.submit(SPEC);
      service.await(full, now -> FaultTest.epoch(now) > 10);
      ServiceProcess.limitFiles(
          ranks.getFirst().pid(), Long.toString(Files.size(dir.resolve("spikewise.mv.db"))));
      Thread.sleep(10_000);
      ServiceProcess.limitFiles(ranks.getFirst().pid(), "unlimited");
      assertThat(finished(service, full)).isEqualTo(undisturbed);

      var paused = service.submit(SPEC);
      service.await(paused, now -> FaultTest.epoch(now) > 10);
      assertThat(service.post(paused + "/pause", "").statusCode()).isEqualTo(202);
      service.await(paused, now -> now.get("status").asString().equals("paused"));
      var cancelled = service.submit(SPEC);
      service.await(cancelled, now -> FaultTest.epoch(now) > 10);
      assertThat(service.post(cancelled + "/cancel", "").statusCode()).isEqualTo(202);
      service.await(cancelled, now -> now.get("status").asString().equals("cancelled"));
      var overdue =
          service.submit(
              SPEC.replace(
                  "\"epochs\": " + EPOCHS, "\"max_runtime_seconds\": 2, \"epochs\": 100000"));
      assertThat(
              service
                  .await(overdue, now -> now.get("finished_at").isString())
                  .get("reason")
                  .asString())
          .isEqualTo("max_runtime_exceeded");
      assertThat(service.post(paused + "/resume", "").statusCode()).isEqualTo(202);
      assertThat(finished(service, paused)).isEqualTo(undisturbed);
      assertThat(ranks(service)).as("the same world, all the time").isEqualTo(ranks);

      service.await(service.submit(SPEC), now -> FaultTest.epoch(now) > 10);
      service.terminate();
      assertThat(service.log()).doesNotContain(" ERROR ");
    }
  }

  /** The world's processes, by rank. */
  private static List<ProcessHandle> ranks(ServiceProcess service) {
    var launcher = ProcessHandle.of(service.pid()).orElseThrow();
    return launcher
        .descendants()
        .filter(process -> rank(process) >= 0)
        .sorted(Comparator.comparingInt(WideWorkerTest::rank))
        .toList();
  }

  private static int rank(ProcessHandle process) {
    try {
      var program = Files.readSymbolicLink(Path.of("/proc", Long.toString(process.pid()), "exe"));
      var variables = Files.readString(Path.of("/proc", Long.toString(process.pid()), "environ"));
      return !program.endsWith("java")
          ? -1
          : Stream.of(variables.split("\0"))
              .filter(v -> v.startsWith("OMPI_COMM_WORLD_RANK=") || v.startsWith("PMI_RANK="))
              .mapToInt(v -> Integer.parseInt(v.substring(v.indexOf('=') + 1)))
              .findFirst()
              .orElse(-1);
    } catch (IOException e) {
      return -1;
    }
  }

  private static void kill(ProcessHandle process) {
    assertThat(process.destroyForcibly()).isTrue();
  }
}
