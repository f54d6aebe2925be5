package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.compute.Compute;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The computing and parsing of requests is bounded and does not block other requests. */
@Timeout(120)
class ComputingTest extends ServiceTest {

  private static final String MODEL =
      "{\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\": 4}, {\"type\":"
          + " \"IAF\"}]}";
  private static final String ANALYSIS = "{\"model\": " + MODEL + ", \"time_steps\": 2}";

  /** Its target has to be compared with the untrained network before it is accepted. */
  private static final String WITH_BASELINE =
      "{\"model\": "
          + MODEL
          + ", \"epochs\": 2, \"loss\": [{\"type\": \"synops\", \"target\": {\"baseline_multiple\":"
          + " 2.0}}]}";

  private static final byte[] EMPTY_ARRAY =
      ("\u0093NUMPY\u0001\u0000:\u0000{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }\n")
          .getBytes(StandardCharsets.ISO_8859_1);

  /** Of the pool, in {@link ServiceTest}. */
  private static final int THREADS = 2;

  @Autowired Compute compute;
  @Autowired JdbcClient jdbc;

  /** Fills the pool with computations of other clients that do nothing until they are released. */
  private final class FullPool implements AutoCloseable {

    private final CountDownLatch release = new CountDownLatch(1);
    private final ExecutorService requests = Executors.newVirtualThreadPerTaskExecutor();
    private final ArrayList<Future<?>> blocked = new ArrayList<>();

    FullPool() throws InterruptedException {
      for (int client = 0; compute.waiting() < 64; client++) {
        var name = "other " + client;
        for (int i = 0; i < 8; i++) {
          blocked.add(requests.submit(() -> block(name)));
        }
        Thread.sleep(5);
      }
    }

    private String block(String client) {
      try (var _ = compute.open(() -> client, () -> false)) {
        return compute.run(
            _ -> {
              try {
                release.await();
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              return client;
            });
      }
    }

    @Override
    public void close() {
      release.countDown();
      requests.close();
    }
  }

  @Test
  void everythingElseGoesOnWhileThePoolIsFullAndBlocked() throws Exception {
    var job =
        post("/api/v1/jobs", "{\"model\": " + MODEL + ", \"epochs\": 1000000000}")
            .headers()
            .firstValue("Location")
            .orElseThrow();
    await(job, "running");
    try (var _ = new FullPool()) {
      for (var path :
          new String[] {
            "/actuator/health/liveness", "/actuator/health/readiness", job, "/api/v1/jobs"
          }) {
        assertThat(get(path).statusCode()).as(path).isEqualTo(200);
      }
      long epoch = body(get(job)).at("/progress/epoch").asLong();
      while (body(get(job)).at("/progress/epoch").asLong() <= epoch) {
        Thread.sleep(20);
      }
      for (var refused :
          new HttpResponse<?>[] {
            post("/api/v1/analyses", ANALYSIS),
            post("/api/v1/jobs", WITH_BASELINE),
            post("/api/v1/jobs?dry_run=true", WITH_BASELINE),
            post("/api/v1/analyses", ANALYSIS, "Idempotency-Key", "full"),
            upload(zip(1, 5)),
          }) {
        assertThat(refused.statusCode()).as(String.valueOf(refused.body())).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
      }
    }
    assertThat(post("/api/v1/analyses", ANALYSIS, "Idempotency-Key", "full").statusCode())
        .isEqualTo(200);
    assertThat(post(job + "/cancel", "").statusCode()).isEqualTo(202);
  }

  /**
   * Requests run on virtual threads, which share as many carriers as there are processors. What
   * keeps a training alive must need none of them, nor a thread of the pool.
   */
  @Test
  void trainingKeepsLeaseWhileRequestsOccupyAllCarriers() throws Exception {
    var job =
        post("/api/v1/jobs", "{\"model\": " + MODEL + ", \"epochs\": 1000000000}")
            .headers()
            .firstValue("Location")
            .orElseThrow();
    await(job, "running");
    var id = UUID.fromString(job.substring(job.lastIndexOf('/') + 1));
    var stop = new AtomicBoolean();
    try (var _ = new FullPool();
        var requests = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) {
        requests.submit(
            () -> {
              while (!stop.get()) {
                Thread.onSpinWait();
              }
            });
      }
      try {
        var unmounted = new AtomicBoolean();
        requests.submit(() -> unmounted.set(true));
        var before = state(id);
        var deadline = Instant.now().plusSeconds(60);
        // A heartbeat, and a write of the journal.
        for (int renewals = 0; renewals < 1; ) {
          assertThat(Instant.now()).as("%s", before).isBefore(deadline);
          Thread.sleep(50);
          var now = state(id);
          if (now.leaseUntil.isAfter(before.leaseUntil) && now.epoch > before.epoch) {
            renewals++;
            before = now;
          }
        }
        assertThat(unmounted).as("no carrier was free").isFalse();
      } finally {
        stop.set(true);
      }
    } finally {
      // Requests that waited for a carrier are answered first, possibly with 503 and Retry-After.
      while (post(job + "/cancel", "").statusCode() == 503) {
        Thread.sleep(100);
      }
    }
    assertThat(body(get(job)).get("attempt").asInt()).isOne();
  }

  private record State(OffsetDateTime leaseUntil, int epoch) {}

  private State state(UUID job) {
    return jdbc.sql("select lease_until, epoch from job where id = ?")
        .param(job)
        .query((row, _) -> new State(row.getObject(1, OffsetDateTime.class), row.getInt(2)))
        .single();
  }

  /** Requests that wait for a thread would otherwise take all connections from everybody else. */
  @Test
  void requestsThatWaitForAThreadHoldNoConnection() throws Exception {
    assertThat(post("/api/v1/analyses", ANALYSIS).statusCode()).isEqualTo(200);
    var release = new CountDownLatch(1);
    try (var requests = Executors.newVirtualThreadPerTaskExecutor()) {
      var blocked = new ArrayList<Future<?>>();
      for (int i = 0; i < THREADS; i++) {
        blocked.add(
            requests.submit(
                () -> {
                  try (var _ = compute.open(() -> "blocking", () -> false)) {
                    return compute.run(
                        _ -> {
                          try {
                            release.await();
                          } catch (InterruptedException e) {
                            throw new AssertionError(e);
                          }
                          return "";
                        });
                  }
                }));
      }
      var waiting = new ArrayList<Future<HttpResponse<String>>>();
      for (int i = 0; i < 14; i++) {
        var key = "waiting" + i;
        waiting.add(
            requests.submit(() -> post("/api/v1/jobs", WITH_BASELINE, "Idempotency-Key", key)));
      }
      while (compute.waiting() < 14) {
        Thread.sleep(10);
      }
      // More than ten of them, which is all that the pool of connections has.
      assertThat(get("/api/v1/jobs").statusCode()).isEqualTo(200);
      assertThat(get("/actuator/health/readiness").statusCode()).isEqualTo(200);
      release.countDown();
      for (var request : waiting) {
        assertThat(request.get().statusCode()).as(request.get().body()).isEqualTo(202);
      }
    } finally {
      release.countDown();
    }
  }

  @Test
  void storesBaselineMeasuredAtSubmission() {
    var job = body(post("/api/v1/jobs", WITH_BASELINE));
    assertThat(job.at("/baseline/synops").asDouble()).as(job.toString()).isPositive();
  }

  @Test
  void workThatTakesTooLongIsRefusedBeforeItBegins() {
    var layer = "{\"type\": \"Linear\", \"out_features\": 4096}, {\"type\": \"IAF\"}";
    var layers = IntStream.range(0, 100).mapToObj(_ -> layer).collect(Collectors.joining(","));
    var problem =
        problem(
            post(
                "/api/v1/analyses",
                "{\"model\": {\"input_shape\": [4096], \"layers\": ["
                    + layers
                    + "]}, \"batch_size\": 8, \"time_steps\": 2048}"),
            422,
            "invalid_spec");
    assertThat(problem.get("errors").get(0).get("pointer").asString()).isEqualTo("/batch_size");
    assertThat(problem.get("errors").get(0).get("detail").asString())
        .contains("spikewise.compute.max-work", "estimated to take");
  }

  /** The service sees it at the connection: nothing is written until the computation has ended. */
  @Test
  void computationStopsWhenClientDisconnects() throws Exception {
    for (var chunked : new boolean[] {false, true}) {
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        // All threads of the pool are busy, so that the request waits.
        var begun = new CountDownLatch(THREADS);
        var busy = new ArrayList<Future<?>>();
        var release = new CountDownLatch(1);
        for (int i = 0; i < THREADS; i++) {
          busy.add(
              threads.submit(
                  () -> {
                    try (var _ = compute.open(() -> "busy", () -> false)) {
                      return compute.run(
                          _ -> {
                            begun.countDown();
                            try {
                              release.await();
                            } catch (InterruptedException e) {
                              throw new AssertionError(e);
                            }
                            return "";
                          });
                    }
                  }));
        }
        begun.await();
        try (var socket = new Socket("127.0.0.1", port)) {
          var body =
              chunked
                  ? Integer.toHexString(ANALYSIS.length()) + "\r\n" + ANALYSIS + "\r\n0\r\n\r\n"
                  : ANALYSIS;
          socket
              .getOutputStream()
              .write(
                  ("POST /api/v1/analyses HTTP/1.1\r\n"
                          + "Host: 127.0.0.1\r\n"
                          + "Content-Type: application/json\r\n"
                          + (chunked
                              ? "Transfer-Encoding: chunked"
                              : "Content-Length: " + body.length())
                          + "\r\n\r\n"
                          + body)
                      .getBytes(StandardCharsets.US_ASCII));
          while (compute.waiting() == 0) {
            Thread.sleep(5);
          }
          // A client that waits is not taken for one that has left.
          Thread.sleep(700);
          assertThat(compute.waiting()).isOne();
        }
        while (compute.waiting() > 0) {
          Thread.sleep(5);
        }
        release.countDown();
        for (var each : busy) {
          each.get();
        }
      }
    }
  }

  @Test
  void tellsAHundredOfCountlessUnknownNames() {
    var names =
        IntStream.range(0, 40_000)
            .mapToObj(i -> "\"inptu_shaep" + i + "\":1")
            .collect(Collectors.joining(","));
    var problem = problem(post("/api/v1/models", "{" + names + "}"), 422, "invalid_spec");
    assertThat(problem.get("errors")).hasSize(100);
  }

  @Test
  void limitsTotalSizeOfArchive() throws Exception {
    // 24 MB in all, more than the 16 MB of this test's setting; 24 kB to send.
    var problem = problem(upload(zip(6, 4_000_000)), 422, "invalid_spec");
    assertThat(problem.toString()).contains("spikewise.datasets.max-unpacked");
    // Given back a moment after the answer.
    while (compute.memoryTaken() > 0) {
      Thread.sleep(5);
    }
  }

  @Test
  void rejectsArchiveWithManyEmptyArraysWithShortMessage() throws Exception {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (int i = 0; i < 5000; i++) {
        zip.putNextEntry(new ZipEntry(i + ".npy"));
        zip.write(EMPTY_ARRAY);
        zip.closeEntry();
      }
    }
    var answer = Multipart.upload(this, Map.of("name", "empty", "file", out.toByteArray()));
    problem(answer, 422, "invalid_spec");
    assertThat(answer.body()).hasSizeLessThan(1000).contains("more than 4096 arrays");
  }

  private static byte[] zip(int files, int bytes) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (int i = 0; i < files; i++) {
        zip.putNextEntry(new ZipEntry("0/" + i + ".bin"));
        zip.write(new byte[bytes]);
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }

  private HttpResponse<String> upload(byte[] zip) {
    return Multipart.upload(
        this, Map.of("name", "zeros", "time_steps", 2, "height", 2, "width", 2, "events", zip));
  }
}
