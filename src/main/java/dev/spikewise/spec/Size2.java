package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.problem.Mistakes;
import java.util.List;

/**
 * A height and a width; in JSON one number for both, or a pair {@code [height, width]}, as PyTorch
 * takes them.
 */
public record Size2(int h, int w) {

  public static final Size2 ZERO = new Size2(0, 0);
  public static final Size2 ONE = new Size2(1, 1);

  /** PyTorch's {@code padding="same"}, until the layer has turned it into numbers. */
  public static final Size2 SAME = new Size2(-1, -1);

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static Size2 of(Object json) {
    if (json instanceof Integer n) {
      return new Size2(n, n);
    }
    if (json instanceof List<?> pair
        && pair.size() == 2
        && pair.get(0) instanceof Integer h
        && pair.get(1) instanceof Integer w) {
      return new Size2(h, w);
    }
    if ("same".equals(json)) {
      return SAME;
    }
    if ("valid".equals(json)) {
      return ZERO;
    }
    throw new IllegalArgumentException("must be a whole number or a pair of them but was " + json);
  }

  @JsonValue
  public Object json() {
    return equals(SAME) ? "same" : h == w ? (Object) h : List.of(h, w);
  }

  public void atLeast(int least, String name, Mistakes mistakes) {
    mistakes.require(
        h >= least && w >= least, name, "must be at least " + least + " but was " + this);
  }

  @Override
  public String toString() {
    return equals(SAME) ? "\"same\"" : h == w ? Integer.toString(h) : "[" + h + ", " + w + "]";
  }
}
