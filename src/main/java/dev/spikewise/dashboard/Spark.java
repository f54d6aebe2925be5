package dev.spikewise.dashboard;

import dev.spikewise.spec.EpochMetrics;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * A job's synops over its epochs and their target, in a box of 100 by 24 whose lower edge is 0.
 *
 * @param points of a polyline
 * @param target its height from above; null without a target
 */
record Spark(String points, @Nullable String target) {

  static Spark of(List<EpochMetrics> epochs, @Nullable Double target) {
    var finite = epochs.stream().filter(e -> Double.isFinite(e.synops())).toList();
    double most =
        DoubleStream.concat(
                finite.stream().mapToDouble(EpochMetrics::synops),
                DoubleStream.of(target == null ? 0 : target))
            .max()
            .orElse(0);
    int last = finite.isEmpty() ? 0 : finite.getLast().epoch();
    return new Spark(
        finite.stream()
            .map(e -> number(100.0 * e.epoch() / Math.max(1, last)) + "," + y(e.synops(), most))
            .collect(Collectors.joining(" ")),
        target == null || finite.isEmpty() ? null : y(target, most));
  }

  private static String y(double synops, double most) {
    return number(23 - 22 * synops / Math.max(most, Double.MIN_NORMAL));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
