package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One tenant sends all attacks at random while another trains. The other's jobs finish with the
 * bits of an undisturbed run, its GETs stay fast, and heap, threads and files stay flat. {@code
 * -Dspikewise.soak.minutes=5} takes less time.
 */
@Tag("soak")
class AdversarialSoakTest {

  private static final Duration TIME =
      Duration.ofMinutes(Integer.getInteger("spikewise.soak.minutes", 30));
  private static final int ATTACKERS = 8;
  private static final double MAX_P99_MS = 250;
  private static final long MAX_HEAP_GROWTH = 64L << 20;
  private static final int MAX_MORE_THREADS = 16;
  private static final int MAX_MORE_FILES = 32;

  private static final String TRAINING =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Conv2d", "out_channels": 8, "kernel_size": 3}, {"type": "IAF"}, {"type": "Flatten"},
         {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "encoding": "rate", "limit": 1000},
       "batch_size": 32, "time_steps": 10, "epochs": 10, "seed": 7,
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 0.8}}]}\
      """;

  private final JsonMapper json = new JsonMapper();
  private final HttpClient client = HttpClient.newHttpClient();

  @TempDir Path dir;

  @Test
  void attacksOfOneTenantDoNotAffectJobsOfAnother() throws Exception {
    try (var service = ServiceProcess.start(dir, settings(), flags())) {
      var undisturbed = weights(service, train(service));
      var attacks = new Attacks(service.uri(), "mallory-key", submit(service));
      var statuses = new ConcurrentHashMap<String, Map<Integer, Integer>>();
      var slowest = new ConcurrentHashMap<String, Long>();
      var faults = new ConcurrentLinkedQueue<String>();
      var stop = new AtomicBoolean();
      var jobs = new AtomicInteger();
      var watched = new ConcurrentHashMap<String, List<Double>>();
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        var running = new ArrayList<Future<?>>();
        for (int i = 0; i < ATTACKERS; i++) {
          var random = new Random(i);
          running.add(
              threads.submit(() -> attack(attacks, random, statuses, slowest, faults, stop)));
        }
        running.add(
            threads.submit(
                () -> {
                  while (!stop.get()) {
                    assertThat(weights(service, train(service))).isEqualTo(undisturbed);
                    jobs.incrementAndGet();
                  }
                  return null;
                }));
        var trained = submit(service);
        running.add(threads.submit(() -> watch(service, trained, watched, stop)));
        TimeUnit.MILLISECONDS.sleep(TIME.toMillis() / 4);
        var early = Usage.of(service);
        TimeUnit.MILLISECONDS.sleep(TIME.toMillis() * 3 / 4);
        stop.set(true);
        for (var each : running) {
          each.get(5, TimeUnit.MINUTES);
        }
        // What is still computed or waited for ends.
        TimeUnit.SECONDS.sleep(30);
        var late = Usage.of(service);
        report(statuses, slowest, watched, jobs.get(), early, late);
        assertThat(faults).isEmpty();
        assertThat(jobs.get()).isPositive();
        assertThat(watched).hasSize(3);
        watched.forEach(
            (path, millis) -> assertThat(percentile(millis, 0.99)).as(path).isLessThan(MAX_P99_MS));
        assertThat(late.heap).isLessThan(early.heap + MAX_HEAP_GROWTH);
        assertThat(late.threads).isLessThan(early.threads + MAX_MORE_THREADS);
        assertThat(late.files).isLessThan(early.files + MAX_MORE_FILES);
      }
      assertThat(service.log()).doesNotContain("OutOfMemoryError", "lease was lost");
    }
  }

  private static String[] flags() {
    return Stream.concat(Stream.of("-Xmx1g"), Stream.of(ServiceProcess.USERS_COLLECTOR))
        .toArray(String[]::new);
  }

  private static List<String> settings() throws Exception {
    var settings = new ArrayList<String>();
    // Every tenant has a worker, however long the jobs of another are.
    settings.addAll(List.of("--spikewise.jobs.workers=2", "--spikewise.quotas.jobs-running=1"));
    settings.add("--server.tomcat.connection-timeout=5s");
    int i = 0;
    for (var name : List.of("alice", "mallory", "operator")) {
      var prefix = "--spikewise.security.api-keys[" + i++ + "].";
      var hash =
          MessageDigest.getInstance("SHA-256")
              .digest((name + "-key").getBytes(StandardCharsets.US_ASCII));
      settings.add(prefix + "name=" + name);
      settings.add(prefix + "sha256=" + HexFormat.of().formatHex(hash));
      settings.add(prefix + "role=admin");
      if (!name.equals("operator")) {
        settings.add(prefix + "tenant=" + name);
      }
    }
    return settings;
  }

  /** What a process holds after a collection. */
  private record Usage(long heap, int threads, int files) {

    static Usage of(ServiceProcess service) throws Exception {
      var pid = Long.toString(service.pid());
      jcmd(pid, "GC.run");
      var histogram = jcmd(pid, "GC.class_histogram");
      var total = histogram.lines().filter(line -> line.startsWith("Total")).findFirst();
      int threads;
      try (var tasks = Files.list(Path.of("/proc", pid, "task"))) {
        threads = (int) tasks.count();
      }
      try (var files = Files.list(Path.of("/proc", pid, "fd"))) {
        return new Usage(
            Long.parseLong(total.orElseThrow().strip().split("\\s+")[2]),
            threads,
            (int) files.count());
      }
    }

    private static String jcmd(String pid, String command) throws IOException {
      var tool = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
      var process = new ProcessBuilder(tool, pid, command).redirectErrorStream(true).start();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Void attack(
      Attacks attacks,
      Random random,
      Map<String, Map<Integer, Integer>> statuses,
      Map<String, Long> slowest,
      ConcurrentLinkedQueue<String> faults,
      AtomicBoolean stop) {
    var all = List.copyOf(attacks.all().entrySet());
    while (!stop.get()) {
      var attack = all.get(random.nextInt(all.size()));
      int status;
      long begin = System.nanoTime();
      try {
        status = attack.getValue().send();
      } catch (IOException e) {
        // The service refuses a large body before it was sent.
        status = 0;
      } catch (Exception e) {
        faults.add(attack.getKey() + ": " + e);
        continue;
      }
      slowest.merge(attack.getKey(), (System.nanoTime() - begin) / 1_000_000, Math::max);
      statuses
          .computeIfAbsent(attack.getKey(), _ -> new ConcurrentHashMap<>())
          .merge(status, 1, Integer::sum);
      if (status >= 500 && status != 503) {
        faults.add(attack.getKey() + ": " + status);
      }
    }
    return null;
  }

  private Void watch(
      ServiceProcess service, String job, Map<String, List<Double>> watched, AtomicBoolean stop)
      throws Exception {
    while (!stop.get()) {
      for (var path : List.of("/actuator/health/liveness", job, "/api/v1/jobs?limit=5")) {
        long begin = System.nanoTime();
        assertThat(get(service, path).statusCode()).as(path).isEqualTo(200);
        double millis = (System.nanoTime() - begin) / 1e6;
        watched.computeIfAbsent(path, _ -> new ArrayList<>()).add(millis);
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    return null;
  }

  private String submit(ServiceProcess service) throws Exception {
    var answer = service.post("/api/v1/jobs", TRAINING, "X-API-Key", "alice-key");
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return answer.headers().firstValue("Location").orElseThrow();
  }

  /** Path of a job that has been trained without a retry. */
  private String train(ServiceProcess service) throws Exception {
    // The pool may be full; a client that receives Retry-After tries again.
    HttpResponse<String> answer = service.post("/api/v1/jobs", TRAINING, "X-API-Key", "alice-key");
    while (answer.statusCode() == 503) {
      TimeUnit.SECONDS.sleep(1);
      answer = service.post("/api/v1/jobs", TRAINING, "X-API-Key", "alice-key");
    }
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    var path = answer.headers().firstValue("Location").orElseThrow();
    JsonNode job = json.readTree(get(service, path).body());
    while (List.of("queued", "running").contains(job.get("status").asString())) {
      TimeUnit.MILLISECONDS.sleep(500);
      job = json.readTree(get(service, path).body());
    }
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    assertThat(job.get("attempt").asInt()).isOne();
    return path;
  }

  private byte[] weights(ServiceProcess service, String job) throws Exception {
    HttpResponse<byte[]> answer;
    do {
      answer = service.send(job + "/weights", "X-API-Key", "alice-key");
    } while (answer.statusCode() == 503);
    assertThat(answer.statusCode()).isEqualTo(200);
    return answer.body();
  }

  private HttpResponse<String> get(ServiceProcess service, String path) throws Exception {
    var request =
        HttpRequest.newBuilder(service.uri().resolve(path))
            .header("X-API-Key", "alice-key")
            .method("GET", BodyPublishers.noBody())
            .build();
    return client.send(request, BodyHandlers.ofString());
  }

  private static double percentile(List<Double> millis, double share) {
    var sorted = new ArrayList<>(millis);
    Collections.sort(sorted);
    return sorted.get((int) (sorted.size() * share));
  }

  private static void report(
      Map<String, Map<Integer, Integer>> statuses,
      Map<String, Long> slowest,
      Map<String, List<Double>> watched,
      int jobs,
      Usage early,
      Usage late) {
    new TreeMap<>(statuses)
        .forEach(
            (attack, counts) ->
                System.out.printf(
                    "soak: %s %s, at most %d ms%n", attack, counts, slowest.get(attack)));
    watched.forEach(
        (path, millis) ->
            System.out.printf(
                Locale.ROOT,
                "soak: %s: %d requests, p50 %.1f ms, p99 %.1f ms, max %.1f ms%n",
                path,
                millis.size(),
                percentile(millis, 0.5),
                percentile(millis, 0.99),
                Collections.max(millis)));
    System.out.printf("soak: %d jobs with the same weights; %s, then %s%n", jobs, early, late);
  }
}
