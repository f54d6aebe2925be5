package dev.spikewise.job;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.spec.SweepSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonPointer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/** Differences between JSON documents as values by JSON pointer (RFC 6901). */
public final class Variant {

  /** Pointer suffix for the end of a list, where a list of new entries is appended. */
  private static final String APPEND = "/-";

  private Variant() {}

  /**
   * Turns {@code job}, the common part of {@code sweep}, into the job of one combination of values.
   *
   * @param toJson converts a value to JSON
   * @throws InvalidSpecException when a pointer does not match any place in {@code job}
   */
  public static void apply(
      ObjectNode job,
      SweepSpec sweep,
      int combination,
      Function<@Nullable Object, JsonNode> toJson) {
    apply(job, sweep.values(combination), toJson);
    job.put("name", sweep.jobName(combination, 0));
  }

  /**
   * Sets the values of a trial at their paths in {@code job}.
   *
   * @param toJson converts a value to JSON
   * @throws InvalidSpecException when a path does not match any place in {@code job}
   */
  public static void apply(
      ObjectNode job,
      Map<String, @Nullable Object> values,
      Function<@Nullable Object, JsonNode> toJson) {
    values.forEach((path, value) -> put(job, SweepSpec.pointer(path), toJson.apply(value)));
  }

  /**
   * Sets the value at one pointer. Missing objects on the way are created, because a property with
   * a default may be left out.
   *
   * @throws InvalidSpecException when {@code pointer} does not match any place
   */
  private static void put(ObjectNode document, String pointer, JsonNode value) {
    var place = JsonPointer.compile(pointer);
    JsonNode node = document;
    for (; !place.tail().matches(); place = place.tail()) {
      node =
          node instanceof ObjectNode object && !object.has(place.getMatchingProperty())
              ? object.putObject(place.getMatchingProperty())
              : node.path(place.getMatchingProperty()).isMissingNode()
                  ? node.path(place.getMatchingIndex())
                  : node.path(place.getMatchingProperty());
    }
    if (node instanceof ObjectNode object) {
      object.set(place.getMatchingProperty(), value);
    } else if (node instanceof ArrayNode array && array.has(place.getMatchingIndex())) {
      array.set(place.getMatchingIndex(), value);
    } else {
      throw new InvalidSpecException(pointer, "names nothing in job");
    }
  }

  /** Applies the changes that {@link #changes} returns. */
  static void apply(ObjectNode document, JsonNode changes) {
    for (var change : changes.properties()) {
      var pointer = change.getKey();
      if (pointer.endsWith(APPEND)
          && document.at(pointer.substring(0, pointer.length() - APPEND.length()))
              instanceof ArrayNode list) {
        change.getValue().forEach(list::add);
      } else {
        put(document, pointer, change.getValue());
      }
    }
  }

  /** Values that turn {@code before} into {@code after}, by pointer. */
  static Map<String, JsonNode> changes(JsonNode before, JsonNode after) {
    var changes = new LinkedHashMap<String, JsonNode>();
    compare("", before, after, changes);
    return changes;
  }

  private static void compare(
      String at, @Nullable JsonNode before, JsonNode after, Map<String, JsonNode> changes) {
    if (before instanceof ObjectNode old && after instanceof ObjectNode object) {
      for (var name : object.propertyNames()) {
        compare(at + "/" + escape(name), old.get(name), object.get(name), changes);
      }
      old.propertyNames().stream()
          .filter(name -> !object.has(name))
          .forEach(name -> changes.put(at + "/" + escape(name), NullNode.getInstance()));
    } else if (before instanceof ArrayNode old
        && after instanceof ArrayNode array
        && old.size() <= array.size()) {
      for (int i = 0; i < old.size(); i++) {
        compare(at + "/" + i, old.get(i), array.get(i), changes);
      }
      if (old.size() < array.size()) {
        var added = array.arrayNode();
        for (int i = old.size(); i < array.size(); i++) {
          added.add(array.get(i));
        }
        changes.put(at + APPEND, added);
      }
    } else if (!after.equals(before)) {
      changes.put(at, after);
    }
  }

  private static String escape(String name) {
    return name.replace("~", "~0").replace("/", "~1");
  }
}
