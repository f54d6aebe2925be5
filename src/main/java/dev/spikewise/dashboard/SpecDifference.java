package dev.spikewise.dashboard;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * A setting in which the specs of several jobs differ.
 *
 * @param pointer where it is
 * @param values job by job; a dash where a spec has none
 */
record SpecDifference(String pointer, List<String> values) {

  static List<SpecDifference> between(List<JsonNode> specs) {
    var settings = specs.stream().map(SpecDifference::flat).toList();
    return settings.stream()
        .flatMap(one -> one.keySet().stream())
        .collect(Collectors.toCollection(TreeSet::new))
        .stream()
        .map(
            pointer ->
                new SpecDifference(
                    pointer, settings.stream().map(s -> s.getOrDefault(pointer, "–")).toList()))
        .filter(difference -> difference.values().stream().distinct().count() > 1)
        .toList();
  }

  /** Every leaf by its JSON pointer. */
  private static Map<String, String> flat(JsonNode spec) {
    var leaves = new TreeMap<String, String>();
    add(spec, "", leaves);
    return leaves;
  }

  private static void add(JsonNode node, String pointer, Map<String, String> leaves) {
    if (node.isObject()) {
      node.properties().forEach(e -> add(e.getValue(), pointer + "/" + e.getKey(), leaves));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        add(node.get(i), pointer + "/" + i, leaves);
      }
    } else if (!node.isNull()) {
      leaves.put(pointer, node.asString());
    }
  }
}
