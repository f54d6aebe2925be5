package dev.spikewise.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Maps a range of values to a range of pixels, with ticks at round numbers.
 *
 * @param from pixel of {@code min}
 * @param to pixel of {@code max}
 * @param unit follows the number of each tick
 */
record Axis(double min, double max, double step, double from, double to, String unit) {

  /**
   * Creates an axis that contains {@code min} and {@code max} with about {@code count} ticks and is
   * widened to end at ticks.
   */
  static Axis around(double min, double max, int count, double from, double to) {
    double step = step(max - min, count);
    return new Axis(
        Math.floor(min / step + 1e-9) * step,
        Math.ceil(max / step - 1e-9) * step,
        step,
        from,
        to,
        "");
  }

  /** Creates an axis in percent around the shares {@code min} and {@code max} (0..1). */
  static Axis percent(double min, double max, int count, double from, double to) {
    var axis = around(100 * min, 100 * max, count, from, to);
    return new Axis(axis.min, axis.max, axis.step, from, to, "\u202f%");
  }

  /** Creates an axis around values with a margin, so that none lies at its end. */
  static Axis fitted(double min, double max, int count, double from, double to) {
    double margin = Math.max(0.05 * (max - min), 0.001 * Math.max(Math.abs(max), 1e-9));
    return around(Math.max(0, min - margin), max + margin, count, from, to);
  }

  /** Creates an axis that ends exactly at {@code min} and {@code max}. */
  static Axis exactly(double min, double max, int count, double from, double to) {
    return new Axis(min, max, step(max - min, count), from, to, "");
  }

  /**
   * The round number (1, 2 or 5 times a power of ten) that divides {@code range} into at most about
   * {@code count}.
   */
  private static double step(double range, int count) {
    double raw = range / count;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double leading = raw / power;
    return power * (leading <= 1 ? 1 : leading <= 2 ? 2 : leading <= 5 ? 5 : 10);
  }

  double at(double value) {
    return from + (value - min) / (max - min) * (to - from);
  }

  List<Double> ticks() {
    var ticks = new ArrayList<Double>();
    for (long i = (long) Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i++) {
      ticks.add(i * step);
    }
    return ticks;
  }

  /**
   * Formats a tick with an SI prefix and no more digits than distinguish it from its neighbours:
   * 12.5 M, 30 k, 0.25.
   */
  String text(double value) {
    double most = Math.max(Math.abs(min), Math.abs(max));
    if (value == 0) {
      return "0" + unit;
    }
    if (most >= 1e9) {
      return digits(value / 1e9, step / 1e9) + "\u202fG";
    }
    if (most >= 1e6) {
      return digits(value / 1e6, step / 1e6) + "\u202fM";
    }
    return most >= 1e4 ? digits(value / 1e3, step / 1e3) + "\u202fk" : digits(value, step) + unit;
  }

  private static String digits(double value, double step) {
    int decimals = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }
}
