package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.mpi.MpiWorld;
import dev.spikewise.mpi.Mpirun;
import dev.spikewise.snn.world.World;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Worlds of real processes, on the libraries that Debian has. */
@Needs(Part.MPI)
class MpiTest {

  /** Samples of the last, short batch are fewer than some worlds have ranks. */
  private static final String INPUT =
      "\"input\": {\"type\": \"dataset\", \"id\": \"digits\", \"limit\": 70, \"test_fraction\":"
          + " 0.2}, \"batch_size\": 26, \"time_steps\": 5, \"epochs\": 2, \"seed\": 4";

  private static final String NORMALISED =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
        {"type": "Conv2d", "out_channels": 16, "kernel_size": 3}, {"type": "BatchNorm2d"},
        {"type": "LIF", "tau_mem": 6, "spike_threshold": 0.5}, {"type": "Dropout", "p": 0.2},
        {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       %s, "loss": [{"type": "cross_entropy"},
         {"type": "synops", "mode": "limit", "target": {"baseline_multiple": 0.9}}]}\
      """
          .formatted(INPUT);

  private static final String RESIDUAL =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
        {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1},
        {"type": "IAF", "name": "stem"}, {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1},
        {"type": "LIF", "tau_mem": 6, "name": "body"}, {"type": "Merge", "inputs": ["stem", "body"]},
        {"type": "SumPool2d", "kernel_size": 2}, {"type": "Flatten"},
        {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       %s, "clip_grad_norm": 0.5, "loss": [{"type": "cross_entropy"},
         {"type": "synops", "target": {"baseline_multiple": 0.9}}, {"type": "l1", "weight": 1e-6}]}\
      """
          .formatted(INPUT);

  private static final String RECURRENT =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
        {"type": "Flatten"}, {"type": "Linear", "out_features": 40},
        {"type": "LIFRecurrent", "tau_mem": 8, "norm_input": false, "spike_threshold": 0.5},
        {"type": "Linear", "out_features": 10}, {"type": "ExpLeak", "tau_mem": 4}]},
       %s, "loss": [{"type": "max_membrane_cross_entropy"},
         {"type": "firing_rate", "min": 0.05, "max": 0.2}]}\
      """
          .formatted(INPUT);

  /** For programs that hardly compute. */
  private static final String QUICK = "-XX:TieredStopAtLevel=1";

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"OPEN_MPI, 2", "OPEN_MPI, 3", "MPICH, 3"})
  void ranksTrainToTheBitsOfOneProcess(Mpirun launcher, int ranks) throws Exception {
    assertSame(alone(Map.of("normalised", NORMALISED, "residual", RESIDUAL)), launcher, ranks, 1);
  }

  @Tag("soak")
  @ParameterizedTest
  @EnumSource
  void anyWorldTrainsToTheBitsOfOneProcess(Mpirun launcher) throws Exception {
    var jobs =
        Map.of(
            "tutorial",
            Tutorial.JSON.writeValueAsString(Tutorial.job(1, 40, 0.5)),
            "normalised",
            NORMALISED,
            "recurrent",
            RECURRENT,
            "residual",
            RESIDUAL);
    var expected = alone(jobs);
    for (int ranks : new int[] {1, 2, 3, 4, 8}) {
      for (int threads : new int[] {1, 2}) {
        long begin = System.nanoTime();
        var samples = assertSame(expected, launcher, ranks, threads);
        System.out.printf(
            "MpiTest: %s, ranks %d, threads %d: equal in %.0f s; samples by rank %s%n",
            launcher, ranks, threads, (System.nanoTime() - begin) / 1e9, samples);
      }
    }
  }

  /** Writes the jobs to files and trains each in this process. */
  private Map<String, String> alone(Map<String, String> jobs) throws Exception {
    var expected = new TreeMap<String, String>();
    for (var job : jobs.entrySet()) {
      Files.writeString(folder.resolve(job.getKey()), job.getValue());
      expected.put(job.getKey(), MpiProgram.train(job.getValue(), World.ALONE, 2).bits());
    }
    return expected;
  }

  /** Returns the number of samples by job and rank. */
  private Map<String, List<Long>> assertSame(
      Map<String, String> expected, Mpirun launcher, int ranks, int threads) throws Exception {
    var computed = new TreeMap<String, List<Long>>();
    var files = expected.keySet().stream().map(job -> folder.resolve(job).toString()).toList();
    var command = new ArrayList<>(launcher.java(ranks));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            MpiProgram.class.getName(),
            Integer.toString(threads),
            folder.toString()));
    command.addAll(files);
    var output = run(command, Map.of());
    assertThat(output.exitCode).as(output.text).isZero();
    for (int r = 0; r < ranks; r++) {
      var exchanges = Files.readString(folder.resolve("exchanges-" + r)).split(" ");
      for (var number : exchanges) {
        assertThat(Long.parseLong(number) > 0)
            .as("bytes and time of rank %d", r)
            .isEqualTo(ranks > 1);
      }
    }
    for (var job : expected.entrySet()) {
      long all = 0;
      for (int r = 0; r < ranks; r++) {
        var file = folder.resolve(job.getKey() + "-" + r);
        var result = Files.readString(file);
        var bits = job.getValue();
        assertThat(result)
            .as("%s, rank %d of %d on %s, %d threads", job.getKey(), r, ranks, launcher, threads)
            .startsWith(r == 0 ? bits + " " : bits.split(" ")[0] + " ");
        long samples = Long.parseLong(result.substring(result.lastIndexOf(' ') + 1));
        all += samples;
        computed.computeIfAbsent(job.getKey(), _ -> new ArrayList<>()).add(samples);
        Files.delete(file);
      }
      if (ranks > 1) {
        // The tutorial's batches have five samples, so that further ranks are idle.
        int idle = job.getKey().equals("tutorial") ? Math.max(0, ranks - 5) : 0;
        assertThat(computed.get(job.getKey())).filteredOn(n -> n == 0).hasSize(idle);
      }
      if (ranks > 1 && !job.getKey().equals("tutorial")) {
        // Of 70 samples, 57 are trained on and measured at the start, 13 tested.
        assertThat(all).as("samples of all ranks").isEqualTo(57 + 2 * (57 + 13));
      }
    }
    return computed;
  }

  @Test
  void aProcessOfAnotherLauncherThanItsLibraryIsRefused() throws Exception {
    var output =
        run(spikewise(Mpirun.OPEN_MPI.java(2)), Map.of("SPIKEWISE_MPI_LIBRARY", "libmpich.so.12"));
    assertThat(output.exitCode).isEqualTo(2);
    assertThat(output.text)
        .contains(
            "mpirun of Open MPI started 2 processes, but libmpich.so.12 (MPICH) made a world of 1:"
                + " the library belongs to another MPI than the launcher.");
  }

  @Test
  void aMissingLibraryIsNamed() throws Exception {
    var output =
        run(spikewise(Mpirun.MPICH.java(2)), Map.of("SPIKEWISE_MPI_LIBRARY", "libnowhere.so.1"));
    assertThat(output.exitCode).isEqualTo(2);
    assertThat(output.text)
        .contains(
            "mpiexec of MPICH started this process, but no MPI library was found (tried"
                + " libnowhere.so.1): install the library of the launcher");
  }

  /** As a wrong --mpi of srun does: processes that do not know each other. */
  @Test
  void tasksOfSlurmThatFormNoWorldAreRefused() throws Exception {
    var command = new ArrayList<>(Mpirun.OPEN_MPI.java(1));
    var output =
        run(
            spikewise(command.subList(command.indexOf("env"), command.size())),
            Map.of("SLURM_STEP_NUM_TASKS", "4", "SPIKEWISE_MPI_LIBRARY", "libmpich.so.12"));
    assertThat(output.exitCode).isEqualTo(2);
    assertThat(output.text)
        .contains(
            "srun of Slurm started 4 processes, but libmpich.so.12 (MPICH) made a world of 1",
            "Use srun --mpi=pmix for Open MPI and srun --mpi=pmi2 for MPICH");
  }

  @Test
  void processesWithOtherVectorWidthsAreRefused() throws Exception {
    var output =
        run(
            twoPrograms(
                spikewise(Mpirun.OPEN_MPI.java(1, QUICK, "-Dspikewise.kernels=vector")),
                spikewise(Mpirun.OPEN_MPI.java(1, QUICK, "-Dspikewise.kernels=scalar"))),
            Map.of());
    assertThat(output.exitCode).as(output.text).isEqualTo(2);
    assertThat(output.text)
        .contains("Rank 1 runs development with scalar kernels, but rank 0 runs development with")
        .contains("start the same version on all machines, on processors with the same vector");
  }

  @Test
  void processesOfAnotherVersionAreRefused() throws Exception {
    var classes =
        Path.of(MpiWorld.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    var manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, "9.9.9");
    var jar = folder.resolve("other.jar");
    try (var out = new JarOutputStream(Files.newOutputStream(jar), manifest);
        var files = Files.list(classes.resolve("dev/spikewise/job"))) {
      for (var file : files.filter(file -> file.toString().endsWith(".class")).toList()) {
        out.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
        out.write(Files.readAllBytes(file));
      }
    }
    var other = spikewise(Mpirun.OPEN_MPI.java(1, QUICK));
    int path = other.indexOf("-cp") + 1;
    other.set(path, jar + File.pathSeparator + other.get(path));
    var output = run(twoPrograms(spikewise(Mpirun.OPEN_MPI.java(1, QUICK)), other), Map.of());
    assertThat(output.exitCode).as(output.text).isEqualTo(2);
    assertThat(output.text)
        .contains("Rank 1 runs 9.9.9 with ", ", but rank 0 runs development with");
  }

  /** Each program without the launcher's own options, which are given once. */
  private static List<String> twoPrograms(List<String> first, List<String> second) {
    var command = new ArrayList<>(first);
    command.add(":");
    command.addAll(second.subList(second.indexOf("-np"), second.size()));
    return command;
  }

  @Test
  void aProcessThatDoesNotAnswerEndsAll() throws Exception {
    var command = new ArrayList<>(Mpirun.MPICH.java(2));
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), MpiProgram.class.getName(), "stall"));
    var output = run(command, Map.of());
    assertThat(output.exitCode).as(output.text).isEqualTo(1);
    assertThat(output.text)
        .contains("Rank 0 ends all processes: the others did not answer within 1 s.");
  }

  @Test
  void trainStopsEarlyAndChecksGatesOnTwoRanksAsAlone() throws Exception {
    var job = folder.resolve("job.json");
    Files.writeString(
        job,
        RECURRENT
            .replace("\"epochs\": 2", "\"epochs\": 40")
            .replaceFirst(
                "\"loss\"", "\"early_stopping\": {\"patience\": 2, \"min_delta\": 10}, \"loss\""));
    var arguments = List.of("train", job.toString(), "--gate", "accuracy>=1");
    var alone = run(spikewise(withoutLauncher(), arguments), Map.of());
    var shared = run(spikewise(Mpirun.OPEN_MPI.java(2), arguments), Map.of());
    assertThat(alone.exitCode).as(alone.text).isEqualTo(1);
    assertThat(shared.exitCode).as(shared.text).isEqualTo(1);
    assertThat(alone.text).contains("early_stopped");
    assertThat(lasting(shared.text)).isEqualTo(lasting(alone.text));
    assertThat(shared.text).contains("\"ranks\" : 2", "\"mpi\" : \"Open MPI (libmpi.so.40)\"");
  }

  @Test
  void trainEndsAllRanksAfterItsMaximumRuntime() throws Exception {
    var job = folder.resolve("job.json");
    Files.writeString(
        job, RECURRENT.replace("\"epochs\": 2", "\"epochs\": 1000000, \"max_runtime_seconds\": 1"));
    var output = run(spikewise(Mpirun.MPICH.java(3), List.of("train", job.toString())), Map.of());
    assertThat(output.exitCode).as(output.text).isEqualTo(3);
    assertThat(output.text).contains("max_runtime_exceeded");
  }

  /** Numbers that must not depend on the number of ranks. */
  private static List<String> lasting(String output) {
    return output
        .lines()
        .filter(
            line ->
                line.matches(
                    " *\"(reason|loss|synops|accuracy|test_accuracy|firing_rate|epoch)\" : .*"))
        .toList();
  }

  private static List<String> withoutLauncher() {
    var command = Mpirun.OPEN_MPI.java(1);
    return command.subList(command.indexOf("env"), command.size());
  }

  private static List<String> spikewise(List<String> java) {
    return spikewise(java, List.of("train", "missing.json"));
  }

  private static List<String> spikewise(List<String> java, List<String> arguments) {
    var command = new ArrayList<>(java);
    command.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), "dev.spikewise.SpikewiseApplication"));
    command.addAll(arguments);
    return command;
  }

  private record Output(int exitCode, String text) {}

  private static Output run(List<String> command, Map<String, String> environment)
      throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(Mpirun.environment());
    builder.environment().putAll(environment);
    builder.redirectInput(new File("/dev/null"));
    var process = builder.start();
    var text = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor(5, TimeUnit.MINUTES))
        .as(Arrays.toString(command.toArray()))
        .isTrue();
    return new Output(process.exitValue(), text);
  }
}
