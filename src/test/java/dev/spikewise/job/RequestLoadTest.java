package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Liveness and GETs of a service that trains, while ten clients let it compute as much as they can:
 * jobs with a baseline, analyses, and archives that unpack to a thousand times their size.
 */
@Tag("soak")
class RequestLoadTest {

  private static final int CLIENTS = 10;
  private static final Duration TIME = Duration.ofSeconds(60);
  private static final double MAX_P99_MS = 50;

  private static final String MODEL =
      """
      {"input_shape": [1, 28, 28], "layers": [
        {"type": "Conv2d", "out_channels": 16, "kernel_size": 5}, {"type": "IAF"},
        {"type": "Conv2d", "out_channels": 32, "kernel_size": 5}, {"type": "IAF"},
        {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}\
      """;

  /** Trained on both cores all the while. */
  private static final String TRAINING =
      "{\"model\": " + MODEL + ", \"epochs\": 1000000, \"batch_size\": 8, \"time_steps\": 20}";

  private static final String WITH_BASELINE =
      "{\"model\": "
          + MODEL
          + ", \"epochs\": 1, \"batch_size\": 32, \"time_steps\": 20, \"loss\": [{\"type\":"
          + " \"synops\", \"target\": {\"baseline_multiple\": 0.5}}]}";

  private static final String ANALYSIS =
      "{\"model\": " + MODEL + ", \"batch_size\": 32, \"time_steps\": 50}";

  @TempDir Path dir;

  @Test
  void livenessAndGetsStayFastWhileTenClientsLetTheServiceCompute() throws Exception {
    try (var service =
            ServiceProcess.start(
                dir, List.of("--spikewise.jobs.workers=1"), ServiceProcess.USERS_COLLECTOR);
        var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      var job = service.submit(TRAINING);
      service.await(job, now -> now.at("/progress/epoch").asInt() > 0);
      var stop = new AtomicBoolean();
      var answers = new AtomicInteger();
      var load = new ArrayList<Future<?>>();
      byte[] bomb = Attacks.multipart("events", Attacks.zip(12, 20_000_000));
      for (int i = 0; i < CLIENTS; i++) {
        int client = i;
        load.add(
            clients.submit(
                () -> {
                  for (int n = client; !stop.get(); n++) {
                    int status = ask(service, n % 3, bomb);
                    // Success, refusal or a request to retry; none of them is an error.
                    assertThat(status).isIn(200, 201, 202, 413, 422, 503);
                    answers.incrementAndGet();
                  }
                  return null;
                }));
      }
      int epochBefore = service.json(job).at("/progress/epoch").asInt();
      Map<String, List<Double>> millis =
          Map.of("/actuator/health/liveness", new ArrayList<>(), job, new ArrayList<>());
      long end = System.nanoTime() + TIME.toNanos();
      while (System.nanoTime() < end) {
        for (var path : millis.keySet()) {
          long begin = System.nanoTime();
          service.get(path);
          millis.get(path).add((System.nanoTime() - begin) / 1e6);
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
      int epochAfter = service.json(job).at("/progress/epoch").asInt();
      stop.set(true);
      for (var each : load) {
        each.get();
      }
      System.out.printf(
          Locale.ROOT,
          "load: %d clients, %d answers, %d epochs meanwhile%n",
          CLIENTS,
          answers.get(),
          epochAfter - epochBefore);
      millis.forEach(
          (path, all) -> {
            Collections.sort(all);
            System.out.printf(
                Locale.ROOT,
                "load: %s: %d requests, p50 %.1f ms, p99 %.1f ms, max %.1f ms%n",
                path,
                all.size(),
                all.get(all.size() / 2),
                p99(all),
                all.getLast());
          });
      assertThat(epochAfter).isGreaterThan(epochBefore);
      assertThat(service.json(job).get("attempt").asInt()).isOne();
      assertThat(millis.values()).allSatisfy(all -> assertThat(p99(all)).isLessThan(MAX_P99_MS));
    }
  }

  private static double p99(List<Double> sorted) {
    return sorted.get((int) (sorted.size() * 0.99));
  }

  private static int ask(ServiceProcess service, int kind, byte[] bomb) throws Exception {
    var answer =
        switch (kind) {
          case 0 -> service.post("/api/v1/jobs", WITH_BASELINE);
          case 1 -> service.post("/api/v1/analyses", ANALYSIS);
          default ->
              service.post(
                  "/api/v1/datasets",
                  BodyPublishers.ofByteArray(bomb),
                  "Content-Type",
                  "multipart/form-data; boundary=b");
        };
    return answer.statusCode();
  }
}
