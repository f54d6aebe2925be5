package dev.spikewise.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Part;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The service in a process of its own, so that it can be killed. */
final class ServiceProcess implements AutoCloseable {

  private static final JsonMapper JSON = new JsonMapper();
  private static final Pattern PORT = Pattern.compile("Tomcat started on port (\\d+)");
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final HttpClient client = HttpClient.newHttpClient();
  private final Process process;
  private final Path log;
  private @Nullable URI root;

  /** Flags for tests of latency: the collector that users get, and as they get it. */
  static final String[] USERS_COLLECTOR = {"-XX:-UseSerialGC", "@src/main/resources/jvm.options"};

  private ServiceProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** Returns once the service is ready. */
  static ServiceProcess start(Path dir, List<String> settings, String... flags)
      throws IOException, InterruptedException {
    var service = launch(dir, settings, Map.of(), flags);
    service.awaitReadiness();
    return service;
  }

  /** Two at the same time, the second in a world where it is an hour later. */
  static List<ServiceProcess> startTwo(Path dir, List<String> settings)
      throws IOException, InterruptedException {
    // Its mending of timed waits would end them at once with the clock of a JVM of today.
    var fast =
        Map.of(
            "LD_PRELOAD", Part.faketime().orElseThrow().toString(),
            "FAKETIME", "+1h",
            "FAKETIME_DONT_FAKE_MONOTONIC", "1",
            "FAKETIME_FORCE_MONOTONIC_FIX", "0");
    var services = List.of(launch(dir, settings, Map.of()), launch(dir, settings, fast));
    try {
      for (var service : services) {
        service.awaitReadiness();
      }
    } catch (AssertionError | InterruptedException e) {
      for (var service : services) {
        service.close();
      }
      throw e;
    }
    return services;
  }

  /** Returns at once. */
  static ServiceProcess launch(
      Path dir, List<String> settings, Map<String, String> environment, String... flags)
      throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("--"))
        .forEach(command::add);
    // Its threads would only take time from the other tests'.
    command.add("-XX:+UseSerialGC");
    command.addAll(List.of(flags));
    command.addAll(List.of("-cp", classPath(), "dev.spikewise.SpikewiseApplication"));
    return launch(command, dir, settings, environment);
  }

  /**
   * Several processes that are one worker; returns at once.
   *
   * @param java the launcher and the Java that it starts
   */
  static ServiceProcess launchWide(
      List<String> java, Path dir, List<String> settings, Map<String, String> environment)
      throws IOException {
    var command = new ArrayList<>(java);
    command.addAll(List.of("-cp", classPath(), "dev.spikewise.SpikewiseApplication"));
    return launch(command, dir, settings, environment);
  }

  /** Returns at once. */
  static ServiceProcess launch(
      List<String> program, Path dir, List<String> settings, Map<String, String> environment)
      throws IOException {
    var command = new ArrayList<>(program);
    command.addAll(List.of("--server.port=0", "--spikewise.data-dir=" + dir));
    command.addAll(settings);
    var log = Files.createTempFile(dir, "service-", ".log");
    var builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().putAll(environment);
    return new ServiceProcess(builder.start(), log);
  }

  /** Without the tests, whose configurations a scan of the packages would find. */
  private static String classPath() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.contains("test-classes"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  void awaitReadiness() throws InterruptedException {
    var deadline = Instant.now().plus(PATIENCE);
    while (!isReady()) {
      if (!process.isAlive() || Instant.now().isAfter(deadline)) {
        close();
        throw new AssertionError("the service does not start:\n" + log());
      }
      Thread.sleep(50);
    }
  }

  boolean isReady() throws InterruptedException {
    if (root == null) {
      var started = PORT.matcher(log());
      if (!started.find()) {
        return false;
      }
      root = URI.create("http://127.0.0.1:" + started.group(1));
    }
    try {
      var request = HttpRequest.newBuilder(root.resolve("/actuator/health/readiness")).build();
      return client.send(request, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Returns the path of the new job. */
  String submit(String spec) throws IOException, InterruptedException {
    var response = post("/api/v1/jobs", spec);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return response.headers().firstValue("Location").orElseThrow();
  }

  HttpResponse<String> post(String path, String body, String... headers)
      throws IOException, InterruptedException {
    return post(path, BodyPublishers.ofString(body), headers);
  }

  /** Sends JSON; the answer may come much later. */
  CompletableFuture<HttpResponse<String>> postLater(String path, String body) {
    var request =
        HttpRequest.newBuilder(root.resolve(path)).header("Content-Type", "application/json");
    return client.sendAsync(
        request.POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
  }

  /** A body is JSON unless the headers say otherwise. */
  HttpResponse<String> post(String path, BodyPublisher body, String... headers)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(root.resolve(path)).header("Content-Type", "application/json");
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return client.send(request.POST(body).build(), BodyHandlers.ofString());
  }

  interface Condition {
    boolean holds(JsonNode now) throws IOException, InterruptedException;
  }

  /** The job as soon as it is as wanted; that the database is away meanwhile (503) may be. */
  JsonNode await(String job, Condition condition) throws IOException, InterruptedException {
    var deadline = Instant.now().plus(PATIENCE);
    while (true) {
      var response = send(job);
      if (response.statusCode() != 503) {
        var now = JSON.readTree(body(job, response));
        if (condition.holds(now)) {
          return now;
        }
      }
      assertThat(Instant.now())
          .as(() -> job + "\n" + new String(response.body(), UTF_8) + "\n" + log())
          .isBefore(deadline);
      Thread.sleep(20);
    }
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
    return body(path, send(path));
  }

  private byte[] body(String path, HttpResponse<byte[]> response) {
    assertThat(response.statusCode())
        .as(() -> path + "\n" + new String(response.body(), UTF_8) + "\n" + log())
        .isEqualTo(200);
    return response.body();
  }

  HttpResponse<byte[]> send(String path, String... headers)
      throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(root.resolve(path));
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return client.send(request.build(), BodyHandlers.ofByteArray());
  }

  /** An event of a job's event stream. */
  record Event(String id, String type, JsonNode data) {}

  /**
   * Gives {@code reader} the job's events after the one with id {@code last}, as they come, until
   * it wants no more or they break off.
   */
  void events(String job, String last, Predicate<Event> reader) throws InterruptedException {
    var request =
        HttpRequest.newBuilder(root.resolve(job + "/events"))
            .header("Accept", "text/event-stream")
            .header("Last-Event-ID", last);
    try (var lines = client.send(request.build(), BodyHandlers.ofLines()).body()) {
      var fields = new HashMap<String, String>();
      for (var line : (Iterable<String>) lines::iterator) {
        int colon = line.indexOf(": ");
        if (colon > 0) {
          fields.put(line.substring(0, colon), line.substring(colon + 2));
        } else if (line.isEmpty() && fields.containsKey("data")) {
          var event =
              new Event(
                  fields.getOrDefault("id", ""),
                  fields.get("event"),
                  JSON.readTree(fields.get("data")));
          fields.clear();
          if (!reader.test(event)) {
            return;
          }
        }
      }
    } catch (IOException | UncheckedIOException e) {
      // The service went away.
    }
  }

  /** SIGSTOP: as if its machine were frozen. */
  void freeze() throws IOException, InterruptedException {
    signal("STOP");
  }

  void thaw() throws IOException, InterruptedException {
    signal("CONT");
  }

  void signal(String name) throws IOException, InterruptedException {
    signal(process.pid(), name);
  }

  static void signal(long pid, String name) throws IOException, InterruptedException {
    var kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start();
    assertThat(kill.waitFor()).isZero();
  }

  URI uri() {
    return Objects.requireNonNull(root);
  }

  long pid() {
    return process.pid();
  }

  /** How many bytes a file of the process may have from now on, as if the disk ended there. */
  void limitFiles(String bytes) throws IOException, InterruptedException {
    limitFiles(process.pid(), bytes);
  }

  static void limitFiles(long pid, String bytes) throws IOException, InterruptedException {
    var command =
        List.of("prlimit", "--pid", Long.toString(pid), "--fsize=" + bytes + ":unlimited");
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  /** Returns the exit status of a process that ends by itself. */
  int end() throws InterruptedException {
    assertThat(process.waitFor(PATIENCE)).as(this::log).isTrue();
    return process.exitValue();
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
