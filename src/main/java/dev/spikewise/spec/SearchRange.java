package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Values that a search may choose for one place in its job. Proposals are positions between 0 and
 * 1, which each range maps to its values.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = SearchRange.Float.class, name = "float"),
  @JsonSubTypes.Type(value = SearchRange.Log.class, name = "log"),
  @JsonSubTypes.Type(value = SearchRange.Int.class, name = "integer"),
  @JsonSubTypes.Type(value = SearchRange.Choice.class, name = "choice"),
})
public sealed interface SearchRange {

  /** Reports every mistake in the range. */
  void check(Mistakes mistakes);

  /** Value at {@code position}, which is at least 0 and below 1. */
  @Nullable Object at(double position);

  /** Position of a value that {@link #at} has returned. */
  double position(@Nullable Object value);

  /** The same value as {@link #at} returns it, from one that was read from JSON. */
  @Nullable Object read(@Nullable Object json);

  /** Number of different values; the maximum of a long for numbers that are not integers. */
  default long size() {
    return Long.MAX_VALUE;
  }

  /** Values of which each is checked before the search starts, by their place in the range. */
  List<End> ends();

  /**
   * A value and its place in the range.
   *
   * @param place JSON pointer relative to the range
   */
  record End(String place, @Nullable Object value) {}

  /**
   * Real numbers, all equally likely at first.
   *
   * @param min Smallest value that a trial can have.
   * @param max Largest value that a trial can have.
   */
  record Float(Double min, Double max) implements SearchRange {
    @Override
    public void check(Mistakes mistakes) {
      checkRange(min, max, mistakes);
    }

    @Override
    public Object at(double position) {
      return round(min + position * (max - min), min, max);
    }

    @Override
    public double position(@Nullable Object value) {
      return within((number(value) - min) / (max - min));
    }

    @Override
    public Object read(@Nullable Object json) {
      return number(json);
    }

    @Override
    public List<End> ends() {
      return List.of(new End("/min", min), new End("/max", max));
    }
  }

  /**
   * Positive real numbers whose logarithms are equally likely at first, such as learning rates.
   *
   * @param min Smallest value that a trial can have, above 0.
   * @param max Largest value that a trial can have.
   */
  record Log(Double min, Double max) implements SearchRange {
    @Override
    public void check(Mistakes mistakes) {
      if (min != null) {
        mistakes.require(
            min > 0, "min", "must be above 0 because its logarithm is used, but was " + min);
      }
      checkRange(min, max, mistakes);
    }

    // StrictMath has the same result on every processor, as have proposals.
    @Override
    public Object at(double position) {
      return round(min * StrictMath.exp(position * StrictMath.log(max / min)), min, max);
    }

    @Override
    public double position(@Nullable Object value) {
      return within(StrictMath.log(number(value) / min) / StrictMath.log(max / min));
    }

    @Override
    public Object read(@Nullable Object json) {
      return number(json);
    }

    @Override
    public List<End> ends() {
      return List.of(new End("/min", min), new End("/max", max));
    }
  }

  /**
   * Integers, all equally likely at first.
   *
   * @param min Smallest value that a trial can have.
   * @param max Largest value that a trial can have.
   */
  record Int(Long min, Long max) implements SearchRange {

    /** Larger integers are not exact as a JSON number of every program. */
    private static final long MOST = 1L << 53;

    @Override
    public void check(Mistakes mistakes) {
      if (checkRange(
          min == null ? null : (Double) min.doubleValue(),
          max == null ? null : (Double) max.doubleValue(),
          mistakes)) {
        mistakes.between(min, -MOST, MOST, "min");
        mistakes.between(max, -MOST, MOST, "max");
      }
    }

    @Override
    public Object at(double position) {
      return Math.min(max, min + (long) (position * size()));
    }

    @Override
    public double position(@Nullable Object value) {
      return within((number(value) - min + 0.5) / size());
    }

    @Override
    public long size() {
      return max - min + 1;
    }

    @Override
    public Object read(@Nullable Object json) {
      return (long) number(json);
    }

    @Override
    public List<End> ends() {
      return List.of(new End("/min", min), new End("/max", max));
    }
  }

  /**
   * One of several values without an order: numbers, words, or whole JSON objects such as a layer.
   *
   * @param values Values to choose from.
   */
  record Choice(List<@Nullable Object> values) implements SearchRange {
    public Choice {
      values = values == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(values));
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          values.size() > 1,
          "values",
          "must have at least two values to choose from but has " + values.size());
      for (int i = 0; i < values.size(); i++) {
        int first = values.indexOf(values.get(i));
        mistakes
            .in("values")
            .require(first == i, Integer.toString(i), "must differ from values/" + first);
      }
    }

    @Override
    public @Nullable Object at(double position) {
      return values.get((int) Math.min(values.size() - 1, position * values.size()));
    }

    @Override
    public double position(@Nullable Object value) {
      return (Math.max(0, values.indexOf(value)) + 0.5) / values.size();
    }

    @Override
    public long size() {
      return values.size();
    }

    @Override
    public @Nullable Object read(@Nullable Object json) {
      return json;
    }

    @Override
    public List<End> ends() {
      var ends = new ArrayList<End>();
      for (int i = 0; i < values.size(); i++) {
        ends.add(new End("/values/" + i, values.get(i)));
      }
      return ends;
    }
  }

  private static boolean checkRange(@Nullable Double min, @Nullable Double max, Mistakes mistakes) {
    mistakes.require(min != null, "min", "is missing: give the smallest value");
    mistakes.require(max != null, "max", "is missing: give the largest value");
    return min != null
        && max != null
        && mistakes.finite(min, "min")
        && mistakes.finite(max, "max")
        && mistakes.require(
            min < max,
            "max",
            "must be above min, or the range has no values to choose from: min is "
                + min
                + " and max is "
                + max);
  }

  private static double number(@Nullable Object value) {
    return value instanceof Number number ? number.doubleValue() : Double.NaN;
  }

  private static double within(double position) {
    return position >= 0 ? Math.min(position, Math.nextDown(1.0)) : 0;
  }

  /**
   * Rounds to six significant digits, which is easier to read and hides differences of libraries.
   */
  private static Double round(double value, double min, double max) {
    double rounded = new BigDecimal(value).round(new MathContext(6)).doubleValue();
    return Math.min(max, Math.max(min, rounded));
  }
}
