package dev.spikewise.mpi;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a launcher started this process, as its environment variables say.
 *
 * @param launcher name for messages
 * @param processes number of processes it started
 * @param libraries names of the MPI libraries that belong to it, the first one that is installed is
 *     taken
 */
record Launch(String launcher, int processes, List<String> libraries) {

  /** Environment variable that names a library. */
  static final String LIBRARY = "SPIKEWISE_MPI_LIBRARY";

  /** Value of it that makes a process of a launcher train on its own. */
  static final String NONE = "none";

  private static final List<String> OPEN_MPI = List.of("libmpi.so.40", "libmpi.so");

  private static final List<String> MPICH = List.of("libmpich.so.12", "libmpi.so.12", "libmpi.so");

  /**
   * Empty where no launcher started more than this one process.
   *
   * @param environment variables by name
   * @param library name or file of the library to take; the launcher's if null
   */
  static Optional<Launch> of(Map<String, String> environment, @Nullable String library) {
    if (NONE.equals(library)) {
      return Optional.empty();
    }
    Launch launch = byVariables(environment);
    if (launch == null) {
      return Optional.empty();
    }
    return Optional.of(
        library == null || library.isBlank()
            ? launch
            : new Launch(launch.launcher, launch.processes, List.of(library)));
  }

  private static @Nullable Launch byVariables(Map<String, String> environment) {
    Integer openMpi = number(environment, "OMPI_COMM_WORLD_SIZE");
    if (openMpi != null) {
      return new Launch("mpirun of Open MPI", openMpi, OPEN_MPI);
    }
    Integer step = number(environment, "SLURM_STEP_NUM_TASKS");
    Integer pmi = number(environment, "PMI_SIZE");
    if (step != null && (step > 1 || pmi != null || environment.containsKey("PMIX_RANK"))) {
      var order =
          environment.containsKey("PMIX_RANK") ? join(OPEN_MPI, MPICH) : join(MPICH, OPEN_MPI);
      return new Launch("srun of Slurm", step, order);
    }
    return pmi == null ? null : new Launch("mpiexec of MPICH", pmi, MPICH);
  }

  private static List<String> join(List<String> first, List<String> second) {
    return Stream.concat(first.stream(), second.stream()).distinct().toList();
  }

  private static @Nullable Integer number(Map<String, String> environment, String name) {
    String value = environment.get(name);
    try {
      return value == null ? null : Integer.valueOf(value.strip());
    } catch (NumberFormatException e) {
      throw new MpiException(
          "The environment variable %s must be the number of processes but was \"%s\"."
              .formatted(name, value));
    }
  }
}
