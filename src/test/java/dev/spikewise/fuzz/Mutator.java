package dev.spikewise.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Damages what is whole, the same way for the same seed. */
final class Mutator {

  private static final JsonMapper JSON = new JsonMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** Numbers at the borders of what fits somewhere. */
  private static final List<String> NUMBERS =
      List.of(
          "0",
          "-0",
          "1",
          "-1",
          "2",
          "0.5",
          "3.0",
          "1e-320",
          "1e39",
          "1e308",
          "1e309",
          "-1e309",
          "1e999999999",
          "1e-999999999",
          "127",
          "32768",
          "46341",
          "65536",
          "2147483647",
          "2147483648",
          "-2147483648",
          "4294967296",
          "9007199254740993",
          "9223372036854775807",
          "9223372036854775808",
          "123456789012345678901234567890",
          "9".repeat(400));

  private static final List<String> TEXTS =
      List.of(
          "",
          " ",
          "a",
          "null",
          "0",
          "-1",
          "NaN",
          "Infinity",
          "true",
          "../../etc/passwd",
          "..%2f..%2f",
          "%00",
          "a\u0000b",
          "\u202e",
          "\ud800",
          "\ud83d\ude00",
          "é",
          "<script>alert(1)</script>",
          "' or 1=1 --",
          "${jndi:ldap://127.0.0.1/x}",
          "#{7*7}",
          "00000000-0000-0000-0000-000000000000",
          "2147483648",
          "9223372036854775807",
          "-9223372036854775809",
          "1-1-1",
          "999999999-999999999-999999999",
          "synops",
          "digits",
          "x".repeat(300),
          "x".repeat(3000),
          "\r\nX: y",
          "a:b",
          ":",
          "queued,running",
          "1,28,28");

  final Random random;

  Mutator(long seed) {
    random = new Random(seed);
  }

  <T> T pick(List<T> among) {
    return among.get(random.nextInt(among.size()));
  }

  /** True with the given probability in percent. */
  boolean percent(int chance) {
    return random.nextInt(100) < chance;
  }

  String text() {
    return pick(TEXTS);
  }

  String number() {
    return pick(NUMBERS);
  }

  /** Any value that JSON can hold, odd ones more often than not. */
  JsonNode value() {
    return switch (random.nextInt(9)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(random.nextBoolean());
      case 2, 3, 4 -> JSON.readTree(number());
      case 5, 6 -> NODES.stringNode(text());
      case 7 -> NODES.objectNode().set(text(), JSON.readTree(number()));
      default -> {
        var array = NODES.arrayNode();
        for (int n = random.nextInt(4); n > 0; n--) {
          array.add(JSON.readTree(number()));
        }
        yield array;
      }
    };
  }

  /** A copy in which one to three places are another value, gone, doubled, renamed or added. */
  JsonNode mutate(JsonNode whole) {
    JsonNode damaged = whole.deepCopy();
    for (int n = random.nextInt(3); n >= 0; n--) {
      var places = new ArrayList<JsonNode>();
      collect(damaged, places);
      if (places.isEmpty()) {
        return value();
      }
      change(pick(places));
    }
    return damaged;
  }

  private static void collect(JsonNode node, List<JsonNode> places) {
    if (node.isContainer()) {
      places.add(node);
      node.values().forEach(child -> collect(child, places));
    }
  }

  private void change(JsonNode place) {
    if (place instanceof ObjectNode object) {
      var names = List.copyOf(object.propertyNames());
      var name = names.isEmpty() ? text() : pick(names);
      switch (random.nextInt(6)) {
        case 0 -> object.remove(name);
        case 1 -> object.set(name + "s", value());
        case 2 -> object.set(text(), value());
        default -> object.set(name, value());
      }
    } else if (place instanceof ArrayNode array) {
      int i = array.isEmpty() ? 0 : random.nextInt(array.size());
      switch (array.isEmpty() ? 4 : random.nextInt(6)) {
        case 0 -> array.remove(i);
        case 1 -> array.insert(i, array.get(i).deepCopy());
        case 2 -> {
          for (int n = pick(List.of(30, 300, 5000)); n > 0; n--) {
            array.add(array.get(i).deepCopy());
          }
        }
        case 3 -> array.set(i, value());
        default -> array.add(value());
      }
    }
  }

  /** What a broken sender makes of a JSON text. */
  byte[] garble(String json) {
    return switch (random.nextInt(9)) {
      case 0 -> mutate(json.getBytes(StandardCharsets.UTF_8));
      case 1 ->
          json.substring(0, random.nextInt(json.length() + 1)).getBytes(StandardCharsets.UTF_8);
      case 2 ->
          json.replaceFirst(
                  "[0-9]+", pick(List.of("NaN", "Infinity", "-Infinity", "0x10", "1e", "01")))
              .getBytes(StandardCharsets.UTF_8);
      case 3 ->
          json.replaceFirst("\\{", "{\"name\":\"a\",\"name\":\"b\",")
              .getBytes(StandardCharsets.UTF_8);
      case 4 -> json.getBytes(StandardCharsets.UTF_16);
      case 5 ->
          ("[".repeat(pick(List.of(400, 600, 100_000))) + json).getBytes(StandardCharsets.UTF_8);
      case 6 ->
          ("{\"model\":".repeat(pick(List.of(100, 600))) + json).getBytes(StandardCharsets.UTF_8);
      case 7 -> (json + json).getBytes(StandardCharsets.UTF_8);
      default -> ("\ufeff" + json).getBytes(StandardCharsets.UTF_8);
    };
  }

  /** A copy with bytes changed, cut out, doubled or put in. */
  byte[] mutate(byte[] whole) {
    if (whole.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    byte[] damaged = whole.clone();
    // Headers come first in every format, so half of the changes go there.
    int range = random.nextBoolean() ? whole.length : Math.min(whole.length, 2048);
    for (int n = random.nextInt(8); n >= 0; n--) {
      damaged[random.nextInt(range)] =
          switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> (byte) (" 0123456789-+.eE,:;\"'{}[]()").charAt(random.nextInt(27));
            default -> (byte) random.nextInt();
          };
    }
    int at = random.nextInt(range);
    return switch (random.nextInt(8)) {
      case 0 -> Arrays.copyOf(damaged, at);
      case 1 -> Arrays.copyOfRange(damaged, at, damaged.length);
      case 2 -> {
        var doubled = Arrays.copyOf(damaged, damaged.length + Math.min(64, damaged.length - at));
        System.arraycopy(damaged, at, doubled, damaged.length, doubled.length - damaged.length);
        yield doubled;
      }
      default -> damaged;
    };
  }
}
