package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** README and src/docs: their links lead somewhere, and their commands do what they say. */
class DocumentationTest extends ServiceTest {

  private static final Pattern BLOCK =
      Pattern.compile(
          "^```sh\\n(.*?)^```\\n(?:\\n```json\\n(.*?)^```$)?", Pattern.DOTALL | Pattern.MULTILINE);
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.+)$");

  private static List<Path> pages() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src/docs"))) {
      return Stream.concat(
              Stream.of("README.md", "CONTRIBUTING.md", "CHANGELOG.md").map(Path::of),
              files.filter(file -> file.toString().endsWith(".md")))
          .toList();
    }
  }

  @Test
  void everyRelativeLinkLeadsToAFileAndItsHeading() throws IOException {
    var broken = new ArrayList<String>();
    for (var page : pages()) {
      var links = LINK.matcher(Files.readString(page)).results().map(m -> m.group(1)).toList();
      for (String link : links) {
        if (link.contains("://") || link.startsWith("mailto:")) {
          continue;
        }
        var parts = link.split("#", 2);
        var target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        if (!Files.exists(target)
            || parts.length > 1 && !anchors(Files.readString(target)).contains(parts[1])) {
          broken.add(page + ": " + link);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static List<String> anchors(String page) {
    return HEADING
        .matcher(page)
        .results()
        .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
        .map(heading -> heading.replaceAll("[^a-z0-9 _-]", "").replace(' ', '-'))
        .toList();
  }

  @Test
  void readmeFitsOnAFewScreens() throws IOException {
    assertThat(Files.readAllLines(Path.of("README.md"))).hasSizeLessThanOrEqualTo(150);
  }

  @Test
  void serviceServesThePages() throws IOException {
    for (var page : pages()) {
      if (page.startsWith("src/docs")) {
        var served =
            get("/docs/" + Path.of("src/docs").relativize(page).toString().replace('\\', '/'));
        assertThat(served.statusCode()).as(page.toString()).isEqualTo(200);
        assertThat(served.body()).contains("<h1", "class=\"docs\"");
      }
    }
    assertThat(get("/docs").headers().firstValue("Location").orElseThrow()).endsWith("index.md");
    assertThat(get("/docs/images/job.png").statusCode()).isEqualTo(200);
    assertThat(get("/docs/images/ranks.svg").headers().firstValue("Content-Type").orElseThrow())
        .isEqualTo("image/svg+xml");
    problem(get("/docs/no-such-page.md"), 404, "not_found");
    problem(get("/docs/reference/settings.txt"), 404, "not_found");
  }

  @Needs(Part.SHELL_TOOLS)
  @ParameterizedTest
  @ValueSource(
      strings = {
        "README.md",
        "src/docs/quickstart.md",
        "src/docs/guides/budgets.md",
        "src/docs/guides/data.md",
        "src/docs/guides/monitoring.md"
      })
  void commandsPrintWhatThePageShows(String page, @TempDir Path folder) throws Exception {
    Files.copy(Path.of("src/main/resources/tutorial.json"), folder.resolve("tutorial.json"));
    var blocks = BLOCK.matcher(Files.readString(Path.of(page))).results().toList();
    Files.createFile(folder.resolve("variables.sh"));
    for (var block : blocks) {
      String commands = block.group(1);
      if (!commands.contains("mvn ")) {
        String printed = run(commands, folder);
        if (block.group(2) != null) {
          assertSameShape(json.readTree(block.group(2)), json.readTree(printed), page);
        }
      }
    }
    assertThat(blocks).isNotEmpty();
  }

  /** Runs one block; the variables that links are kept in last from block to block. */
  private String run(String commands, Path folder) throws IOException, InterruptedException {
    var script =
        """
        set -euo pipefail
        . ./variables.sh
        %s
        for v in JOB SWEEP; do [ -z "${!v:-}" ] || echo "$v='${!v}'"; done > variables.sh
        """
            .formatted(commands.replace("localhost:8080", "127.0.0.1:" + port));
    Files.writeString(folder.resolve("block.sh"), script);
    var output = folder.resolve("output.txt");
    var process =
        new ProcessBuilder("bash", "block.sh")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    if (!process.waitFor(3, TimeUnit.MINUTES)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      throw new AssertionError("no end after three minutes: " + commands);
    }
    String printed = Files.readString(output).strip();
    assertThat(process.exitValue()).as("%s%n%s", commands, printed).isZero();
    return printed;
  }

  private static void assertSameShape(JsonNode expected, JsonNode actual, String where) {
    assertThat(actual.getNodeType()).as("%s: %s", where, actual).isEqualTo(expected.getNodeType());
    for (var field : expected.properties()) {
      assertThat(actual.has(field.getKey())).as("%s: %s", where, field.getKey()).isTrue();
      assertSameShape(field.getValue(), actual.get(field.getKey()), where + " " + field.getKey());
    }
    if (expected.isString() && !expected.asString().isEmpty()) {
      assertThat(actual.asString()).as(where).isEqualTo(expected.asString());
    }
  }
}
