package dev.spikewise.web;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Parses the label filters of lists. */
public final class LabelQuery {

  /** Maximum number of filters of one kind. */
  private static final int MAX_FILTERS = 16;

  private LabelQuery() {}

  /** Refuses a query with too many filters of one kind. */
  public static void atMost(List<String> filters, String name) {
    if (filters.size() > MAX_FILTERS) {
      throw refusal(
          name + " may be given at most " + MAX_FILTERS + " times but was given " + filters.size());
    }
  }

  /**
   * Parses label filters.
   *
   * @param pairs each key:value, with a backslash before a colon or backslash in the key
   */
  public static Map<String, String> parse(@Nullable List<String> pairs) {
    if (pairs == null) {
      return Map.of();
    }
    atMost(pairs, "label");
    var labels = new LinkedHashMap<String, String>();
    for (var pair : pairs) {
      var key = new StringBuilder();
      int at = 0;
      while (at < pair.length() && pair.charAt(at) != ':') {
        if (pair.charAt(at) == '\\' && at + 1 < pair.length()) {
          at++;
        }
        key.append(pair.charAt(at++));
      }
      if (at == pair.length() || key.isEmpty()) {
        throw refusal("label must be key:value but was " + pair);
      }
      var content = pair.substring(at + 1);
      var other = labels.put(key.toString(), content);
      if (other != null && !other.equals(content)) {
        throw refusal(
            "label %s may be given once, because a resource has one value per key, but was given as %s and %s"
                .formatted(key, other, content));
      }
    }
    return labels;
  }

  private static ProblemException refusal(String detail) {
    return new ProblemException(Code.INVALID_PARAMETER, detail);
  }
}
