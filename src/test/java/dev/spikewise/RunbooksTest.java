package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Whoever is woken by an alert finds what to do about it. */
class RunbooksTest {

  private static final Pattern ALERT =
      Pattern.compile("- alert: (\\w+).*?runbook_url: (\\S+)#(\\S+)", Pattern.DOTALL);

  @Test
  void everyAlertLinksItsChapter() throws Exception {
    var rules = Files.readString(Path.of("src/main/docker/prometheus/rules.yml"));
    var alerts = ALERT.matcher(rules).results().toList();
    assertThat(alerts).hasSize(rules.split("- alert: ").length - 1).isNotEmpty();
    for (var alert : alerts) {
      assertThat(alert.group(3)).isEqualTo(alert.group(1).toLowerCase(Locale.ROOT));
      assertThat(Files.readString(Path.of(alert.group(2))))
          .contains("\n## " + alert.group(1) + "\n");
    }
  }
}
