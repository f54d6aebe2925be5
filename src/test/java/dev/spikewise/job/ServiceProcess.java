package dev.spikewise.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The service in a process of its own, so that it can be killed. */
final class ServiceProcess implements AutoCloseable {

  private static final JsonMapper JSON = new JsonMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final HttpClient client = HttpClient.newHttpClient();
  private final Process process;
  private final Path log;
  private final URI root;

  private ServiceProcess(Process process, Path log, int port) {
    this.process = process;
    this.log = log;
    this.root = URI.create("http://127.0.0.1:" + port);
  }

  /** Returns once the service is ready. */
  static ServiceProcess start(Path dir, List<String> settings)
      throws IOException, InterruptedException {
    int port = freePort();
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("--"))
        .forEach(command::add);
    command.addAll(List.of("-cp", classPath(), "dev.spikewise.SpikewiseApplication"));
    command.addAll(List.of("--server.port=" + port, "--spikewise.data-dir=" + dir));
    command.addAll(settings);
    var log = dir.resolve("service-" + port + ".log");
    var process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    var service = new ServiceProcess(process, log, port);
    try {
      service.awaitReadiness();
      return service;
    } catch (AssertionError | InterruptedException e) {
      service.close();
      throw e;
    }
  }

  /** Without the tests, whose configurations a scan of the packages would find. */
  private static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.contains("test-classes"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private void awaitReadiness() throws InterruptedException {
    var deadline = Instant.now().plus(PATIENCE);
    while (!isReady()) {
      boolean hopeful = process.isAlive() && Instant.now().isBefore(deadline);
      assertThat(hopeful).as(() -> "the service does not start:\n" + log()).isTrue();
      Thread.sleep(50);
    }
  }

  private boolean isReady() throws InterruptedException {
    try {
      var request = HttpRequest.newBuilder(root.resolve("/actuator/health/readiness")).build();
      return client.send(request, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  private String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Returns the path of the new job. */
  String submit(String spec) throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(root.resolve("/api/v1/jobs"))
            .header("Content-Type", "application/json");
    var response =
        client.send(request.POST(BodyPublishers.ofString(spec)).build(), BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return response.headers().firstValue("Location").orElseThrow();
  }

  JsonNode await(String job, Predicate<JsonNode> condition)
      throws IOException, InterruptedException {
    var deadline = Instant.now().plus(PATIENCE);
    var now = json(job);
    while (!condition.test(now)) {
      assertThat(Instant.now()).as(now.toPrettyString()).isBefore(deadline);
      Thread.sleep(20);
      now = json(job);
    }
    return now;
  }

  JsonNode json(String path) throws IOException, InterruptedException {
    return JSON.readTree(get(path));
  }

  double metric(String name) throws IOException, InterruptedException {
    return new String(get("/actuator/prometheus"), UTF_8)
        .lines()
        .filter(line -> line.startsWith(name))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }

  byte[] get(String path) throws IOException, InterruptedException {
    var response =
        client.send(HttpRequest.newBuilder(root.resolve(path)).build(), BodyHandlers.ofByteArray());
    assertThat(response.statusCode())
        .as(() -> path + "\n" + new String(response.body()) + log())
        .isEqualTo(200);
    return response.body();
  }

  /** SIGSTOP: as if its machine were frozen. */
  void freeze() throws IOException, InterruptedException {
    signal("STOP");
  }

  void thaw() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    var kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  /** SIGTERM: the end in good order. */
  void terminate() throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(this::log).isTrue();
  }

  /** SIGKILL: no line of code runs any more. */
  @Override
  public void close() throws InterruptedException {
    process.destroyForcibly().waitFor();
    client.close();
  }
}
