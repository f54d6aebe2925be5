package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Mistakes;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Condition on the result of a training.
 *
 * @param metric metric of the last epoch: {@code synops}, {@code target_ratio}, {@code
 *     firing_rate}, {@code loss}, {@code accuracy}, {@code test_accuracy}, {@code test_synops},
 *     {@code quantized_accuracy} or {@code quantized_synops}
 * @param min smallest value that passes; unbounded when absent
 * @param max largest value that passes; unbounded when absent
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Gate(String metric, @Nullable Double min, @Nullable Double max) {

  public static final Set<String> METRICS =
      Set.of(
          "synops",
          "target_ratio",
          "firing_rate",
          "loss",
          "accuracy",
          "test_accuracy",
          "test_synops",
          "quantized_accuracy",
          "quantized_synops");

  public void check(Mistakes mistakes) {
    mistakes.require(
        metric != null && METRICS.contains(metric),
        "metric",
        "must be one of " + METRICS.stream().sorted().toList() + " but was " + metric);
    if (min == null && max == null) {
      mistakes.add("must have min, max or both");
    }
  }
}
