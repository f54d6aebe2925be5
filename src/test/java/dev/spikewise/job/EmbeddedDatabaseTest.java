package dev.spikewise.job;

import static dev.spikewise.job.FaultTest.SPEC;
import static dev.spikewise.job.FaultTest.epoch;
import static dev.spikewise.job.FaultTest.finished;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

    // Those that meet the end of the disk wait for space; the next is refused.
    var sent = new ArrayList<CompletableFuture<HttpResponse<String>>>();
    HttpResponse<String> refused = null;
    while (refused == null && sent.size() < 1000) {
      var answer = service.postLater("/api/v1/jobs", SPEC);
      sent.add(answer);
      try {
        if (answer.get(1, TimeUnit.SECONDS).statusCode() != 202) {
          refused = answer.get();
        }
      } catch (TimeoutException e) {
        assertThat(service.send(job).statusCode()).as("a read while writes wait").isEqualTo(200);
      }
    }
    assertThat(refused).as(service.log()).isNotNull();
    assertThat(refused.statusCode()).as(refused.body() + service.log()).isEqualTo(503);
    assertThat(refused.body()).contains("has no space left");
    assertThat(refused.headers().firstValue("Retry-After")).isPresent();
    // Longer than the lease.
    Thread.sleep(5000);
    assertThat(service.log()).contains("The database does not respond or cannot write");
    assertThat(service.send("/actuator/health/readiness").statusCode()).isEqualTo(503);
    assertThat(service.send("/actuator/health/liveness").statusCode()).isEqualTo(200);

    service.limitFiles("unlimited");
    int accepted = 0;
    for (var answer : sent) {
      accepted += answer.get(1, TimeUnit.MINUTES).statusCode() == 202 ? 1 : 0;
    }
    assertThat(accepted).as("only the last was refused").isEqualTo(sent.size() - 1);
    var end = finished(service, job);
    var urgent = SPEC.replace("\"seed\": 1", "\"seed\": 1, \"priority\": 9");
    assertThat(finished(service, service.submit(urgent))).isEqualTo(end);
    assertThat(service.json("/api/v1/jobs?limit=200").get("data").size())
        .as("jobs that were accepted, and none that was refused")
        .isEqualTo(accepted + 2);
  }

  /** A process whose database cannot be closed ends all the same, and loses nothing. */
  @Test
  void processEndsWhileTheDiskIsFull() throws Exception {
    var folder = Files.createDirectory(dir.resolve("ending"));
    var settings = FaultTest.SETTINGS;
    var spec = SPEC.replace("\"epochs\": 1000", "\"epochs\": 200");
    var urgent = spec.replace("\"seed\": 1", "\"seed\": 1, \"priority\": 9");
    String job;
    try (var ending = ServiceProcess.start(folder, settings)) {
      job = ending.submit(spec);
      ending.await(job, now -> epoch(now) > 20);
      ending.limitFiles(Long.toString(Files.size(folder.resolve("spikewise.mv.db"))));
      // Space that was freed within the file is used up first.
      int sent = 0;
      while (ending.send("/actuator/health/readiness").statusCode() == 200) {
        assertThat(sent++).as(ending.log()).isLessThan(1000);
        ending.postLater("/api/v1/jobs", spec);
        Thread.sleep(50);
      }
      ending.terminate();
      assertThat(ending.log())
          .contains("The process ends although its database could not be closed");
    }
    try (var next = ServiceProcess.start(folder, settings)) {
      assertThat(finished(next, job, 200)).isEqualTo(finished(next, next.submit(urgent), 200));
    }
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
