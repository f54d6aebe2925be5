package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;

/**
 * Zeros at both ends of a one-dimensional input: a number, {@code "valid"} for 0, or {@code "same"}
 * for as many as keep the length.
 *
 * @param size number of zeros at each end; -1 for {@code "same"} until the layer has turned it into
 *     a number
 */
public record Padding1(int size) {

  public static final Padding1 ZERO = new Padding1(0);
  public static final Padding1 SAME = new Padding1(-1);

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static Padding1 of(Object json) {
    return switch (json) {
      case Integer n -> new Padding1(n);
      case String word when word.equals("same") -> SAME;
      case String word when word.equals("valid") -> ZERO;
      case null, default ->
          throw new IllegalArgumentException(
              "must be a whole number, \"same\" or \"valid\" but was " + json);
    };
  }

  @JsonValue
  public Object json() {
    return equals(SAME) ? "same" : (Object) size;
  }

  @Override
  public String toString() {
    return json().toString();
  }
}
