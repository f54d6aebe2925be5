package dev.spikewise.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.SpikewiseApplication;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.TestPropertySource;
import org.yaml.snakeyaml.Yaml;

/**
 * The scripts inside the templates for GitHub and GitLab, run by bash as their runners run them,
 * against a server.
 */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:cli;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/cli-data"
    })
class CiTemplatesTest {

  private static final String JOB =
      """
      {"name": "%s", "epochs": %d, "batch_size": 2, "model": {"input_shape": [4], "layers": [
        {"type": "Linear", "out_features": %d, "bias": false}, {"type": "IAF"}]}}\
      """;

  @TempDir Path folder;
  @LocalServerPort int port;

  @BeforeEach
  void putTheCommandInThePlaceOfTheJar() throws IOException {
    // The scripts call java -jar JAR; what is tested has not been packaged yet.
    var java = Files.createDirectory(folder.resolve("bin")).resolve("java");
    Files.writeString(
        java,
        """
        #!/usr/bin/env bash
        shift 2
        exec %s/bin/java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '%s' %s "$@"
        """
            .formatted(
                System.getProperty("java.home"),
                System.getProperty("java.class.path"),
                SpikewiseApplication.class.getName()));
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void onGitHubAPullRequestFailsThatNeedsMoreSynopsThanMain() throws Exception {
    var main = github(Map.of("file", job("github", 3, 1), "labels", "branch=main\nby=github"));
    assertThat(main.waitFor()).as(output()).isZero();
    var pullRequest =
        github(
            Map.of(
                "file",
                job("github", 3, 60),
                "baseline",
                "by=github",
                "gates",
                "synops<=baseline"));
    assertThat(pullRequest.waitFor()).as(output()).isEqualTo(1);
    assertThat(output()).contains("Gate failed: synops was");
    assertThat(Files.readString(folder.resolve("summary")))
        .contains("### github: succeeded", "**failed**");
    var result = Files.readString(folder.resolve("spikewise/job.json"));
    assertThat(Client.JSON.readTree(result).at("/verdict/passed").asBoolean()).isFalse();
    assertThat(folder.resolve("spikewise/junit.xml")).exists();
  }

  @Test
  void cancelledWorkflowCancelsTraining() throws Exception {
    var process = github(Map.of("file", job("to be cancelled by GitHub", 100_000_000, 3)));
    while (process.isAlive() && !output().contains("Job ")) {
      Thread.sleep(20);
    }
    process.destroy();
    assertThat(process.waitFor()).as(output()).isGreaterThan(128);
    var id = output().replaceFirst("(?s).*Job (\\S+).*", "$1");
    var job = new Client(URI.create(server()), null).get("/jobs/" + id);
    assertThat(job.get("status").asString()).isIn("cancelling", "cancelled");
  }

  @Test
  void onGitLabAMergeRequestFailsThatNeedsMoreSynopsThanMain() throws Exception {
    assertThat(gitlab("main", Map.of("FILE", job("gitlab", 3, 1))).waitFor()).as(output()).isZero();
    assertThat(folder.resolve("junit.xml")).exists();
    var mergeRequest =
        gitlab(
            "wider",
            Map.of(
                "FILE",
                job("gitlab", 3, 60),
                "BASELINE",
                "branch=main",
                "GATE",
                "synops<=baseline"));
    assertThat(mergeRequest.waitFor()).as(output()).isEqualTo(1);
    assertThat(output()).contains("Gate failed: synops was");
    assertThat(Files.readString(folder.resolve("report.md"))).contains("**failed**");
  }

  private Process github(Map<String, String> inputs) throws IOException {
    Map<String, Object> action = yaml("src/main/ci/action.yml");
    var given = new HashMap<>(inputs);
    given.put("jar", "spikewise.jar");
    given.put("server", server());
    var steps = (List<?>) map(action.get("runs")).get("steps");
    var step = map(steps.getLast());
    var environment = new HashMap<String, String>();
    map(step.get("env"))
        .forEach(
            (name, value) -> environment.put((String) name, filled((String) value, action, given)));
    environment.put("GITHUB_REPOSITORY", "spikewise/example");
    environment.put("GITHUB_RUN_ID", Integer.toString(inputs.hashCode()));
    environment.put("GITHUB_RUN_ATTEMPT", "1");
    environment.put("GITHUB_JOB", "train");
    environment.put("GITHUB_STEP_SUMMARY", folder.resolve("summary").toString());
    return bash((String) step.get("run"), environment);
  }

  /** Values of ${{ inputs.NAME }} and ${{ runner.temp }}. */
  private String filled(String text, Map<String, Object> action, Map<String, String> inputs) {
    var filled = text.replace("${{ runner.temp }}", folder.toString());
    for (var input : map(action.get("inputs")).entrySet()) {
      var value =
          inputs.getOrDefault(input.getKey(), (String) map(input.getValue()).get("default"));
      filled = filled.replace("${{ inputs." + input.getKey() + " }}", String.valueOf(value));
    }
    assertThat(filled).doesNotContain("${{");
    return filled;
  }

  private Process gitlab(String branch, Map<String, String> variables) throws IOException {
    var job = map(yaml("src/main/ci/gitlab.yml").get(".spikewise"));
    var environment = new HashMap<>(variables);
    map(job.get("variables"))
        .forEach((name, value) -> environment.put((String) name, (String) value));
    environment.put("SPIKEWISE_SERVER", server());
    environment.put("CI_COMMIT_REF_NAME", branch);
    environment.put("CI_JOB_URL", "https://gitlab.example.org/jobs/" + branch);
    return bash((String) ((List<?>) job.get("script")).getFirst(), environment);
  }

  private Process bash(String script, Map<String, String> environment) throws IOException {
    var file = Files.writeString(folder.resolve("script"), script).toString();
    var process =
        new ProcessBuilder("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", file)
            .directory(folder.toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(folder.resolve("err").toFile());
    process.environment().putAll(environment);
    process.environment().merge("PATH", folder.resolve("bin") + ":", (path, bin) -> bin + path);
    return process.start();
  }

  private String output() throws IOException {
    return Files.readString(folder.resolve("err"));
  }

  private String job(String name, int epochs, int outputs) throws IOException {
    return Files.writeString(
            folder.resolve("job-" + outputs + ".json"), JOB.formatted(name, epochs, outputs))
        .toString();
  }

  private String server() {
    return "http://127.0.0.1:" + port;
  }

  private static Map<String, Object> yaml(String file) throws IOException {
    return new Yaml().load(Files.readString(Path.of(file)));
  }

  private static Map<?, ?> map(Object value) {
    return (Map<?, ?>) value;
  }
}
