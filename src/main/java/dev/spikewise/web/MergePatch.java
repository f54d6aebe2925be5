package dev.spikewise.web;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Body of a PATCH: a JSON Merge Patch (RFC 7396). Properties that it leaves out stay as they are, a
 * null removes a property or an entry of a map.
 *
 * @param <T> record of the properties that can be changed
 */
public final class MergePatch<T> {

  /** Media type of a merge patch; application/json means the same. */
  public static final String TYPE = "application/merge-patch+json";

  private final ObjectNode changes;
  private final Class<T> type;
  private final BodyConverter bodies;
  private final JsonMapper json;

  MergePatch(ObjectNode changes, Class<T> type, BodyConverter bodies, JsonMapper json) {
    this.changes = changes;
    this.type = type;
    this.bodies = bodies;
    this.json = json;
  }

  /**
   * Returns {@code current} with the changes applied.
   *
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes in the patch
   */
  public T applyTo(T current) {
    var target = (ObjectNode) json.<JsonNode>valueToTree(current);
    for (var change : changes.properties()) {
      // Null values are kept here, so that an unknown property is reported.
      merge(target, change.getKey(), change.getValue());
    }
    return bodies.bind(target, json.constructType(type));
  }

  private static void merge(ObjectNode target, String name, JsonNode value) {
    if (!(value instanceof ObjectNode inner)) {
      target.set(name, value);
      return;
    }
    var object = target.get(name) instanceof ObjectNode present ? present : target.putObject(name);
    for (var change : inner.properties()) {
      if (change.getValue().isNull()) {
        object.remove(change.getKey());
      } else {
        merge(object, change.getKey(), change.getValue());
      }
    }
  }
}
