package dev.spikewise.cli;

import dev.spikewise.WrittenPage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The page of commands, written from what they print as their help. */
class CliPageTest {

  @Test
  void everyCommandIsOnThePage() throws IOException {
    var page =
        new StringBuilder(
            """
            # Command line

            `java -jar spikewise.jar COMMAND`, or `docker run --rm -i spikewise COMMAND`. Without a command the service starts. A
            command prints one JSON document to standard output and everything else to standard error. `CliPageTest` writes this page.

            | exit code | meaning |
            |---|---|
            | 0 | passed |
            | 1 | a gate failed |
            | 2 | invalid input |
            | 3 | training failed |
            | 4 | cancelled |
            | 5 | timed out |
            | 6 | server not reachable, or not permitted |
            | 130 | interrupted |
            """);
    for (var command : List.of("", "train", "submit", "validate", "analyze", "report")) {
      page.append("\n## ").append(command.isEmpty() ? "Overview" : command).append("\n\n```text\n");
      page.append(help(command)).append("```\n");
    }
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/cli.md"), page.toString());
  }

  private static String help(String command) {
    var out = new StringWriter();
    var err = new PrintWriter(new StringWriter());
    if (command.isEmpty()) {
      Cli.run(new PrintWriter(out, true), err, "--help");
    } else {
      Cli.run(new PrintWriter(out, true), err, command, "--help");
    }
    return out.toString().replaceAll("(?m)\\s+$", "") + "\n";
  }
}
