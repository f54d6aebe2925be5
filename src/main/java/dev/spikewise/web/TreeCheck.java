package dev.spikewise.web;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Spelling;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares JSON with the record types that it will be bound to and reports every value that does
 * not fit; Jackson would stop at the first. Such values are removed from the tree, so that the rest
 * can be bound and checked as well.
 */
public final class TreeCheck {

  private final JsonMapper json;
  private final int listEntries;

  public TreeCheck(JsonMapper json, int listEntries) {
    this.json = json;
    this.listEntries = listEntries;
  }

  /** Reports the list at which the total number of entries of all lists exceeds {@code most}. */
  static boolean hasFewEntries(JsonNode tree, int most, Mistakes mistakes) {
    return count(tree, most, most, mistakes) >= 0;
  }

  /** Number of entries left of {@code most}; negative once the excess has been reported. */
  private static int count(JsonNode node, int left, int most, Mistakes at) {
    int rest = left;
    if (node instanceof ArrayNode array) {
      rest -= array.size();
      if (rest < 0) {
        at.add(
            "must have fewer entries: all lists together may have at most %d (spikewise.limits.entries)"
                .formatted(most));
      }
      for (int i = 0; i < array.size() && rest >= 0; i++) {
        rest = array.get(i).isContainer() ? count(array.get(i), rest, most, at.in(i)) : rest;
      }
    } else if (node instanceof ObjectNode object) {
      for (var property : object.properties()) {
        if (rest >= 0 && property.getValue().isContainer()) {
          rest = count(property.getValue(), rest, most, at.in(property.getKey()));
        }
      }
    }
    return rest;
  }

  /** Whether {@code node} fits {@code type} and can stay in the tree. */
  boolean fits(JsonNode node, JavaType type, Mistakes at) {
    var raw = type.getRawClass();
    if (type.isCollectionLikeType()) {
      return array(node, type.getContentType(), at);
    }
    if (type.isMapLikeType()) {
      return map(node, type.getContentType(), at);
    }
    var subTypes = subTypes(raw).filter(subType -> raw.isAssignableFrom(subType.value())).toList();
    if (!subTypes.isEmpty()) {
      return oneOf(node, subTypes, at);
    }
    if (!isPlainRecord(raw)) {
      return leaf(node, raw, at);
    }
    var unwrapped =
        Arrays.stream(raw.getRecordComponents())
            .filter(c -> c.getAccessor().isAnnotationPresent(JsonUnwrapped.class))
            .filter(c -> c.getType().isAnnotationPresent(JsonSubTypes.class))
            .findFirst();
    return unwrapped.isPresent()
        ? oneOf(node, subTypes(unwrapped.get().getType()).toList(), at, raw.getRecordComponents())
        : object(node, at, Set.of(), raw.getRecordComponents());
  }

  private boolean array(JsonNode node, JavaType element, Mistakes at) {
    if (!(node instanceof ArrayNode array)) {
      return wrong("a list", node, at);
    }
    if (array.size() > listEntries) {
      at.add(
          "must have at most %d entries (spikewise.limits.list-entries) but has %d"
              .formatted(listEntries, array.size()));
      return false;
    }
    boolean allFit = true;
    for (int i = 0; i < array.size() && !at.isFull(); i++) {
      if (!fits(array.get(i), element, at.in(i))) {
        allFit = false;
        array.setNull(i);
      }
    }
    // An entry that does not fit becomes null in a list of objects, so that the others keep their
    // index.
    return allFit
        || element.getRawClass().isAnnotationPresent(JsonSubTypes.class)
        || isPlainRecord(element.getRawClass());
  }

  private boolean map(JsonNode node, JavaType value, Mistakes at) {
    if (!(node instanceof ObjectNode object)) {
      return wrong("an object", node, at);
    }
    for (var name : List.copyOf(object.propertyNames())) {
      if (at.isFull()) {
        break;
      }
      if (!fits(object.get(name), value, at.in(name))) {
        object.remove(name);
      }
    }
    return true;
  }

  /** Named variants of {@code type}, or of the interface that it implements. */
  private static Stream<JsonSubTypes.Type> subTypes(Class<?> type) {
    var here = type.getAnnotation(JsonSubTypes.class);
    return here == null
        ? Arrays.stream(type.getInterfaces()).flatMap(TreeCheck::subTypes)
        : Arrays.stream(here.value());
  }

  /**
   * @param besides components of the record into which the variant is unwrapped
   */
  private boolean oneOf(
      JsonNode node, List<JsonSubTypes.Type> subTypes, Mistakes at, RecordComponent... besides) {
    var types = new LinkedHashMap<String, Class<?>>();
    for (var subType : subTypes) {
      if (!subType.name().isEmpty()) {
        types.put(subType.name(), subType.value());
      }
      for (var name : subType.names()) {
        types.put(name, subType.value());
      }
    }
    if (!node.isObject()) {
      return wrong("an object with a type", node, at);
    }
    var type = node.get("type");
    if (type == null) {
      at.in("type").add("is missing: must be one of " + String.join(", ", types.keySet()));
      return false;
    }
    if (!type.isString() || !types.containsKey(type.asString())) {
      return word(types.keySet(), type, at.in("type"));
    }
    var variant = Objects.requireNonNull(types.get(type.asString()));
    return object(
        node,
        at,
        Set.of("type"),
        Stream.of(variant.getRecordComponents(), besides)
            .flatMap(Arrays::stream)
            .filter(c -> !c.getAccessor().isAnnotationPresent(JsonUnwrapped.class))
            .toArray(RecordComponent[]::new));
  }

  private boolean object(
      JsonNode node, Mistakes at, Set<String> besides, RecordComponent... known) {
    if (!(node instanceof ObjectNode object)) {
      return wrong("an object", node, at);
    }
    var components = new LinkedHashMap<String, RecordComponent>();
    for (var component : known) {
      components.put(nameOf(component, json), component);
    }
    for (var name : List.copyOf(object.propertyNames())) {
      if (at.isFull()) {
        // No further mistakes are reported, so comparing more names would be wasted work.
        break;
      }
      var component = components.get(name);
      if (component == null) {
        if (!besides.contains(name)) {
          at.in(name)
              .add("is not a property of this object" + knownWords(components.keySet(), name));
          object.remove(name);
        }
      } else if (!object.get(name).isNull()
          && !fits(object.get(name), json.constructType(component.getGenericType()), at.in(name))) {
        object.remove(name);
      }
    }
    return true;
  }

  /** Name of a component in JSON. */
  public static String nameOf(RecordComponent component, JsonMapper json) {
    var given = component.getAccessor().getAnnotation(JsonProperty.class);
    if (given != null) {
      return given.value();
    }
    return PropertyNamingStrategies.SNAKE_CASE.nameForField(
        json.deserializationConfig(), null, component.getName());
  }

  private boolean leaf(JsonNode node, Class<?> type, Mistakes at) {
    if (type == Integer.class || type == int.class) {
      return node.isIntegralNumber() && node.canConvertToInt()
          || wrong("a whole number of at most 32 bits", node, at);
    }
    if (type == Long.class || type == long.class) {
      return node.isIntegralNumber() && node.canConvertToLong()
          || wrong("a whole number", node, at);
    }
    if (type == Double.class || type == double.class) {
      return node.isNumber() && !(node.isBigInteger() && node.bigIntegerValue().bitLength() > 1023)
          || wrong("a number of 64 bits", node, at);
    }
    if (type == Boolean.class || type == boolean.class) {
      return node.isBoolean() || wrong("true or false", node, at);
    }
    if (type == String.class) {
      return node.isString() || wrong("a string", node, at);
    }
    if (type.isEnum()) {
      var words =
          Arrays.stream(type.getEnumConstants()).map(c -> json.valueToTree(c).asString()).toList();
      return node.isString() && words.contains(node.asString()) || word(words, node, at);
    }
    try {
      json.treeToValue(node, type);
      return true;
    } catch (JacksonException e) {
      // The message of a factory method is written for users; Jackson's other messages are about
      // classes.
      at.add(
          e.getCause() instanceof IllegalArgumentException cause
              ? String.valueOf(cause.getMessage())
              : "has a value that cannot be used here");
      return false;
    }
  }

  private static boolean wrong(String expected, JsonNode node, Mistakes at) {
    at.add("must be " + expected + " but was " + excerpt(node));
    return false;
  }

  private static boolean word(Collection<String> words, JsonNode node, Mistakes at) {
    String near =
        Spelling.nearest(node.asString(""), words)
            .map(word -> "; did you mean " + word + "?")
            .orElse("");
    at.add("must be one of " + String.join(", ", words) + " but was " + excerpt(node) + near);
    return false;
  }

  private static String excerpt(JsonNode node) {
    String text = node.toString();
    return text.length() <= 60 ? text : text.substring(0, 57) + "...";
  }

  private static String knownWords(Collection<String> words, String word) {
    return Spelling.nearest(word, words)
        .map(near -> "; did you mean " + near + "?")
        .orElse(
            words.isEmpty()
                ? "; no properties are allowed"
                : "; allowed are " + String.join(", ", words));
  }

  /** Whether Jackson reads the record property by property rather than through a factory method. */
  private static boolean isPlainRecord(Class<?> type) {
    return type.isRecord()
        && Arrays.stream(type.getDeclaredMethods())
            .noneMatch(m -> m.isAnnotationPresent(JsonCreator.class));
  }
}
