package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Attacks on services of this kind, each of which must fail. */
class HeldAttacksTest extends ServiceTest {

  private static final String SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

  /** Written into files outside of what is uploaded; must appear in no answer. */
  private static final String SECRET = "top-secret-of-this-machine";

  @Autowired JdbcClient jdbc;

  /**
   * Requests whose end two servers could see in different places. The second request hidden in each
   * must never be answered.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: 4|Transfer-Encoding: chunked",
        "Content-Length: 4|Transfer-Encoding: xchunked",
        "Content-Length: 4|Transfer-Encoding : chunked",
        "Transfer-Encoding: identity, chunked, identity",
        "Content-Length: 5|Content-Length: 0",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 5|X: a\rTransfer-Encoding: chunked",
      })
  void answersNoRequestThatIsHiddenInAnother(String headers) throws IOException {
    var request =
        "POST /api/v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + headers.replace("|", "\r\n")
            + "\r\n\r\n0\r\n\r\nGET /api/v1/datasets/digits HTTP/1.1\r\nHost: localhost\r\n\r\n";
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer.split("HTTP/1\\.1 ")).as(answer).hasSizeLessThanOrEqualTo(2);
      assertThat(answer).doesNotStartWith("HTTP/1.1 2").doesNotContain("\"samples\"");
    }
  }

  /**
   * Each sends a request a byte at a time and would keep a thread, were there one per connection.
   */
  @Test
  void answersOthersWhileFiveHundredClientsSendSlowly() throws IOException {
    var slow = new ArrayList<Socket>();
    try {
      for (int i = 0; i < 500; i++) {
        var socket = new Socket("127.0.0.1", port);
        slow.add(socket);
        var begun =
            i % 2 == 0
                ? "GET /api/v1/jobs HTTP/1.1\r\nHost: local"
                : "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type:"
                    + " application/json\r\nContent-Length: 1000\r\n\r\n{";
        socket.getOutputStream().write(begun.getBytes(StandardCharsets.US_ASCII));
      }
      for (int i = 0; i < 20; i++) {
        assertThat(get("/api/v1/jobs?limit=1").statusCode()).isEqualTo(200);
        assertThat(get("/actuator/health/liveness").statusCode()).isEqualTo(200);
        for (var socket : slow) {
          sendAnotherByte(socket);
        }
      }
    } finally {
      for (var socket : slow) {
        socket.close();
      }
    }
  }

  private static void sendAnotherByte(Socket socket) {
    try {
      socket.getOutputStream().write(' ');
    } catch (IOException e) {
      // On a slow machine the service has given up on this client.
      assertThat(e).hasMessageMatching("(?s).*(reset|[Bb]roken pipe).*");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%5c..%5capplication.yml",
        "/api/v1/jobs/..;/..;/actuator/env",
        "/docs/%252e%252e/application.yml",
        "//etc/passwd",
        "/webjars/../application.yml",
      })
  void servesNoFileOutsideOfItsPages(String path) throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      var request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).matches("(?s)HTTP/1\\.1 (400|404) .*");
      assertThat(answer).doesNotContain("root:", "spikewise:\n");
    }
  }

  @Test
  void readsPathsOfAnArchiveAsNamesOnly() throws IOException {
    var outside = Path.of("target/held-attack").toAbsolutePath();
    Files.deleteIfExists(outside);
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (var name : List.of("../../../../../../../../../.." + outside, outside.toString())) {
        zip.putNextEntry(new ZipEntry(name + "/0/a.bin"));
        zip.write(new byte[] {1, 1, 0, 0, 1});
        zip.closeEntry();
      }
    }
    var answer = uploadEvents(out.toByteArray());
    assertThat(answer.statusCode()).as(answer.body()).isIn(201, 422);
    assertThat(outside).doesNotExist();
  }

  /** External links, external raw data and a soft link out of the group: see hdf5_links.py. */
  @Test
  void followsNoLinkOutOfAnHdf5File() throws IOException {
    var secret = Path.of("/tmp/spikewise-external-secret.bin");
    Files.writeString(secret, SECRET.repeat(20));
    try {
      for (var name : List.of("external_link", "external_data")) {
        byte[] file;
        try (var in = HeldAttacksTest.class.getResourceAsStream("/interop/" + name + ".h5")) {
          file = java.util.Objects.requireNonNull(in).readAllBytes();
        }
        var answers = new ArrayList<HttpResponse<String>>();
        answers.add(
            send(
                "POST",
                "/api/v1/models",
                BodyPublishers.ofByteArray(file),
                "Content-Type",
                "application/x-hdf5"));
        answers.add(Multipart.upload(this, Map.of("name", name, "time_steps", 2, "file", file)));
        var zip = new ByteArrayOutputStream();
        try (var archive = new ZipOutputStream(zip)) {
          archive.putNextEntry(new ZipEntry("0/a.h5"));
          archive.write(file);
          archive.closeEntry();
        }
        answers.add(uploadEvents(zip.toByteArray()));
        for (var answer : answers) {
          assertThat(answer.statusCode()).as(answer.body()).isBetween(400, 422);
          assertThat(answer.body()).doesNotContain(SECRET);
        }
      }
    } finally {
      Files.delete(secret);
    }
  }

  @Test
  void showsNamesAndLabelsAsTextOnEveryPage() throws Exception {
    var name = SCRIPT.replace("\\", "\\\\").replace("\"", "\\\"");
    var job =
        "{\"name\": \"%s\", \"labels\": {\"a\": \"%s\"}, \"model\": {\"name\": \"%s\", \"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"name\": \"%s\", \"out_features\": 4}, {\"type\": \"IAF\"}]}, \"epochs\": 1}"
            .formatted(name, name, name, "n<b>");
    var path = post("/api/v1/jobs", job).headers().firstValue("Location").orElseThrow();
    var finished = await(path, "succeeded", "failed");
    var id = finished.get("id").asString();
    var sweep = post("/api/v1/sweeps", "{\"name\": \"%s\", \"job\": %s}".formatted(name, job));
    assertThat(sweep.statusCode()).as(sweep.body()).isEqualTo(202);
    var sweepId = body(sweep).get("id").asString();
    for (var page :
        List.of(
            "/",
            "/jobs/" + id,
            "/sweeps",
            "/sweeps/" + sweepId,
            "/api/v1/sweeps/" + sweepId + "/plots/pareto.svg",
            path + "/plots/firing-rate.svg",
            path + "/plots/synops.svg")) {
      var answer = send("GET", page, BodyPublishers.noBody(), "Accept", "*/*");
      assertThat(answer.statusCode()).as(page).isIn(200, 404);
      assertThat(answer.body()).as(page).doesNotContain("<script>alert", "<img src=x", "n<b>");
    }
    // Markdown is shown by other pages, which may take HTML in it for HTML.
    var report = send("GET", path + "/report", BodyPublishers.noBody(), "Accept", "text/markdown");
    assertThat(report.body()).doesNotContain("<script>alert");
  }

  @Test
  void takesSqlInParametersAndBodiesForText() {
    int jobs = count("job");
    for (var text : List.of("' or '1'='1", "x'; drop table job; --", "a\\' or 1=1 --", "%", "_")) {
      var encoded = URLEncoder.encode(text, StandardCharsets.UTF_8);
      assertThat(body(get("/api/v1/jobs?name=" + encoded)).get("data")).as(text).isEmpty();
      assertThat(body(get("/api/v1/jobs?label=k:" + encoded)).get("data")).as(text).isEmpty();
      assertThat(get("/api/v1/jobs?status=" + encoded).statusCode()).isEqualTo(400);
      assertThat(get("/api/v1/jobs?cursor=" + encoded).statusCode()).isEqualTo(400);
      assertThat(get("/api/v1/datasets/" + encoded.replace("+", "%20")).statusCode())
          .as(text)
          .isIn(400, 404);
      var model =
          post(
              "/api/v1/models",
              "{\"name\": \"%s\", \"input_shape\": [4], \"layers\": [{\"type\": \"IAF\"}]}"
                  .formatted(text.replace("\\", "\\\\")));
      assertThat(model.statusCode()).as(model.body()).isEqualTo(201);
      assertThat(body(model).get("name").asString()).isEqualTo(text);
      assertThat(delete(model.headers().firstValue("Location").orElseThrow()).statusCode())
          .isEqualTo(204);
    }
    assertThat(count("job")).isGreaterThanOrEqualTo(jobs);
  }

  private int count(String table) {
    return jdbc.sql("select count(*) from " + table).query(Integer.class).single();
  }

  private HttpResponse<String> uploadEvents(byte[] zip) {
    return Multipart.upload(
        this, Map.of("name", "held", "time_steps", 2, "height", 4, "width", 4, "events", zip));
  }
}
