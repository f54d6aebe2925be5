package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job that needs more memory than there is, beside one that does not, in a small process. */
class OutOfMemoryTest {

  private static final String SMALL =
      """
      {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 4}, {"type": "IAF"}]},
       "epochs": 100000000, "checkpoint_every_epochs": 100000000, "priority": 10}\
      """;

  /** Its weights alone take 2 GB with their gradients and moments. */
  private static final String LARGE =
      """
      {"model": {"input_shape": [8192], "layers": [{"type": "Linear", "out_features": 8192}, {"type": "IAF"}]},
       "epochs": 1}\
      """;

  @TempDir Path dir;

  @Test
  void outOfMemoryFailsOnlyItsJob() throws Exception {
    // Believed to have room, the process accepts what it cannot hold.
    var settings = List.of("--spikewise.jobs.workers=2", "--spikewise.jobs.memory-per-job=100GB");
    var heap = Map.of("JDK_JAVA_OPTIONS", "-Xmx300m");
    try (var service = ServiceProcess.launch(dir, settings, heap)) {
      service.awaitReadiness();
      var small = service.submit(SMALL);
      service.await(small, job -> job.at("/progress/epoch").asInt() > 0);
      var large = service.submit(LARGE);
      var failed = service.await(large, job -> job.get("status").asString().equals("failed"));
      assertThat(failed.get("reason").asString()).isEqualTo("out_of_memory");
      assertThat(failed.at("/error/detail").asString()).contains("more memory");

      int epoch = service.json(small).at("/progress/epoch").asInt();
      service.await(small, job -> job.at("/progress/epoch").asInt() > epoch);
      assertThat(service.json(small).get("status").asString()).isEqualTo("running");
      assertThat(service.json("/actuator/health/readiness").get("status").asString())
          .isEqualTo("UP");
    }
  }
}
