package dev.spikewise.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the environment says of the launcher. */
class LaunchTest {

  @Test
  void aProcessThatNoLauncherStartedLoadsNothing() {
    assertThat(Launch.of(Map.of("PATH", "/usr/bin"), null)).isEmpty();
    // A batch script of Slurm is no task of a step.
    assertThat(Launch.of(Map.of("SLURM_NTASKS", "4", "SLURM_PROCID", "0"), null)).isEmpty();
    assertThat(Launch.of(Map.of("SLURM_STEP_NUM_TASKS", "1"), null)).isEmpty();
    assertThat(MpiWorld.join("none", Duration.ofSeconds(1))).isEmpty();
  }

  @Test
  void theLaunchersVariablesSayHowManyProcessesThereAre() {
    assertThat(Launch.of(Map.of("OMPI_COMM_WORLD_SIZE", "4"), null).orElseThrow())
        .returns(4, Launch::processes)
        .returns("libmpi.so.40", launch -> launch.libraries().getFirst());
    assertThat(Launch.of(Map.of("PMI_SIZE", "3", "PMI_RANK", "1"), null).orElseThrow())
        .returns(3, Launch::processes)
        .returns("libmpich.so.12", launch -> launch.libraries().getFirst());
    var srun = Map.of("SLURM_STEP_NUM_TASKS", "8", "PMIX_RANK", "2");
    assertThat(Launch.of(srun, null).orElseThrow())
        .returns(8, Launch::processes)
        .returns("libmpi.so.40", launch -> launch.libraries().getFirst());
  }

  @Test
  void aSettingNamesTheLibraryOrNone() {
    var openMpi = Map.of("OMPI_COMM_WORLD_SIZE", "2");
    assertThat(Launch.of(openMpi, "/opt/mpi/libmpi.so").orElseThrow().libraries())
        .containsExactly("/opt/mpi/libmpi.so");
    assertThat(Launch.of(openMpi, "none")).isEmpty();
  }

  @Test
  void aVariableThatIsNoNumberIsNamed() {
    assertThatThrownBy(() -> Launch.of(Map.of("PMI_SIZE", "two"), null))
        .hasMessage(
            "The environment variable PMI_SIZE must be the number of processes but was \"two\".");
  }
}
