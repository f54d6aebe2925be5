package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Mistakes;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A bound that the trained network must keep; {@code metric} is one of {@link #METRICS}.
 *
 * @param metric a figure of the last epoch
 * @param min least allowed; none if null
 * @param max most allowed; none if null
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
        "must be one of " + METRICS.stream().sorted().toList() + ", was " + metric);
    if (min == null && max == null) {
      mistakes.add("must have min, max or both");
    }
  }
}
