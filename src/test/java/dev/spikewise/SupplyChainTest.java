package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Checks of the bill of materials in the jar: licences of all libraries, and the page that lists
 * them.
 */
class SupplyChainTest {

  /** SPDX ids of licences that permit redistribution in the jar and the image. */
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
          // The bill of materials has no SPDX id for it.
          "GNU Lesser General Public License, Version 3",
          "ISC",
          "LGPL-2.1-only",
          "LGPL-2.1-or-later",
          "MIT",
          "MIT-0",
          "MPL-2.0",
          "UPL-1.0");

  /** Dependencies of ND4J that the kernels used here do not need. */
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
  void everyLibraryHasALicenceThatPermitsRedistribution() {
    var unknown = new TreeMap<String, String>();
    components()
        .filter(component -> choices(component).noneMatch(LICENCES::contains))
        .forEach(c -> unknown.put(c.get("purl").asString(), choices(c).toList().toString()));
    assertThat(unknown).isEmpty();
  }

  /** Licences of a library, of which the user may choose one. */
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
  void unneededDependenciesAreExcluded() {
    var names = components().map(c -> c.get("name").asString()).collect(Collectors.toSet());
    assertThat(names)
        .contains("nd4j-native", "spring-core", "jhdf")
        .doesNotContainAnyElementsOf(LEFT_OUT);
  }

  @Test
  void licencesPageListsEveryLibrary() throws IOException {
    var libraries = new TreeMap<String, TreeSet<String>>();
    components()
        .forEach(
            component ->
                libraries
                    .computeIfAbsent(licences(component), _ -> new TreeSet<>())
                    .add(
                        component.path("group").asString("")
                            + ":"
                            + component.get("name").asString()));
    assertThat(libraries).isNotEmpty();
    var page =
        new StringBuilder(
            """
            # Third-party licences

            Spikewise is licensed under the Apache License 2.0. Its jar and container image contain the libraries below. `SupplyChainTest` writes this page from the bill of materials that the build makes; `/actuator/sbom/application`
            returns the same bill of materials (CycloneDX) with versions and hashes. "A or B" means that either licence may be chosen.

            | content | licence texts and notices |
            |---|---|
            | Spikewise, and libraries without their own notices | `LICENSE` and `NOTICE` in `/app` of the image, or in `META-INF` of the jar |
            | libraries in the jar | `META-INF` of each library's jar in `/app/lib` of the image, or in `BOOT-INF/lib` of the jar |
            | Java runtime (Eclipse Temurin) | `/opt/java/legal` of the image |
            | Debian packages, with the DejaVu fonts | `/usr/share/doc/*/copyright` of the image |
            | data set `digits` | CC BY 4.0, UCI Optical Recognition of Handwritten Digits |
            """);
    libraries.forEach(
        (licence, names) -> {
          page.append("\n## ").append(licence).append("\n\n");
          names.forEach(name -> page.append("* `").append(name).append("`\n"));
        });
    WrittenPage.assertUpToDate(
        Path.of("src/docs/reference").resolve("licences.md"), page.toString());
  }

  private static String licences(JsonNode component) {
    return component
        .path("licenses")
        .valueStream()
        .map(
            choice ->
                choice.has("expression")
                    ? choice.get("expression").asString()
                    : choice.at("/license/id").asString(choice.at("/license/name").asString("")))
        .sorted()
        .collect(Collectors.joining(" or "));
  }
}
