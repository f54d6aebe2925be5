package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Effect of a spike on the membrane potential: {@code "subtract"} subtracts the threshold per
 * spike, <code>{"subtract": q}</code> subtracts q, {@code "reset"} sets the potential to 0, <code>
 * {"reset": r}</code> to r. sinabs' MembraneSubtract and MembraneReset.
 *
 * @param value q or r; null in a subtract by the threshold
 */
public record ResetFn(Kind kind, @Nullable Double value) {

  public enum Kind {
    SUBTRACT,
    RESET
  }

  public static final ResetFn SUBTRACT = new ResetFn(Kind.SUBTRACT, null);
  public static final ResetFn RESET = new ResetFn(Kind.RESET, 0.0);

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static ResetFn of(Object json) {
    if ("subtract".equals(json)) {
      return SUBTRACT;
    }
    if ("reset".equals(json)) {
      return RESET;
    }
    if (json instanceof Map<?, ?> map && map.size() == 1) {
      if (map.get("subtract") instanceof Number q && Double.isFinite(q.doubleValue())) {
        return new ResetFn(Kind.SUBTRACT, q.doubleValue());
      }
      if (map.get("reset") instanceof Number r && Double.isFinite(r.doubleValue())) {
        return new ResetFn(Kind.RESET, r.doubleValue());
      }
    }
    throw new IllegalArgumentException(
        "must be \"subtract\", \"reset\", {\"subtract\": number} or {\"reset\": number} but was "
            + json);
  }

  @JsonValue
  public Object json() {
    return switch (kind) {
      case SUBTRACT -> value == null ? "subtract" : Map.of("subtract", value);
      case RESET -> value == null || value == 0 ? "reset" : Map.of("reset", value);
    };
  }
}
