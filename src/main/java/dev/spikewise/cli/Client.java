package dev.spikewise.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Client of a server's API. Only GET requests are retried, because a POST without a response may
 * have been executed.
 */
final class Client {

  static final JsonMapper JSON = JsonMapper.shared();

  /** Maximum time for which a GET is retried while there is no response or a status of 5xx. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  /** Address of the server, including its context path. */
  private final String base;

  private final @Nullable String apiKey;

  /**
   * @param apiKey API key, sent with every request; null for none
   */
  Client(URI server, @Nullable String apiKey) {
    this.base = server.toString().replaceAll("/+$", "");
    this.apiKey = apiKey;
  }

  JsonNode get(String path) {
    return get(path, PATIENCE);
  }

  /** Retries for the given time, so that waiting for a job survives a restart of the server. */
  JsonNode get(String path, Duration patience) {
    return parse(getBytes(path, "application/json", patience));
  }

  byte[] getBytes(String path, String accept) {
    return getBytes(path, accept, PATIENCE);
  }

  private byte[] getBytes(String path, String accept, Duration patience) {
    var request = request(path).setHeader("Accept", accept).GET().build();
    long deadline = System.nanoTime() + patience.toNanos();
    var pause = Duration.ofMillis(250);
    while (true) {
      boolean last = System.nanoTime() + pause.toNanos() > deadline;
      try {
        var response = send(request);
        if (last || !(response.statusCode() >= 500 || response.statusCode() == 429)) {
          return checked(response);
        }
      } catch (IOException e) {
        if (last) {
          throw unreachable(e);
        }
      }
      sleep(pause);
      pause = pause.multipliedBy(2);
      pause = pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
    }
  }

  JsonNode post(String path, JsonNode body, String... headers) {
    var request =
        request(path)
            .setHeader("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)));
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    try {
      return parse(checked(send(request.build())));
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  /** Uploads a data set and returns it; a data set that is already stored is not stored again. */
  JsonNode upload(String name, Map<String, Path> files) {
    var boundary = UUID.randomUUID().toString();
    var parts = new ArrayList<BodyPublisher>();
    parts.add(BodyPublishers.ofString(part(boundary, "name", "") + name + "\r\n"));
    try {
      for (var file : files.entrySet()) {
        var head = part(boundary, file.getKey(), "; filename=\"" + file.getKey() + "\"");
        parts.add(BodyPublishers.ofString(head));
        parts.add(BodyPublishers.ofFile(file.getValue()));
        parts.add(BodyPublishers.ofString("\r\n"));
      }
      parts.add(BodyPublishers.ofString("--" + boundary + "--\r\n"));
      var request =
          request("/datasets")
              .timeout(Duration.ofMinutes(30))
              .setHeader("Content-Type", "multipart/form-data; boundary=" + boundary)
              .POST(BodyPublishers.concat(parts.toArray(BodyPublisher[]::new)))
              .build();
      return parse(checked(send(request)));
    } catch (FileNotFoundException e) {
      throw new CommandException(
          ExitCode.INVALID_INPUT, "the data set cannot be read: " + e.getMessage());
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  private static String part(String boundary, String name, String more) {
    return "--%s\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n"
        .formatted(boundary, name, more);
  }

  static void sleep(Duration duration) {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private HttpRequest.Builder request(String path) {
    var request =
        HttpRequest.newBuilder(URI.create(base + "/api/v1" + path)).timeout(Duration.ofMinutes(1));
    if (apiKey != null) {
      request.setHeader("X-API-Key", apiKey);
    }
    return request;
  }

  private HttpResponse<byte[]> send(HttpRequest request) throws IOException {
    try {
      return http.send(request, BodyHandlers.ofByteArray());
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private static IllegalStateException interrupted() {
    Thread.currentThread().interrupt();
    return new IllegalStateException("interrupted");
  }

  private CommandException unreachable(IOException e) {
    return new CommandException(
        ExitCode.NO_SERVER_OR_NO_RIGHT, "no response from " + base + " (" + e + ")");
  }

  private static byte[] checked(HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status < 400) {
      return response.body();
    }
    boolean refused = status == 401 || status == 403 || status == 429 || status >= 500;
    JsonNode problem = null;
    String message =
        response.request().method() + " " + response.uri() + " failed with status " + status;
    try {
      problem = JSON.readTree(response.body());
      message = describe(problem, message);
    } catch (JacksonException e) {
      // The response may come from a proxy, whose page is not useful here.
    }
    throw new CommandException(
        refused ? ExitCode.NO_SERVER_OR_NO_RIGHT : ExitCode.INVALID_INPUT, message, problem);
  }

  /** Formats a problem with one line for the detail and one per mistake. */
  static String describe(JsonNode problem, String otherwise) {
    var text = new StringBuilder(problem.path("title").asString(otherwise));
    var errors = problem.path("errors");
    if (errors.isEmpty()) {
      text.append(": ").append(problem.path("detail").asString(""));
    }
    for (var error : errors) {
      text.append("\n  ")
          .append(error.path("pointer").asString(""))
          .append(' ')
          .append(error.path("detail").asString(""));
    }
    return text.toString();
  }

  private JsonNode parse(byte[] body) {
    try {
      return JSON.readTree(body);
    } catch (JacksonException e) {
      throw new CommandException(
          ExitCode.NO_SERVER_OR_NO_RIGHT,
          base
              + " is not a Spikewise server: it responded with \""
              + new String(body, 0, Math.min(60, body.length), StandardCharsets.UTF_8)
              + "\"");
    }
  }
}
