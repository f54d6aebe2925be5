package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Gate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Outcome of the gates, judged by the epoch whose weights the job keeps: the last one, or that of
 * restore_best.
 *
 * @param passed Whether all gates passed.
 * @param results Result of each gate.
 */
public record Verdict(boolean passed, List<Result> results) {

  /**
   * Result of one gate.
   *
   * @param value Value of the metric; null where the training has none, which fails the gate.
   * @param metric Metric that the gate bounds.
   * @param min Smallest value that passes; unbounded when absent.
   * @param max Largest value that passes; unbounded when absent.
   * @param passed Whether the value is within the bounds.
   */
  public record Result(
      String metric,
      @Nullable Double min,
      @Nullable Double max,
      @Nullable Double value,
      boolean passed) {}

  static @Nullable Verdict of(List<Gate> gates, EpochMetrics last, @Nullable Double targetSynops) {
    if (gates.isEmpty()) {
      return null;
    }
    var results =
        gates.stream().map(gate -> judge(gate, value(gate.metric(), last, targetSynops))).toList();
    return new Verdict(results.stream().allMatch(Result::passed), results);
  }

  private static Result judge(Gate gate, @Nullable Double value) {
    boolean passed =
        value != null
            && (gate.min() == null || value >= gate.min())
            && (gate.max() == null || value <= gate.max());
    return new Result(gate.metric(), gate.min(), gate.max(), value, passed);
  }

  private static @Nullable Double value(
      String metric, EpochMetrics last, @Nullable Double targetSynops) {
    return switch (metric) {
      case "synops" -> last.synops();
      case "target_ratio" -> targetSynops == null ? null : (Double) (last.synops() / targetSynops);
      case "firing_rate" -> last.firingRate();
      case "loss" -> last.loss();
      case "accuracy" -> last.accuracy();
      case "test_accuracy" -> last.testAccuracy();
      case "test_synops" -> last.testSynops();
      case "quantized_accuracy" -> last.quantizedAccuracy();
      case "quantized_synops" -> last.quantizedSynops();
      default -> throw new IllegalArgumentException("no metric " + metric);
    };
  }
}
