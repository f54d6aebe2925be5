package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.WrittenPage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The pages of src/docs/reference that are derived from the OpenAPI document. */
class ReferencePagesTest extends ServiceTest {

  private static final Path FOLDER = Path.of("src/docs/reference");

  private JsonNode document;

  @BeforeEach
  void readTheDocument() {
    document = body(get("/v3/api-docs"));
  }

  @Test
  void restPageListsEveryOperation() throws IOException {
    var rows = new TreeMap<String, StringBuilder>();
    for (var path : document.get("paths").properties()) {
      for (var method : path.getValue().properties()) {
        var operation = method.getValue();
        rows.computeIfAbsent(operation.at("/tags/0").asString("Other"), _ -> new StringBuilder())
            .append(
                "| `%s` | `%s` | %s |\n"
                    .formatted(
                        method.getKey().toUpperCase(java.util.Locale.ROOT),
                        path.getKey().replace("/api/v1", ""),
                        cell(operation.get("summary"))));
      }
    }
    assertThat(rows).isNotEmpty();
    var page =
        new StringBuilder(
            """
            # REST reference

            Base path `/api/v1`, JSON in snake_case. The OpenAPI document at `/v3/api-docs` describes every field; `/swagger-ui.html`
            lets you try it out, and [requests.http](requests.http) holds a request per operation. `ReferencePagesTest` writes this
            page.

            * **Errors** are `application/problem+json` with a fixed [`code`](errors.md) and every mistake under its JSON pointer.
            * **Lists** answer `{"data": [...], "next_cursor": ...}`; pass `next_cursor` as `cursor` to get the next page, and `limit`
              (at most 200) for its size. [Lists of jobs](../guides/api.md) can be sorted and filtered.
            * **Parameters** that an operation does not have are refused with 400, as are those given more often than it reads.
            * **`fields=id,status,latest.synops`** narrows a list or resource to these fields.
            * **`Idempotency-Key`** on a POST: repeating key and body returns the first answer; another body is 422.
            * **`ETag`, `If-None-Match`, `Prefer: wait=30`** on a job: poll cheaply, or wait until its state or epoch changes.
            * **`If-Match`** on PATCH, PUT and DELETE changes only the version that it names; another version is a 412.
            * **PATCH** takes a JSON Merge Patch: properties left out stay, `{"labels": {"old": null}}` removes one label.
            * **Event streams**: `Accept: text/event-stream` on `/jobs/{id}/events` and `/jobs/events`; `Last-Event-ID` continues after
              a lost connection or a restart.
            """);
    rows.forEach(
        (tag, operations) ->
            page.append("\n## ")
                .append(tag)
                .append("\n\n| method | path | |\n|---|---|---|\n")
                .append(operations));
    WrittenPage.assertUpToDate(FOLDER.resolve("rest.md"), page.toString());
  }

  @Test
  void layersPageListsEveryLayerWithItsOptions() throws IOException {
    var page =
        new StringBuilder(
            """
            # Layers and neurons

            Names, options and defaults are those of PyTorch and sinabs. `ReferencePagesTest` writes this page from the OpenAPI
            document. Time constants are in time steps.
            """);
    var layers = variants(document.at("/components/schemas"));
    assertThat(layers).hasSizeGreaterThan(10);
    layers.forEach(
        (name, schema) -> {
          page.append("\n## ").append(name.replaceAll("Layer$", "")).append("\n\n");
          page.append(text(schema)).append("\n");
          var options = schema.path("properties").properties();
          if (options.stream().anyMatch(option -> !option.getKey().equals("type"))) {
            page.append("\n| option | default | |\n|---|---|---|\n");
            options.stream()
                .filter(option -> !option.getKey().equals("type"))
                .forEach(
                    option ->
                        page.append(
                            "| `%s` | %s | %s |\n"
                                .formatted(
                                    option.getKey(),
                                    option.getValue().has("default")
                                        ? "`" + option.getValue().get("default") + "`"
                                        : "",
                                    cell(option.getValue().get("description")))));
          }
        });
    WrittenPage.assertUpToDate(FOLDER.resolve("layers.md"), page.toString());
  }

  private static Map<String, JsonNode> variants(JsonNode schemas) {
    return schemas.properties().stream()
        .filter(schema -> schema.getKey().endsWith("Layer"))
        .sorted(Comparator.comparing(Map.Entry::getKey))
        .collect(
            Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, _) -> a, TreeMap::new));
  }

  private static String text(JsonNode schema) {
    return schema.path("description").asString("").strip();
  }

  private static String cell(JsonNode text) {
    return text == null ? "" : text.asString("").replaceAll("\\s+", " ").replace("|", "\\|");
  }
}
