package dev.spikewise.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.fuzz.OpenApi.Operation;
import dev.spikewise.fuzz.OpenApi.Parameter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sends thousands of requests, made of what the OpenAPI document promises and then damaged, to
 * every endpoint. Whatever comes, the answer is no 5xx; every refusal is a problem; no request
 * hangs, no job breaks the engine, memory stays flat. The seed is fixed: {@code -Dfuzz.seed=2} and
 * {@code -Dfuzz.requests=100000} try others, and more.
 */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      // In a file, as what is stored must not count as a leak.
      "spring.datasource.url=jdbc:h2:file:./target/fuzz-data/${random.uuid};CACHE_SIZE=4096;DB_CLOSE_ON_EXIT=FALSE",
      "spikewise.data-dir=target/fuzz-data",
      // Tight, so that what is accepted is soon done.
      "spikewise.limits.layers=24",
      "spikewise.limits.tensor-values=16384",
      "spikewise.limits.epochs=3",
      "spikewise.limits.batch-time-steps=256",
      "spikewise.limits.combinations=8",
      "spikewise.analyses.max-values=65536",
      "spikewise.http.max-body-size=1MB",
      "server.tomcat.connection-timeout=2s",
      "spikewise.http.max-body-time=3s",
      "spikewise.http.max-streams=20",
      "spikewise.http.max-streams-per-client=15",
      "spikewise.webhooks.allow-private=true",
      "logging.level.dev.spikewise.audit=off",
      "logging.level.dev.spikewise.web.ProblemAdvice=error",
      "logging.level.org.springframework.web.servlet.PageNotFound=error"
    })
class FuzzTest {

  private static final long SEED = Long.getLong("fuzz.seed", 1);
  private static final int REQUESTS = Integer.getInteger("fuzz.requests", 4_200);
  private static final int THREADS = 4;

  /** Requests after which everything has been loaded and compiled that will be. */
  private static final int WARM_UP = REQUESTS / 3;

  /** A bound on a hang, not on speed: the machine may be busy with other tests. */
  private static final Duration MOST = Duration.ofSeconds(10);

  private static final long LEAK = 64L << 20;

  private static final String MODEL =
      """
      {"name": "m", "input_shape": [1, 6, 6], "layers": [
        {"type": "Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 3, "stride": [1, 1], "padding": 0,
         "dilation": 1, "groups": 1, "bias": false},
        {"type": "IAF", "spike_threshold": 1.0, "spike_fn": {"max": 3}, "reset_fn": {"subtract": 0.5},
         "surrogate_grad_fn": {"type": "single_exponential", "grad_width": 0.5, "grad_scale": 1.0}, "min_v_mem": -1.0},
        {"type": "SumPool2d", "kernel_size": 2}, {"type": "Flatten"}, {"type": "Linear", "out_features": 3},
        {"type": "LIF", "tau_mem": 10.0, "tau_syn": 5.0, "norm_input": false, "train_alphas": true}]}\
      """;

  private static final String JOB =
      """
      {"name": "j", "model": %s, "input": {"type": "constant", "value": 1.0}, "batch_size": 2, "time_steps": 4,
       "dt": 0.001, "epochs": 2, "seed": 1, "optimizer": {"type": "adam", "learning_rate": 0.001},
       "lr_scheduler": {"type": "step", "step_size": 1, "gamma": 0.5}, "clip_grad_norm": 1.0,
       "early_stopping": {"target_met_epochs": 2, "tolerance": 0.1},
       "loss": [{"type": "synops", "mode": "track", "target": {"baseline_multiple": 2.0}, "scope": "model",
         "unit": "per_sample", "weight": 1.0}, {"type": "firing_rate", "min": 0.1, "max": 0.9, "weight": 0.1},
         {"type": "l1", "weight": 0.001}],
       "gates": [{"metric": "synops", "max": 25000000}], "labels": {"git_sha": "abc"}, "priority": 0,
       "max_runtime_seconds": 3600, "checkpoint_every_epochs": 1}\
      """
          .formatted(MODEL);

  private static final String DIGITS =
      """
      {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 10},
         {"type": "IAF"}]}, "epochs": 1, "batch_size": 8, "time_steps": 2,
       "input": {"type": "dataset", "id": "digits", "encoding": "rate", "limit": 16, "test_fraction": 0.25},
       "loss": [{"type": "cross_entropy", "weight": 1.0}]}\
      """;

  /** Valid bodies, from which mutations get further than from what a schema alone can say. */
  private static final Map<String, List<String>> VALID =
      Map.of(
          "POST /api/v1/searches",
          List.of(
              "{\"name\": \"s\", \"job\": "
                  + JOB
                  + ", \"over\": {\"optimizer/learning_rate\": {\"type\": \"log\", \"min\": 0.001,"
                  + " \"max\": 0.1}}, \"objectives\": [{\"metric\": \"synops\"}], \"bounds\":"
                  + " [{\"metric\": \"loss\", \"max\": 9}], \"population\": 2, \"budget\":"
                  + " {\"trials\": 2}}"),
          "POST /api/v1/models",
          List.of(MODEL),
          "POST /api/v1/models/{id}/convert",
          List.of("{\"name\": \"c\"}", "{}"),
          "POST /api/v1/analyses",
          List.of(
              "{\"model\": " + MODEL + ", \"batch_size\": 2, \"time_steps\": 4, \"seed\": 1}",
              "{\"model\": "
                  + MODEL
                  + ", \"input\": {\"type\": \"poisson\", \"rate\": 0.3}, \"dt\": 0.001}"),
          "POST /api/v1/jobs",
          List.of(JOB, DIGITS),
          "PATCH /api/v1/jobs/{id}",
          List.of("{\"name\": \"n\", \"labels\": {\"a\": \"b\"}, \"priority\": 3}"),
          "POST /api/v1/sweeps",
          List.of(
              "{\"name\": \"s\", \"job\": "
                  + JOB
                  + ", \"over\": {\"loss/0/target/baseline_multiple\": [2, 1]}, \"seeds\": [1, 2]}",
              "{\"job\": " + JOB + ", \"seeds\": [3], \"halving\": {\"rounds\": 2}}"),
          "POST /api/v1/webhooks",
          List.of("{\"url\": \"http://127.0.0.1:1/hook\", \"events\": [\"job.succeeded\"]}"));

  private final JsonMapper json = new JsonMapper();
  private final AtomicInteger sent = new AtomicInteger();
  private final Map<String, AtomicInteger> outcomes = new ConcurrentHashMap<>();
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private final Map<String, List<String>> ids = new ConcurrentHashMap<>();
  private final Map<String, List<byte[]>> files = new ConcurrentHashMap<>();
  private volatile Slowest slowest = new Slowest(0, "");

  @LocalServerPort int port;

  private record Slowest(long nanos, String what) {}

  @Test
  void fuzzedRequestsDoNotBreakTheService() throws Exception {
    var http = new RawHttp(port);
    var api = new OpenApi(document());
    var operations = api.operations();
    assertThat(operations).hasSizeGreaterThan(40);
    readFiles();
    // Creates resources that the first requests can refer to.
    for (var operation : operations) {
      for (var body : VALID.getOrDefault(operation.toString(), List.of())) {
        for (int i = 0; i < 5 && !operation.path().contains("{"); i++) {
          var type = "Content-Type: application/json\r\n";
          var bytes = body.getBytes(StandardCharsets.UTF_8);
          var answer = http.send(request(operation.method(), operation.path(), type, bytes));
          assertThat(answer.status()).as(operation + ": " + answer.body()).isBetween(200, 202);
          remember(operation, answer);
        }
      }
    }

    long begin = System.nanoTime();
    run(http, api, operations, WARM_UP);
    long before = usedHeap();
    run(http, api, operations, REQUESTS - WARM_UP);
    long growth = usedHeap() - before;
    long seconds = Duration.ofNanos(System.nanoTime() - begin).toSeconds();

    System.out.printf(
        Locale.ROOT,
        "fuzz: seed %d, %d requests to %d operations in %d s; by status %s; slowest %.0f ms (%s);"
            + " heap %+d MiB%n",
        SEED,
        sent.get(),
        operations.size(),
        seconds,
        byStatus(),
        slowest.nanos() / 1e6,
        slowest.what(),
        growth >> 20);
    assertThat(faults).as("%d faults", faults.size()).isEmpty();
    assertThat(Duration.ofNanos(slowest.nanos())).as(slowest.what()).isLessThan(MOST);
    assertThat(growth).as("heap that is not given back").isLessThan(LEAK);
    assertThat(operations)
        .as("operations that were never reached")
        .allSatisfy(
            operation ->
                assertThat(outcomes.keySet()).anyMatch(o -> o.startsWith(operation + " ")));
    assertThat(outcomes.keySet())
        .as("mutations must get beyond the checks, too")
        .contains("POST /api/v1/jobs 202", "POST /api/v1/models 201", "POST /api/v1/sweeps 202");
    theServiceStillTrains(http);
    noJobBrokeTheEngine(http);
  }

  @Test
  void slowClientIsDisconnected() throws Exception {
    for (var begun :
        List.of(
            "GET /api/v1/jobs HTTP/1.1\r\nHost: loc",
            "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")) {
      try (var socket = new Socket("127.0.0.1", port)) {
        socket.setSoTimeout(20_000);
        socket.getOutputStream().write(begun.getBytes(StandardCharsets.US_ASCII));
        // The connection ends, with an answer or without.
        var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(answer)
            .satisfiesAnyOf(
                a -> assertThat(a).isEmpty(), a -> assertThat(a).startsWith("HTTP/1.1 4"));
      }
    }
    // Never silent for long, and never done.
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      var out = socket.getOutputStream();
      out.write(
          "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
              .getBytes(StandardCharsets.US_ASCII));
      long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      while (socket.getInputStream().available() == 0 && System.nanoTime() < end) {
        out.write(' ');
        Thread.sleep(200);
      }
      var answer = new String(socket.getInputStream().readNBytes(15), StandardCharsets.UTF_8);
      assertThat(answer).isEqualTo("HTTP/1.1 408 \r\n");
    }
  }

  @Test
  void readersOfEventsAreBoundedInAllAndByAddress() throws Exception {
    String[] problem = {"Content-Type: application/problem+json", "\"code\":"};
    // A list's stream has no end.
    var path = "/api/v1/jobs";
    var stream = request("GET", path + "/events", "Accept: text/event-stream\r\n", new byte[0]);
    var readers = new ArrayList<Socket>();
    try {
      assertThat(fill(stream, "127.0.0.1", readers))
          .contains("HTTP/1.1 429", "Retry-After: ", "spikewise.http.max-streams-per-client")
          .contains(problem);
      assertThat(fill(stream, "127.0.0.2", readers))
          .contains("HTTP/1.1 503", "Retry-After: ", "spikewise.http.max-streams ")
          .contains(problem);
      // Whoever only looks is not kept out.
      var look = request("GET", path, "", new byte[0]);
      assertThat(new RawHttp(port).send(look).status()).isEqualTo(200);
    } finally {
      for (var reader : readers) {
        reader.close();
      }
    }
  }

  @Test
  void malformedChunksOfMultipartAreMalformedBody() throws Exception {
    var request =
        "POST /api/v1/datasets HTTP/1.1\r\n"
            + "Host: localhost\r\n"
            + "Connection: close\r\n"
            + "Content-Type: multipart/form-data; boundary=fuzz\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n"
            + "4\r\n"
            + "abcd\r\n"
            + "zz\r\n"
            + "efgh\r\n"
            + "0\r\n\r\n";
    var answer = new RawHttp(port).send(request.getBytes(StandardCharsets.US_ASCII));
    assertThat(answer.status()).as(answer.body()).isEqualTo(400);
    assertThat(answer.isProblem()).isTrue();
    assertThat(answer.body()).contains("malformed_body");
  }

  /** Opens streams from an address until one is refused; returns the refusal. */
  private String fill(byte[] stream, String from, List<Socket> readers) throws IOException {
    // Some may be open already.
    for (int i = 0; i <= 20; i++) {
      var reader = new Socket("127.0.0.1", port, InetAddress.getByName(from), 0);
      readers.add(reader);
      reader.getOutputStream().write(stream);
      var in = reader.getInputStream();
      var status = new String(in.readNBytes(12), StandardCharsets.UTF_8);
      if (!status.equals("HTTP/1.1 200")) {
        return status + new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
    }
    throw new AssertionError("more streams than there may be");
  }

  private static String location(RawHttp.Answer answer) {
    return answer
        .head()
        .lines()
        .filter(line -> line.startsWith("Location: "))
        .findFirst()
        .orElseThrow()
        .substring(10);
  }

  private JsonNode document() throws IOException, InterruptedException {
    try (var client = HttpClient.newHttpClient()) {
      var place = URI.create("http://127.0.0.1:" + port + "/v3/api-docs");
      return json.readTree(
          client.send(HttpRequest.newBuilder(place).build(), BodyHandlers.ofString()).body());
    }
  }

  private void run(RawHttp http, OpenApi api, List<Operation> operations, int requests)
      throws Exception {
    try (var threads = Executors.newFixedThreadPool(THREADS)) {
      var shares = new ArrayList<Callable<Void>>();
      for (int t = 0; t < THREADS; t++) {
        var mutator = new Mutator(SEED * 1_000_003 + requests + t);
        shares.add(
            () -> {
              for (int i = 0; i < requests / THREADS; i++) {
                // Every operation in turn, however many there are.
                var operation = operations.get(i % operations.size());
                // Of what is asked for, some should still be there.
                if (!operation.method().equals("DELETE") || mutator.percent(20)) {
                  fuzz(http, api, operation, mutator);
                } else {
                  fuzz(http, api, mutator.pick(operations), mutator);
                }
              }
              return null;
            });
      }
      for (var share : threads.invokeAll(shares)) {
        share.get();
      }
    }
  }

  private void fuzz(RawHttp http, OpenApi api, Operation operation, Mutator mutator)
      throws IOException {
    var request = request(api, operation, mutator);
    var answer = http.send(request);
    sent.incrementAndGet();
    outcomes
        .computeIfAbsent(operation + " " + answer.status(), _ -> new AtomicInteger())
        .incrementAndGet();
    // Streams are bounded, and those that are broken off are noticed at their next word.
    boolean full = answer.status() == 503 && answer.body().contains("spikewise.http.max-streams ");
    if (answer.status() >= 500 && !full || answer.status() >= 400 && !answer.isProblem()) {
      faults.add(
          answer.head()
              + "\n"
              + excerpt(answer.body())
              + "\nto: "
              + excerpt(new String(request, StandardCharsets.UTF_8)));
    }
    if (answer.nanos() > slowest.nanos()) {
      slowest = new Slowest(answer.nanos(), operation.toString());
    }
    remember(operation, answer);
  }

  private static String excerpt(String text) {
    return text.length() < 1500 ? text : text.substring(0, 1500) + "... " + text.length();
  }

  /** What was created can be asked for. */
  private void remember(Operation operation, RawHttp.Answer answer) {
    for (var line : answer.head().split("\r\n")) {
      if (line.startsWith("Location: /api/v1/")) {
        var known = known(operation.path());
        var id = line.substring(line.lastIndexOf('/') + 1);
        if (known.size() < 40) {
          known.add(id);
        } else {
          known.set(ThreadLocalRandom.current().nextInt(known.size()), id);
        }
      }
    }
  }

  /** The ids of a collection, such as /api/v1/jobs. */
  private List<String> known(String path) {
    var collection = path.split("/").length > 3 ? path.split("/")[3] : "";
    return ids.computeIfAbsent(collection, _ -> new CopyOnWriteArrayList<>());
  }

  private byte[] request(OpenApi api, Operation operation, Mutator mutator) throws IOException {
    var path = operation.path();
    var query = new StringBuilder();
    var headers = new StringBuilder();
    for (var parameter : operation.parameters()) {
      switch (parameter.in()) {
        case "path" ->
            path =
                path.replace("{" + parameter.name() + "}", segment(operation, parameter, mutator));
        case "query" -> {
          if (mutator.percent(50)) {
            query
                .append(query.isEmpty() ? "?" : "&")
                .append(parameter.name())
                .append('=')
                .append(encoded(argument(api, parameter, mutator), mutator));
          }
        }
        default -> {
          // Seldom: a key that came before with another body hides what is wrong with this one.
          if (mutator.percent(10)) {
            header(headers, parameter.name(), argument(api, parameter, mutator), mutator);
          }
        }
      }
    }
    if (mutator.percent(10)) {
      header(
          headers,
          mutator.pick(
              List.of(
                  "Accept",
                  "Idempotency-Key",
                  "Prefer",
                  "If-None-Match",
                  "Last-Event-ID",
                  "Range",
                  "Origin",
                  "X-Forwarded-For",
                  "Accept-Language",
                  "Cookie",
                  "Content-Encoding",
                  "Transfer-Encoding",
                  "Expect")),
          mutator.pick(
              List.of(
                  "*/*",
                  "text/csv",
                  "image/png",
                  "text/event-stream",
                  "bytes=0-1",
                  "wait=0",
                  "gzip",
                  "chunked",
                  "k" + mutator.random.nextInt(50),
                  "\"1\"",
                  mutator.text())),
          mutator);
    }
    var body = body(api, operation, headers, mutator);
    return request(
        mutator.percent(1)
            ? mutator.pick(List.of("TRACE", "FOO", "OPTIONS", "HEAD", "PUT"))
            : operation.method(),
        path + query,
        headers.toString(),
        body);
  }

  private String segment(Operation operation, Parameter parameter, Mutator mutator) {
    var known =
        parameter.name().equals("id")
            ? known(operation.path())
            : List.of("1", "synops", "firing-rate");
    if (!known.isEmpty() && mutator.percent(85)) {
      return known.get(mutator.random.nextInt(known.size()));
    }
    return encoded(mutator.text(), mutator);
  }

  private static String argument(OpenApi api, Parameter parameter, Mutator mutator) {
    if (mutator.percent(30)) {
      return mutator.percent(50) ? mutator.text() : mutator.number();
    }
    var example = api.example(parameter.schema(), mutator, 0);
    return example.isArray()
        ? example.values().stream().map(JsonNode::asString).collect(Collectors.joining(","))
        : example.asString("");
  }

  private static String encoded(String text, Mutator mutator) {
    // Sometimes as it is, for the server to refuse.
    return mutator.percent(95)
        ? URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20")
        : text.replace(' ', '_');
  }

  private static void header(StringBuilder headers, String name, String value, Mutator mutator) {
    var line = mutator.percent(90) ? value.replaceAll("[\\r\\n\\x00]", "") : value;
    headers.append(name).append(": ").append(line).append("\r\n");
  }

  private byte[] body(OpenApi api, Operation operation, StringBuilder headers, Mutator mutator)
      throws IOException {
    if (operation.bodies().isEmpty()) {
      return mutator.percent(95)
          ? new byte[0]
          : mutator.mutate(MODEL.getBytes(StandardCharsets.UTF_8));
    }
    var types = operation.bodies().keySet();
    // Mostly JSON, whose mutations are accepted more often than those of files.
    var type =
        types.contains("application/json") && mutator.percent(70)
            ? "application/json"
            : mutator.pick(List.copyOf(types));
    var claimed =
        mutator.percent(95)
            ? type
            : mutator.pick(
                List.of(
                    "application/json",
                    "text/plain",
                    "application/xml",
                    "application/x-hdf5",
                    "x",
                    "",
                    "application/json;charset=utf-16",
                    "multipart/form-data",
                    mutator.text().strip()));
    if (type.startsWith("multipart/")) {
      header(headers, "Content-Type", "multipart/form-data; boundary=fuzz", mutator);
      return multipart(operation.bodies().get(type), mutator);
    }
    header(headers, "Content-Type", claimed, mutator);
    return type.contains("json")
        ? jsonBody(api, operation, operation.bodies().get(type), mutator)
        : damaged(type, mutator);
  }

  private byte[] jsonBody(OpenApi api, Operation operation, JsonNode schema, Mutator mutator) {
    var valid = VALID.getOrDefault(operation.toString(), List.of());
    if (valid.isEmpty() || mutator.percent(10)) {
      return json.writeValueAsBytes(api.example(schema, mutator, 0));
    }
    var tree = json.readTree(mutator.pick(valid));
    return switch (mutator.random.nextInt(10)) {
      case 0, 1, 2 -> json.writeValueAsBytes(tree);
      case 3 -> mutator.garble(tree.toString());
      default -> json.writeValueAsBytes(mutator.mutate(tree));
    };
  }

  private byte[] damaged(String kind, Mutator mutator) {
    var whole = files.getOrDefault(kind, List.of("Sequential()".getBytes(StandardCharsets.UTF_8)));
    var file = mutator.pick(whole);
    return mutator.percent(10) ? file : mutator.mutate(file);
  }

  private byte[] multipart(JsonNode schema, Mutator mutator) throws IOException {
    var body = new ByteArrayOutputStream();
    var whole =
        mutator.pick(List.of(List.of("file"), List.of("images", "labels"), List.of("events")));
    var properties = List.copyOf(schema.path("properties").propertyNames());
    var names = new ArrayList<>(mutator.percent(80) ? whole : List.of(mutator.pick(properties)));
    names.add("name");
    if (names.contains("events")) {
      Collections.addAll(names, "time_steps", "height", "width");
    }
    for (var name : names) {
      boolean isFile = properties.contains(name) && files.containsKey(name);
      body.write(
          ("--fuzz\r\nContent-Disposition: form-data; name=\""
                  + name
                  + "\""
                  + (isFile ? "; filename=\"f\"" : "")
                  + "\r\n\r\n")
              .getBytes(StandardCharsets.UTF_8));
      if (isFile) {
        body.write(damaged(name, mutator));
      } else {
        body.write(
            (name.equals("name") || mutator.percent(5) ? mutator.text() : "4")
                .getBytes(StandardCharsets.UTF_8));
      }
      body.write("\r\n".getBytes(StandardCharsets.UTF_8));
    }
    body.write("--fuzz--\r\n".getBytes(StandardCharsets.UTF_8));
    return mutator.percent(95) ? body.toByteArray() : mutator.mutate(body.toByteArray());
  }

  private static byte[] request(String method, String target, String headers, byte[] body) {
    var head =
        method
            + " "
            + target
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
            + body.length
            + "\r\n"
            + headers
            + "\r\n";
    var bytes = head.getBytes(StandardCharsets.UTF_8);
    var request = Arrays.copyOf(bytes, bytes.length + body.length);
    System.arraycopy(body, 0, request, bytes.length, body.length);
    return request;
  }

  /** Files as other programs write them, by content type and by the part of an upload. */
  private void readFiles() throws IOException {
    files.put(
        "application/x-hdf5",
        resources("ours-sinabs.nir", "peer-snntorch-recurrent.nir", "peer-lava.nir", "nested.nir"));
    files.put("application/x-npz", resources("small.npz", "ours-sinabs.npz"));
    files.put(
        "application/x-safetensors",
        resources("small-float32.safetensors", "small-bfloat16.safetensors"));
    files.put("text/plain", resources("small.txt", "layers.txt", "tutorial.txt"));
    files.put("file", List.of(npz(), resources("small.npz").getFirst()));
    files.put("images", List.of(idx(3, 4, 4), gzip(idx(3, 4, 4))));
    files.put("labels", List.of(idx(3)));
    files.put("events", List.of(recordings()));
  }

  private static List<byte[]> resources(String... names) throws IOException {
    var resources = new ArrayList<byte[]>();
    for (var name : names) {
      try (InputStream in =
          Objects.requireNonNull(FuzzTest.class.getResourceAsStream("/interop/" + name), name)) {
        resources.add(in.readAllBytes());
      }
    }
    return resources;
  }

  private static byte[] npz() throws IOException {
    return zip(
        Map.of(
            "x.npy",
            npy("|u1", "3, 1, 4, 4", new byte[48]),
            "y.npy",
            npy("|u1", "3,", new byte[] {0, 1, 2})));
  }

  private static byte[] npy(String descr, String shape, byte[] values) {
    var head =
        ("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n")
            .getBytes(StandardCharsets.UTF_8);
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) head.length, 0});
    out.writeBytes(head);
    out.writeBytes(values);
    return out.toByteArray();
  }

  private static byte[] recordings() throws IOException {
    byte[] bin = {3, 1, (byte) 0x80, 0, 10, 3, 1, 0, 0, 11, 2, 0, (byte) 0x80, 0, 13};
    return zip(Map.of("Train/0/a.bin", bin, "Test/1/b.bin", bin));
  }

  private static byte[] zip(Map<String, byte[]> entries) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var entry : new TreeMap<>(entries).entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] idx(int... shape) {
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0, 0, 8, (byte) shape.length});
    int size = 1;
    for (int d : shape) {
      out.writeBytes(new byte[] {0, 0, 0, (byte) d});
      size *= d;
    }
    for (int i = 0; i < size; i++) {
      out.write(i);
    }
    return out.toByteArray();
  }

  private static byte[] gzip(byte[] content) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content);
    }
    return bytes.toByteArray();
  }

  private Map<String, Integer> byStatus() {
    var statuses = new TreeMap<String, Integer>();
    outcomes.forEach(
        (outcome, count) ->
            statuses.merge(
                outcome.substring(outcome.lastIndexOf(' ') + 1), count.get(), Integer::sum));
    return statuses;
  }

  private static long usedHeap() throws InterruptedException {
    // The collector takes what only soft references, of loaded data sets, keep, at its own pace.
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(100);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private void theServiceStillTrains(RawHttp http) throws Exception {
    var urgent = JOB.replace("\"priority\": 0", "\"priority\": 1000");
    var submitted =
        http.send(
            request(
                "POST",
                "/api/v1/jobs",
                "Content-Type: application/json\r\n",
                urgent.getBytes(StandardCharsets.UTF_8)));
    assertThat(submitted.status()).as(submitted.body()).isEqualTo(202);
    var path = location(submitted);
    var deadline = Instant.now().plusSeconds(60);
    while (true) {
      var job = http.send(request("GET", path, "", new byte[0])).body();
      if (job.contains("\"status\":\"succeeded\"")) {
        return;
      }
      assertThat(Instant.now()).as(job).isBefore(deadline);
      Thread.sleep(50);
    }
  }

  private void noJobBrokeTheEngine(RawHttp http) throws IOException {
    var failed = http.send(request("GET", "/api/v1/jobs?status=failed&limit=200", "", new byte[0]));
    assertThat(failed.status()).isEqualTo(200);
    assertThat(failed.body()).doesNotContain("internal_error", "out_of_memory");
  }
}
