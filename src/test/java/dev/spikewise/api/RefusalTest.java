package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.data.Npz;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Whatever is sent, the answer is a problem that names the place, never a fault of the service. */
@ExtendWith(OutputCaptureExtension.class)
class RefusalTest extends ServiceTest {

  private static final String LINEAR =
      "{\"input_shape\": [2], \"layers\": [{\"type\": \"Linear\", \"out_features\": 1, \"bias\":"
          + " false}, {\"type\": \"IAF\"}]}";

  record Weights(int[] shape, float[] data) implements Npz.FloatArray {}

  @Test
  void rejectsNameOfMoreThan200Characters() {
    refused(model("\"name\": \"" + "x".repeat(201) + "\", ", "{\"type\": \"IAF\"}"), "/name");
    refused(model("\"name\": \"a\\u0000b\", ", "{\"type\": \"IAF\"}"), "/name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"202E", "2066", "200F", "2028", "FEFF", "0085", "001B", "D800"})
  void refusesNamesThatAreNotShownAsTheyAreWritten(String code) {
    var text = "a\\u" + code + "b";
    refused(model("\"name\": \"" + text + "\", ", "{\"type\": \"IAF\"}"), "/name");
    var labelled =
        "{\"model\": " + LINEAR + ", \"labels\": {\"k\": \"" + text + "\"}, \"epochs\": 1}";
    refused(post("/api/v1/jobs", labelled), "/labels/k");
  }

  @Test
  void acceptsNamesInEveryScript() {
    for (var name :
        new String[] {
          "caf\u00e9", "\u0645\u06cc\u200c\u0631", "\u05d0\u05d1", "\ud83d\udc69\u200d\ud83d\udd2c"
        }) {
      var made = model("\"name\": \"" + name + "\", ", "{\"type\": \"IAF\"}");
      assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
      assertThat(body(made).get("name").asString()).isEqualTo(name);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"kernel_size\": 3, \"padding\": 2147483647 | /layers/0",
        "\"kernel_size\": 2147483647, \"padding\": 1073741824 | /layers/0",
        "\"kernel_size\": 3, \"dilation\": 2147483647 | /layers/0/kernel_size",
        "\"kernel_size\": [2147483647, 1], \"padding\": [2147483647, 0] | /layers/0",
        "\"kernel_size\": 99999999999 | /layers/0/kernel_size",
      })
  void reportsTooLargeKernelAtItsLayer(String options, String pointer) {
    refused(model("", "{\"type\": \"Conv2d\", \"out_channels\": 4, " + options + "}"), pointer);
  }

  @Test
  void limitsAnalysis() {
    var response =
        post(
            "/api/v1/analyses",
            "{\"model\": {\"input_shape\": [1000], \"layers\": [{\"type\": \"Linear\","
                + " \"out_features\": 10}]}, \"batch_size\": 1000, \"time_steps\": 1000}");
    refused(response, "/batch_size");
    assertThat(response.body()).contains("spikewise.analyses.max-values");
  }

  @ParameterizedTest
  @ValueSource(strings = {"cursor=x", "limit=0", "limit=201", "limit=x"})
  void rejectsInvalidPage(String query) {
    problem(get("/api/v1/models?" + query), 400, "invalid_parameter");
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "1", "%00", "00000000-0000-0000-0000-000000000000"})
  void malformedIdIsNotFound(String id) {
    problem(
        get("/api/v1/models/" + id),
        id.equals("%00") ? 400 : 404,
        id.equals("%00") ? "invalid_parameter" : "not_found");
  }

  @Test
  void weightsMustBeFiniteAndTheModelsOwn() throws IOException {
    var path =
        post("/api/v1/models", LINEAR).headers().firstValue("Location").orElseThrow() + "/weights";
    refused(put(path, npz(new float[] {1, Float.NaN})), "/0.weight");
    refused(put(path, npz(new float[] {1})), "/0.weight");
    problem(put(path, "no zip".getBytes(StandardCharsets.UTF_8)), 400, "malformed_body");
    assertThat(put(path, npz(new float[] {1, 2})).statusCode()).isEqualTo(204);
    problem(
        send("GET", path, BodyPublishers.noBody(), "Accept", "image/png"), 406, "not_acceptable");
  }

  @Test
  void brokenJsonIsRefusedWithItsPlace() {
    var problem = problem(post("/api/v1/jobs", "{\"model\": ["), 400, "malformed_body");
    assertThat(problem.get("detail").asString())
        .isEqualTo(
            "the body is not valid JSON: Unexpected end-of-input: expected close marker for Array"
                + " (line 1, column 12)");
  }

  @Test
  void limitsBodiesWithAndWithoutContentLength() {
    var body = (" ".repeat(1 << 20) + LINEAR).getBytes(StandardCharsets.UTF_8);
    problem(
        send("POST", "/api/v1/models", BodyPublishers.ofByteArray(body)), 413, "content_too_large");
    var stream = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
    problem(send("POST", "/api/v1/models", stream), 413, "content_too_large");
    problem(
        send("POST", "/api/v1/models", stream, "Idempotency-Key", "large"),
        413,
        "content_too_large");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/api/v1/models/[", "/api/v1/%zz", "/api/v1/models/..%2f.."})
  void refusalsOfTomcatAreProblems(String uri) throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      var request = "GET " + uri + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer)
          .startsWith("HTTP/1.1 400")
          .contains("application/problem+json", "\"invalid_parameter\"");
    }
  }

  @Test
  void refusesToDeleteModelInUse() {
    // Wide enough that some neuron fires: a silent network's job fails after its first epoch.
    var wide = LINEAR.replace("\"out_features\": 1", "\"out_features\": 100");
    var path = post("/api/v1/models", wide).headers().firstValue("Location").orElseThrow();
    var id = UUID.fromString(path.substring(path.lastIndexOf('/') + 1));
    var job =
        post(
            "/api/v1/jobs",
            "{\"model\": {\"id\": \"" + id + "\"}, \"epochs\": 100000000, \"loss\": []}");
    assertThat(job.statusCode()).as(job.body()).isEqualTo(202);
    problem(delete(path), 409, "conflict");
    post(job.headers().firstValue("Location").orElseThrow() + "/cancel", "");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/v1/jobs?name=%FF",
        "/api/v1/jobs?name=%",
        "/api/v1/jobs?name=%4",
        "/api/v1/jobs?=x",
        "/api/v1/jobs?label=a:b&=",
        "/api/v1/jobs?%C0%80=1",
        "/api/v1/jobs?name=a%00b",
        "/api/v1/jobs?label=a:%00",
        "/api/v1/models?cursor=%ff",
        "/compare?id=%20",
        "/compare?id=%FF",
        "/?name=%00",
        "/actuator/health?=1",
        "/api/v1/jobs?name=%ED%A0%80"
      })
  void refusesQueryThatCannotBeRead(String target) throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      var request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer)
          .startsWith("HTTP/1.1 400")
          .contains("application/problem+json", "\"invalid_parameter\"");
    }
  }

  @Test
  void refusesFormWithoutWaitingForItsEnd() throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      var request =
          "POST /api/v1/jobs?name=x HTTP/1.1\r\n"
              + "Host: localhost\r\n"
              + "Content-Length: 99\r\n"
              + "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
              + "a=%FF";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
      assertThat(answer).isEqualTo("HTTP/1.1 415");
    }
  }

  /** Each body stops after its first bytes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST /api/v1/jobs | application/json",
        "POST /api/v1/models | application/x-hdf5",
        "POST /api/v1/models?input_shape=2 | text/plain",
        "POST /api/v1/datasets | multipart/form-data; boundary=b",
        "POST /api/v1/analyses | application/json\r\nIdempotency-Key: stalls",
        "POST /api/v1/datasets | multipart/form-data; boundary=b\r\nIdempotency-Key: stalls"
      })
  void answersStalledBodyWithATimeout(String what, CapturedOutput output) throws IOException {
    var parts = what.split(" \\| ");
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      var request =
          parts[0]
              + " HTTP/1.1\r\n"
              + "Host: localhost\r\n"
              + "Content-Length: 999\r\n"
              + "Content-Type: "
              + parts[1]
              + "\r\n\r\n{\"a";
      long begin = System.nanoTime();
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer)
          .startsWith("HTTP/1.1 408")
          .contains("application/problem+json", "\"request_timeout\"");
      // The 3 s of this test's setting once, not twice.
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofMillis(5800));
    }
    assertThat(output).doesNotContain("\tat ");
  }

  private HttpResponse<String> model(String name, String layer) {
    return post(
        "/api/v1/models", "{" + name + "\"input_shape\": [1, 8, 8], \"layers\": [" + layer + "]}");
  }

  private HttpResponse<String> put(String path, byte[] body) {
    return send("PUT", path, BodyPublishers.ofByteArray(body), "Content-Type", "application/x-npz");
  }

  private static byte[] npz(float[] weights) throws IOException {
    var out = new ByteArrayOutputStream();
    Npz.write(out, Map.of("0.weight", new Weights(new int[] {1, weights.length}, weights)));
    return out.toByteArray();
  }

  private void refused(HttpResponse<String> response, String pointer) {
    var problem = problem(response, 422, "invalid_spec");
    assertThat(problem.get("errors").get(0).get("pointer").asString()).isEqualTo(pointer);
  }
}
