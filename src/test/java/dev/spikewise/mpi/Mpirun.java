package dev.spikewise.mpi;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The launchers that start the processes of a world. */
public enum Mpirun {
  OPEN_MPI("mpirun.openmpi"),
  MPICH("mpirun.mpich");

  private final String program;

  Mpirun(String program) {
    this.program = program;
  }

  /** Starts {@code ranks} processes of this JVM's Java with its flags and with those given. */
  public List<String> java(int ranks, String... flags) {
    var command = new ArrayList<>(List.of(program));
    if (this == OPEN_MPI) {
      // It would bind each process to a core and refuse more processes than cores.
      command.addAll(List.of("--bind-to", "none", "--oversubscribe"));
    }
    command.addAll(List.of("-np", Integer.toString(ranks)));
    // Without env, mpirun of Open MPI changes the class path of a java that it starts.
    command.addAll(
        List.of("env", Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("--"))
        .forEach(command::add);
    command.add("-XX:+UseSerialGC");
    command.addAll(List.of(flags));
    return command;
  }

  /** For containers, and for root. */
  public static Map<String, String> environment() {
    return Map.of(
        "OMPI_ALLOW_RUN_AS_ROOT", "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism", "none");
  }
}
