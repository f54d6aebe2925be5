package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;

/**
 * Spikes that a membrane potential emits per time step: {@code "multi"} any number, {@code
 * "single"} at most one, <code>{"max": k}</code> at most k. sinabs' MultiSpike, SingleSpike and
 * MaxSpike.
 */
public record SpikeFn(Kind kind, int max) {

  public enum Kind {
    MULTI,
    SINGLE,
    MAX
  }

  public static final SpikeFn MULTI = new SpikeFn(Kind.MULTI, Integer.MAX_VALUE);
  public static final SpikeFn SINGLE = new SpikeFn(Kind.SINGLE, 1);

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static SpikeFn of(Object json) {
    if ("multi".equals(json)) {
      return MULTI;
    }
    if ("single".equals(json)) {
      return SINGLE;
    }
    if (json instanceof Map<?, ?> map
        && map.size() == 1
        && map.get("max") instanceof Integer max
        && max >= 1) {
      return new SpikeFn(Kind.MAX, max);
    }
    throw new IllegalArgumentException(
        "must be \"multi\", \"single\" or {\"max\": k} with k at least 1 but was " + json);
  }

  @JsonValue
  public Object json() {
    return switch (kind) {
      case MULTI -> "multi";
      case SINGLE -> "single";
      case MAX -> Map.of("max", max);
    };
  }
}
