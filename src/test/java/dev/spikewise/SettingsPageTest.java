package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The page of settings, written from the metadata that the build derives from their records. */
class SettingsPageTest {

  private static final String METADATA = "META-INF/spring-configuration-metadata.json";

  private static final Map<String, String> UNITS =
      Map.of(
          "java.time.Duration", "duration",
          "org.springframework.util.unit.DataSize", "size",
          "java.lang.Integer", "number",
          "java.lang.Long", "number",
          "java.lang.Double", "number",
          "java.lang.Boolean", "true or false",
          "java.lang.String", "text");

  @Test
  void everySettingIsDescribedOnThePage() throws IOException {
    var settings = settings();
    assertThat(settings).isNotEmpty();
    settings.forEach(
        (name, setting) ->
            assertThat(setting.path("description").asString("").split("\\s+"))
                .as("Javadoc of %s", name)
                .hasSizeGreaterThanOrEqualTo(4));
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/settings.md"), page(settings));
  }

  private static String page(Map<String, JsonNode> settings) {
    var page =
        new StringBuilder(
            """
            # Settings

            Every setting of Spikewise, with its default. Give one as an argument (`--spikewise.jobs.workers=2`), as an
            environment variable (`SPIKEWISE_JOBS_WORKERS=2`), or in `application.yaml` in the working directory. A duration is a
            number with `ms`, `s`, `m`, `h` or `d`; a size is a number with `KB`, `MB` or `GB`. Spring Boot's own settings
            (`server.port`, `spring.datasource.url`, `logging.level` and so on) work too. `SettingsPageTest` writes this page from
            the settings records and fails where it is out of date.

            | setting | type | default | effect |
            |---|---|---|---|
            | `spikewise.data-dir` | text | `./data` | Folder of the embedded database. |
            """);
    settings.forEach(
        (name, setting) ->
            page.append(
                "| `%s` | %s | %s | %s |\n"
                    .formatted(name, type(setting), defaultValue(setting), description(setting))));
    return page.toString();
  }

  private static String type(JsonNode setting) {
    String type = setting.get("type").asString();
    if (type.startsWith("java.util.List")) {
      return "list";
    }
    return type.startsWith("java.util.Map")
        ? "map"
        : Objects.requireNonNullElse(UNITS.get(type), "word");
  }

  private static String defaultValue(JsonNode setting) {
    var value = setting.get("defaultValue");
    if (value == null) {
      return "";
    }
    return value.isArray()
        ? "`" + String.join(", ", value.valueStream().map(JsonNode::asString).toList()) + "`"
        : "`" + value.asString() + "`";
  }

  private static String description(JsonNode setting) {
    return setting.get("description").asString().replaceAll("\\{@code ([^}]*)}", "`$1`");
  }

  /** The settings of the service; the tests' own class path has some more. */
  private static Map<String, JsonNode> settings() throws IOException {
    var settings = new TreeMap<String, JsonNode>();
    for (var file :
        Collections.list(SettingsPageTest.class.getClassLoader().getResources(METADATA))) {
      try (var in = file.openStream()) {
        for (JsonNode property : new JsonMapper().readTree(in).get("properties")) {
          String name = property.get("name").asString();
          if (name.startsWith("spikewise.")
              && !property
                  .path("sourceType")
                  .asString("")
                  .startsWith(TestSettings.class.getName())) {
            settings.put(name, property);
          }
        }
      }
    }
    return settings;
  }
}
