package dev.spikewise.fuzz;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** What the service says of itself at /v3/api-docs. */
final class OpenApi {

  private static final Set<String> METHODS =
      Set.of("get", "put", "post", "delete", "patch", "options", "head");
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final JsonNode document;

  OpenApi(JsonNode document) {
    this.document = document;
  }

  /**
   * @param in "path", "query" or "header"
   */
  record Parameter(String name, String in, JsonNode schema) {}

  /**
   * @param bodies schemas by content type
   */
  record Operation(
      String method, String path, List<Parameter> parameters, Map<String, JsonNode> bodies) {

    @Override
    public String toString() {
      return method + " " + path;
    }
  }

  List<Operation> operations() {
    var operations = new ArrayList<Operation>();
    for (var path : document.get("paths").properties()) {
      for (var method : path.getValue().properties()) {
        if (METHODS.contains(method.getKey())) {
          operations.add(
              operation(
                  method.getKey().toUpperCase(Locale.ROOT), path.getKey(), method.getValue()));
        }
      }
    }
    return operations;
  }

  private static Operation operation(String method, String path, JsonNode operation) {
    var parameters = new ArrayList<Parameter>();
    for (var parameter : operation.path("parameters").values()) {
      parameters.add(
          new Parameter(
              parameter.path("name").asString(),
              parameter.path("in").asString(),
              parameter.path("schema")));
    }
    var bodies = new LinkedHashMap<String, JsonNode>();
    operation
        .path("requestBody")
        .path("content")
        .properties()
        .forEach(content -> bodies.put(content.getKey(), content.getValue().path("schema")));
    return new Operation(method, path, parameters, bodies);
  }

  /** Some value that {@code schema} allows, or nearly so. */
  JsonNode example(JsonNode schema, Mutator mutator, int depth) {
    var reference = schema.path("$ref").asString("");
    if (!reference.isEmpty()) {
      return example(document.at(reference.substring(1)), mutator, depth + 1);
    }
    for (var choice : List.of("oneOf", "anyOf", "allOf")) {
      if (schema.has(choice)) {
        var schemas = List.copyOf(schema.get(choice).values());
        return example(mutator.pick(schemas), mutator, depth);
      }
    }
    if (schema.has("enum")) {
      return mutator.pick(List.copyOf(schema.get("enum").values()));
    }
    if (depth > 6) {
      return mutator.value();
    }
    if (schema.has("properties")) {
      var object = NODES.objectNode();
      for (var property : schema.get("properties").properties()) {
        if (mutator.percent(60)) {
          object.set(property.getKey(), example(property.getValue(), mutator, depth + 1));
        }
      }
      return object;
    }
    return switch (type(schema)) {
      case "integer" -> NODES.numberNode(mutator.random.nextInt(5));
      case "number" -> NODES.numberNode(mutator.random.nextInt(9) / 4.0);
      case "boolean" -> NODES.booleanNode(mutator.random.nextBoolean());
      case "string" -> NODES.stringNode(mutator.text());
      case "array" -> {
        var array = NODES.arrayNode();
        for (int n = mutator.random.nextInt(4); n > 0; n--) {
          array.add(example(schema.path("items"), mutator, depth + 1));
        }
        yield array;
      }
      default -> mutator.value();
    };
  }

  /** OpenAPI 3.1 has lists of types, for what may be null. */
  private static String type(JsonNode schema) {
    var type = schema.path("type");
    return type.isArray() ? type.path(0).asString("") : type.asString("");
  }
}
