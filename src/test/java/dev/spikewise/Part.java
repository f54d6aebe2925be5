package dev.spikewise;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Something beside Java and Maven that some tests need on the machine; see {@link Needs}. */
public enum Part {
  CHROMIUM(
      "Chromium: apt-get install chromium, or set CHROMIUM to the path of its program",
      () -> Files.isExecutable(chromium())),
  FAKETIME(
      "libfaketime, which changes the clock of a process: apt-get install libfaketime",
      () -> faketime().isPresent()),
  PROMETHEUS(
      "prometheus and promtool: apt-get install prometheus, or start Docker",
      () -> isOnPath("promtool") && isOnPath("prometheus") || dockerAnswers()),
  PIP(
      "python3 with pip: apt-get install python3-pip",
      () -> isOnPath("python3") && succeeds("python3", "-m", "pip", "--version")),
  SHELL_TOOLS(
      "bash, curl, jq and python3: apt-get install curl jq python3",
      () -> Stream.of("bash", "curl", "jq", "python3").allMatch(Part::isOnPath)),
  MPI(
      "Open MPI and MPICH: apt-get install openmpi-bin libopenmpi3 mpich",
      () -> isOnPath("mpirun.openmpi") && isOnPath("mpirun.mpich")),
  POSTGRES(
      "PostgreSQL: start Docker, or run the tests as a user other than root",
      PostgresDatabase::isAvailable);

  private final String howToInstall;
  private final Check check;

  Part(String howToInstall, Check check) {
    this.howToInstall = howToInstall;
    this.check = check;
  }

  private interface Check {
    boolean passes();
  }

  boolean isMissing() {
    return !check.passes();
  }

  String howToInstall() {
    return howToInstall;
  }

  /** The browser's program. */
  public static Path chromium() {
    return Path.of(System.getenv().getOrDefault("CHROMIUM", "/usr/bin/chromium"));
  }

  /** The library that, preloaded into a process, changes its clock. */
  public static Optional<Path> faketime() {
    return List.of("x86_64-linux-gnu", "aarch64-linux-gnu").stream()
        .map(folder -> Path.of("/usr/lib", folder, "faketime", "libfaketime.so.1"))
        // An empty file hides the library from a build that is to do without.
        .filter(library -> Files.isRegularFile(library) && library.toFile().length() > 0)
        .findFirst();
  }

  /** Whether a program of this name can be started. */
  public static boolean isOnPath(String program) {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .map(folder -> Path.of(folder, program))
        .anyMatch(file -> Files.isRegularFile(file) && Files.isExecutable(file));
  }

  private static boolean dockerAnswers() {
    return isOnPath("docker") && succeeds("docker", "version");
  }

  private static boolean succeeds(String... command) {
    try {
      var process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      boolean succeeds = process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0;
      process.destroyForcibly();
      return succeeds;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
