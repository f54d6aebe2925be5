package dev.spikewise.job;

import static dev.spikewise.job.FaultTest.SPEC;
import static dev.spikewise.job.FaultTest.epoch;
import static dev.spikewise.job.FaultTest.finished;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can happen to H2's file. */
class EmbeddedDatabaseTest {

  @TempDir static Path dir;
  private static ServiceProcess service;

  @BeforeAll
  static void start() throws Exception {
    var settings = new ArrayList<>(FaultTest.SETTINGS);
    // Freed places are used again at once, not only after 45 seconds: H2's header is behind sooner.
    settings.add(
        "--spring.datasource.url=jdbc:h2:file:%s;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0;RETENTION_TIME=0"
            .formatted(dir.resolve("spikewise")));
    service = ServiceProcess.start(dir, settings);
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
  }

  @Test
  void fullDiskIsReportedAndLosesNoData() throws Exception {
    var job = service.submit(SPEC);
    service.await(job, now -> epoch(now) > 20);
    service.limitFiles(Long.toString(Files.size(dir.resolve("spikewise.mv.db")) + 50_000));

    var answer = service.post("/api/v1/jobs", SPEC);
    int accepted = 0;
    while (answer.statusCode() == 202 && accepted++ < 1000) {
      answer = service.post("/api/v1/jobs", SPEC);
    }
    assertThat(answer.statusCode()).as(answer.body() + service.log()).isEqualTo(503);
    assertThat(answer.body()).contains("has no space left");
    assertThat(answer.headers().firstValue("Retry-After")).isPresent();
    // Longer than the lease.
    Thread.sleep(5000);
    assertThat(service.log()).contains("The database does not respond or cannot write");

    service.limitFiles("unlimited");
    var end = finished(service, job);
    var urgent = SPEC.replace("\"seed\": 1", "\"seed\": 1, \"priority\": 9");
    assertThat(finished(service, service.submit(urgent))).isEqualTo(end);
    assertThat(service.json("/api/v1/jobs?limit=200").get("data").size())
        .as("jobs that were accepted, and none that was refused")
        .isEqualTo(accepted + 2);
  }

  @Test
  void secondProcessOnSameFilesFailsWithAdvice() throws Exception {
    try (var another = ServiceProcess.launch(dir, List.of(), Map.of())) {
      assertThat(another.end()).isNotZero();
      assertThat(another.log())
          .contains("Another process has this H2 database open", "jdbc:postgresql://")
          .doesNotContain("\tat ");
    }
    assertThat(service.send("/actuator/health/readiness").statusCode()).isEqualTo(200);
  }
}
