package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The bill of materials that goes into the jar: every licence is one that we may pass on. */
class SupplyChainTest {

  /** SPDX ids and, where a project names its licence in its own words, those. */
  private static final Set<String> LICENCES =
      Set.of(
          "0BSD",
          "Apache-2.0",
          "BSD-2-Clause",
          "BSD-3-Clause",
          "CC0-1.0",
          "EDL-1.0",
          "EPL-1.0",
          "EPL-2.0",
          "ISC",
          "LGPL-2.1-only",
          "LGPL-2.1-or-later",
          "MIT",
          "MIT-0",
          "MPL-2.0",
          "UPL-1.0");

  /** Dependencies of ND4J that its kernels, as they are used here, do not need. */
  private static final Set<String> LEFT_OUT =
      Set.of("oshi-core", "jna", "commons-net", "kotlin-stdlib");

  private static Stream<JsonNode> components() {
    try (var in =
        Objects.requireNonNull(
            SupplyChainTest.class.getResourceAsStream("/META-INF/sbom/application.cdx.json"),
            "Maven writes the bill of materials in generate-resources")) {
      return new JsonMapper().readTree(in).get("components").valueStream();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void everyLicenceMayBePassedOn() {
    var unknown = new TreeMap<String, String>();
    components()
        .filter(component -> choices(component).noneMatch(LICENCES::contains))
        .forEach(c -> unknown.put(c.get("purl").asString(), choices(c).toList().toString()));
    assertThat(unknown).isEmpty();
  }

  /** One of several licences is enough. */
  private static Stream<String> choices(JsonNode component) {
    return component
        .path("licenses")
        .valueStream()
        .flatMap(
            choice ->
                choice.has("expression")
                    ? Stream.of(choice.get("expression").asString().split("[() ]+"))
                    : Stream.of(
                        choice
                            .at("/license/id")
                            .asString(choice.at("/license/name").asString(""))));
  }

  @Test
  void nothingIsThereThatCanBeAvoided() {
    var names = components().map(c -> c.get("name").asString()).collect(Collectors.toSet());
    assertThat(names)
        .contains("nd4j-native", "spring-core", "jhdf")
        .doesNotContainAnyElementsOf(LEFT_OUT);
  }
}
