package dev.spikewise.job;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Requests that once stopped the service or another tenant's jobs, each with one client's key. */
final class Attacks {

  private static final String SMALL =
      "{\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\": 4}, {\"type\":"
          + " \"IAF\"}]}";

  private static final String LARGE =
      """
      {"input_shape": [1, 28, 28], "layers": [
        {"type": "Conv2d", "out_channels": 16, "kernel_size": 5}, {"type": "IAF"},
        {"type": "Conv2d", "out_channels": 32, "kernel_size": 5}, {"type": "IAF"},
        {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}\
      """;

  private static final byte[] EMPTY_ARRAY =
      ("\u0093NUMPY\u0001\u0000:\u0000{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }\n")
          .getBytes(StandardCharsets.ISO_8859_1);

  /**
   * One request, or several.
   *
   * @return its status; 0 where the connection was closed without an answer
   */
  interface Attack {
    int send() throws Exception;
  }

  private final HttpClient client = HttpClient.newHttpClient();
  private final URI root;
  private final String key;
  private final String foreignJob;
  private final byte[] bomb = zip(12, 20_000_000);
  private final byte[] countless = npz(200_000);
  private final String manyTerms = manyTerms();
  private final String unknownKeys = unknownKeys();
  private final String wideSweep = wideSweep();

  /**
   * @param key of the attacking tenant
   * @param foreignJob path of a job of another tenant
   */
  Attacks(URI root, String key, String foreignJob) throws IOException {
    this.root = root;
    this.key = key;
    this.foreignJob = foreignJob;
  }

  /** All of them by name. */
  Map<String, Attack> all() {
    var all = new LinkedHashMap<String, Attack>();
    all.put("job of 7 MB", () -> post("/api/v1/jobs", manyTerms));
    all.put("list of jobs", () -> get("/api/v1/jobs?limit=200"));
    all.put("16 labels", () -> get("/api/v1/jobs?" + labels(16)));
    all.put("17 labels", () -> get("/api/v1/jobs?" + labels(17)));
    all.put(
        "baseline", () -> post("/api/v1/jobs", job(LARGE, "{\"baseline_multiple\": 0.5}", 32, 20)));
    all.put("analysis", () -> post("/api/v1/analyses", analysis(LARGE, 32, 50)));
    all.put("endless analysis", () -> post("/api/v1/analyses", analysis(LARGE, 1024, 1024)));
    all.put(
        "dry run", () -> post("/api/v1/jobs?dry_run=true", job(LARGE, "{\"value\": 1e9}", 32, 20)));
    all.put("zip bomb", () -> upload("events", bomb));
    all.put("countless arrays", () -> upload("file", countless));
    all.put("deflate bomb", () -> upload("file", resource("/interop/deflate_bomb.h5")));
    all.put("chunk bombs", () -> upload("file", resource("/interop/chunk_bombs.h5")));
    all.put("shared samples", () -> upload("file", resource("/interop/shared_samples.h5")));
    all.put(
        "NIR of a bomb",
        () ->
            send("POST", "/api/v1/models", body("/interop/deflate_bomb.h5"), "application/x-hdf5"));
    all.put("unknown keys", () -> post("/api/v1/jobs", unknownKeys));
    all.put("wide sweep", () -> post("/api/v1/sweeps", wideSweep));
    all.put("deep JSON", () -> post("/api/v1/models", "[".repeat(100_000)));
    all.put("queue of high priority", this::urgentJobs);
    all.put("stalled body", this::stall);
    all.put("smuggled request", this::smuggle);
    all.put("client that leaves", this::leave);
    all.put("undecodable parameter", () -> raw("GET /api/v1/jobs?label=%FF HTTP/1.1\r\n"));
    all.put("NUL in a filter", () -> get("/api/v1/jobs?name=%00"));
    all.put(
        "SQL in a filter", () -> get("/api/v1/jobs?name=" + encode("' or 1=1; drop table job --")));
    all.put("path in an archive", () -> upload("events", traversal()));
    all.put("foreign job", () -> get(foreignJob));
    all.put("foreign cancel", () -> post(foreignJob + "/cancel", ""));
    all.put(
        "foreign delete", () -> send("DELETE", foreignJob, BodyPublishers.noBody(), "text/plain"));
    all.put(
        "private webhook",
        () -> post("/api/v1/webhooks", "{\"url\": \"http://169.254.169.254/latest\"}"));
    all.put("many streams", this::streams);
    all.put("tidying up", this::tidyUp);
    return all;
  }

  private int urgentJobs() throws Exception {
    int status = 0;
    for (int i = 0; i < 5; i++) {
      status =
          post("/api/v1/jobs", "{\"model\": " + SMALL + ", \"epochs\": 2000, \"priority\": 1000}");
    }
    return status;
  }

  /** The attacker deletes what it has, so that the soak does not only fill the disk. */
  private int tidyUp() throws Exception {
    for (var list : List.of("jobs", "sweeps", "models", "datasets")) {
      var page =
          exchange("GET", "/api/v1/" + list + "?limit=50", BodyPublishers.noBody(), "text/plain");
      var ids =
          java.util.regex.Pattern.compile("\"id\":\"([0-9a-f-]{36,64})\"").matcher(page.body());
      while (ids.find()) {
        var path = "/api/v1/" + list + "/" + ids.group(1);
        if (list.equals("jobs") || list.equals("sweeps")) {
          post(path + "/cancel", "");
        }
        send("DELETE", path, BodyPublishers.noBody(), "text/plain");
      }
    }
    return 200;
  }

  /** Half of a body, and then nothing: the server has to end it. */
  private int stall() throws Exception {
    return raw(
        "POST /api/v1/jobs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n");
  }

  private int smuggle() throws Exception {
    return raw(
        "POST /api/v1/jobs HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\nGET /api/v1/jobs HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  private int leave() throws Exception {
    byte[] body = analysis(LARGE, 32, 50).getBytes(StandardCharsets.UTF_8);
    try (var socket = new Socket(root.getHost(), root.getPort())) {
      var head =
          "POST /api/v1/analyses HTTP/1.1\r\nHost: a\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
              .formatted(key, body.length);
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(body);
      Thread.sleep(200);
    }
    return 0;
  }

  private int streams() throws Exception {
    var sockets = new java.util.ArrayList<Socket>();
    try {
      for (int i = 0; i < 50; i++) {
        var socket = new Socket(root.getHost(), root.getPort());
        sockets.add(socket);
        socket
            .getOutputStream()
            .write(
                "GET /api/v1/jobs/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nX-API-Key: %s\r\n\r\n"
                    .formatted(key)
                    .getBytes(StandardCharsets.US_ASCII));
      }
      Thread.sleep(500);
    } finally {
      for (var socket : sockets) {
        socket.close();
      }
    }
    return 0;
  }

  private int raw(String head, String... rest) throws IOException {
    try (var socket = new Socket(root.getHost(), root.getPort())) {
      socket.setSoTimeout(90_000);
      var request =
          head
              + "Host: a\r\nX-API-Key: "
              + key
              + "\r\nConnection: close\r\n\r\n"
              + String.join("", rest);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      byte[] answer = socket.getInputStream().readNBytes(12);
      var text = new String(answer, StandardCharsets.US_ASCII);
      return text.startsWith("HTTP/1.1 ") ? Integer.parseInt(text.substring(9, 12)) : 0;
    }
  }

  int get(String path) throws Exception {
    return send("GET", path, BodyPublishers.noBody(), "text/plain");
  }

  int post(String path, String body) throws Exception {
    return send("POST", path, BodyPublishers.ofString(body), "application/json");
  }

  int upload(String part, byte[] file) throws Exception {
    return send(
        "POST",
        "/api/v1/datasets",
        BodyPublishers.ofByteArray(multipart(part, file)),
        "multipart/form-data; boundary=b");
  }

  private int send(String method, String path, BodyPublisher body, String type) throws Exception {
    return exchange(method, path, body, type).statusCode();
  }

  private java.net.http.HttpResponse<String> exchange(
      String method, String path, BodyPublisher body, String type) throws Exception {
    var request =
        HttpRequest.newBuilder(root.resolve(path))
            .timeout(Duration.ofMinutes(3))
            .header("X-API-Key", key)
            .header("Content-Type", type)
            .method(method, body)
            .build();
    return client.send(request, BodyHandlers.ofString());
  }

  private static String labels(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> "label=k" + i + ":v")
        .collect(Collectors.joining("&"));
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static String job(String model, String target, int batchSize, int timeSteps) {
    return ("{\"model\": %s, \"epochs\": 1, \"batch_size\": %d, \"time_steps\": %d, \"loss\":"
            + " [{\"type\": \"synops\", \"target\": %s}]}")
        .formatted(model, batchSize, timeSteps, target);
  }

  private static String analysis(String model, int batchSize, int timeSteps) {
    return "{\"model\": %s, \"batch_size\": %d, \"time_steps\": %d}"
        .formatted(model, batchSize, timeSteps);
  }

  private static String manyTerms() {
    var names = "[" + "\"1\",".repeat(420) + "\"1\"]";
    var term = "{\"type\": \"firing_rate\", \"min\": 0.0, \"layers\": " + names + "}";
    return "{\"model\": "
        + SMALL
        + ", \"loss\": ["
        + String.join(",", Collections.nCopies(4000, term))
        + "]}";
  }

  private static String unknownKeys() {
    return IntStream.range(0, 600_000)
        .mapToObj(i -> "\"k" + i + "\":0")
        .collect(Collectors.joining(",", "{", "}"));
  }

  private static String wideSweep() {
    var names = "[" + ("\"" + "n".repeat(180) + "\",").repeat(50) + "\"1\"]";
    var term = "{\"type\": \"firing_rate\", \"min\": 0.0, \"layers\": " + names + "}";
    var loss = String.join(",", Collections.nCopies(64, term));
    return "{\"job\": {\"model\": %s, \"epochs\": 1, \"loss\": [%s]}, \"seeds\": %s}"
        .formatted(SMALL, loss, IntStream.range(0, 128).boxed().toList());
  }

  private static byte[] traversal() throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (var name : List.of("../../etc/0/a.bin", "/0/b.bin", "0/../../c.bin")) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(new byte[10]);
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }

  static byte[] zip(int files, int bytes) throws IOException {
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

  private static byte[] npz(int arrays) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (int i = 0; i < arrays; i++) {
        zip.putNextEntry(new ZipEntry(i + ".npy"));
        zip.write(EMPTY_ARRAY);
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = Attacks.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(in).readAllBytes();
    }
  }

  private static BodyPublisher body(String name) throws IOException {
    return BodyPublishers.ofByteArray(resource(name));
  }

  /** The form of an upload with boundary b: the file, and the recipe of a tiny camera. */
  static byte[] multipart(String part, byte[] file) {
    var body = new ByteArrayOutputStream();
    var fields = Map.of("name", "attack", "time_steps", "2", "height", "2", "width", "2");
    fields.forEach(
        (name, value) ->
            body.writeBytes(
                "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
                    .formatted(name, value)
                    .getBytes(StandardCharsets.UTF_8)));
    body.writeBytes(
        "--b\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"f\"\r\n\r\n"
            .formatted(part)
            .getBytes(StandardCharsets.UTF_8));
    body.writeBytes(file);
    body.writeBytes("\r\n--b--\r\n".getBytes(StandardCharsets.UTF_8));
    return body.toByteArray();
  }
}
