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

  @TempDir private Path dir;

  private ServiceProcess start(Mpirun launcher, int ranks) throws Exception {
    var service =
        ServiceProcess.launchWide(launcher.java(ranks), dir, FaultTest.SETTINGS, environment());
    service.awaitReadiness();
    return service;
  }

  private static Map<String, String> environment() {
    var environment = new HashMap<>(Mpirun.environment());
    // After SIGTERM, for a checkpoint; mpirun also waits for so long after a rank was killed.
    environment.put("OMPI_MCA_odls_base_sigkill_timeout", "20");
    environment.put("SPIKEWISE_JOBS_THREADS_PER_JOB", "1");
    return environment;
  }

  /** SIGTERM in the middle of a job, which another world ends, and one process alone. */
  @Test
  void aJobGoesOnInAnotherWorldWithTheSameBits() throws Exception {
    List<String> jobs = new ArrayList<>();
    try (var service = start(Mpirun.OPEN_MPI, 2)) {
      assertThat(ranks(service)).hasSize(2);
      assertThat(service.metric("spikewise_worker_ranks")).isEqualTo(2);
      jobs.add(
          service.submit(
              FaultTest.SPEC.replaceFirst("\"batch_size\"", "\"ranks\": 2, \"batch_size\"")));
      service.await(jobs.getFirst(), now -> FaultTest.epoch(now) > 20);
      var queued =
          service.json(
              service.submit(
                  FaultTest.SPEC.replaceFirst("\"batch_size\"", "\"ranks\": 3, \"batch_size\"")));
      jobs.add(queued.at("/links/self").asString());
      assertThat(queued.at("/queue/waiting_for").asString())
          .contains("needs 3 ranks, but no worker has more than 2");
      service.terminate();
      assertThat(service.log()).doesNotContain("Lost the lease", " ERROR ");
    }
    FaultTest.Result undisturbed;
    try (var service = ServiceProcess.start(dir, FaultTest.SETTINGS)) {
      undisturbed = FaultTest.finished(service, service.submit(FaultTest.SPEC));
      assertThat(service.json(jobs.getFirst()).get("status").asString())
          .as("of a job that one process cannot take")
          .isEqualTo("queued");
    }
    try (var service = start(Mpirun.MPICH, 3)) {
      for (var job : jobs) {
        assertThat(FaultTest.finished(service, job)).isEqualTo(undisturbed);
      }
      kill(ranks(service).getLast());
      assertThat(service.end()).as("exit status of a world without one rank").isNotZero();
    }
  }

  /** Fifty of them, unless the system property spikewise.kills says otherwise. */
  @Test
  void jobsOfWorldsWithKilledRanksEndWithTheSameBits() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var jobs = new ArrayList<String>();
    for (int kill = 0; kill < KILLS; kill++) {
      int ranks = 1 + random.nextInt(4);
      var launcher = Mpirun.values()[random.nextInt(2)];
      try (var service = start(launcher, ranks)) {
        if (jobs.isEmpty() || !service.json(jobs.getLast()).get("finished_at").isNull()) {
          jobs.add(service.submit(FaultTest.SPEC));
        }
        Thread.sleep(random.nextInt(3000));
        var processes = ranks(service);
        kill(processes.get(random.nextInt(processes.size())));
        service.end();
        for (var process : processes) {
          process.onExit().get(60, TimeUnit.SECONDS);
        }
      }
    }
    try (var service = ServiceProcess.start(dir, FaultTest.SETTINGS)) {
      var undisturbed = FaultTest.finished(service, service.submit(FaultTest.SPEC));
      int differences = 0;
      for (var job : jobs) {
        differences += FaultTest.finished(service, job).equals(undisturbed) ? 0 : 1;
      }
      System.out.printf(
          "WideWorkerTest: %d kills, %d jobs, differences: %d (seed %d)%n",
          KILLS, jobs.size(), differences, seed);
      assertThat(differences).isZero();
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
