package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The wheel that the build makes, installed without a network and used on this service. */
@Needs(Part.PIP)
class PythonClientTest extends ServiceTest {

  private static final Path CLIENT = Path.of("src/client/python");

  @TempDir Path folder;

  @Test
  void installedWheelTrainsAndNotebookRuns() throws Exception {
    var wheel = wheel("first");
    assertThat(Files.readAllBytes(wheel)).isEqualTo(Files.readAllBytes(wheel("second")));
    var installed = folder.resolve("installed");
    run(
        Map.of(),
        List.of(
            "python3",
            "-m",
            "pip",
            "install",
            "--no-index",
            "--no-deps",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            installed.toString(),
            wheel.toString()));
    var output =
        run(
            Map.of(
                "PYTHONPATH",
                installed.toString(),
                "SPIKEWISE_SERVER",
                "http://127.0.0.1:" + port,
                "PYTHONDONTWRITEBYTECODE",
                "1"),
            List.of("python3", CLIENT.resolve("tests/test_client.py").toString()));
    assertThat(output).contains("test_the_notebook_runs", "OK");
  }

  private Path wheel(String name) throws Exception {
    var to = folder.resolve(name);
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var output =
        run(
            Map.of(),
            List.of(
                java,
                CLIENT.resolve("Wheel.java").toString(),
                CLIENT.toString(),
                "0.1.0-SNAPSHOT",
                to.toString()));
    var wheel = Path.of(output.strip());
    assertThat(wheel.getFileName()).hasToString("spikewise-0.1.0.dev0-py3-none-any.whl");
    return wheel;
  }

  private String run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    var output = File.createTempFile("python", ".log", folder.toFile());
    var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output);
    builder.environment().putAll(environment);
    var process = builder.start();
    try {
      assertThat(process.waitFor(5, TimeUnit.MINUTES)).as(command.toString()).isTrue();
    } finally {
      process.destroyForcibly();
    }
    var text = Files.readString(output.toPath());
    assertThat(process.exitValue()).as(text).isZero();
    return text;
  }
}
