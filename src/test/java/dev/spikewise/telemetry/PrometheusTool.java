package dev.spikewise.telemetry;

import dev.spikewise.Part;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Prometheus' own programs, {@code prometheus} and {@code promtool}: those of the PATH (Debian's
 * package prometheus), or where there are none those of its image, run by Docker.
 */
record PrometheusTool(String name) {

  record Result(int exitCode, String output) {}

  ProcessBuilder command(String... arguments) throws IOException {
    var command = new ArrayList<>(Part.isOnPath(name) ? List.of(name) : inContainer());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true);
  }

  Result run(String input, String... arguments) throws IOException, InterruptedException {
    var process = command(arguments).start();
    try (var in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    }
    var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output);
  }

  /** On the host's network, and with the same paths as outside. */
  private List<String> inContainer() throws IOException {
    var here = Path.of("").toAbsolutePath();
    return List.of(
        "docker",
        "run",
        "--rm",
        "--interactive",
        "--network=host",
        "--user=" + Files.getAttribute(here, "unix:uid"),
        "--volume=" + here + ":" + here,
        "--workdir=" + here,
        "--entrypoint=" + name,
        "prom/prometheus:latest");
  }
}
