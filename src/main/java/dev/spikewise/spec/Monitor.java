package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/** Metric of an epoch that decides whether the training improves. */
public enum Monitor {
  @JsonProperty("loss")
  LOSS,
  @JsonProperty("accuracy")
  ACCURACY,
  @JsonProperty("test_accuracy")
  TEST_ACCURACY;

  /** Whether a larger value is better. */
  public boolean isMaximised() {
    return this != LOSS;
  }

  /** Rating of {@code epoch}: larger is better; negative infinity where the metric is missing. */
  public float rate(EpochMetrics epoch) {
    Double value = of(epoch);
    if (value == null) {
      return Float.NEGATIVE_INFINITY;
    }
    return isMaximised() ? value.floatValue() : -value.floatValue();
  }

  /** Reports {@code monitor} where it is an accuracy and the input has no labels. */
  void check(Mistakes mistakes, boolean labelled) {
    mistakes.require(
        this == LOSS || labelled,
        "monitor",
        "must not be an accuracy without labels: use an input of type dataset");
  }

  /** Value of the metric in {@code epoch}; null where the training has none. */
  public @Nullable Double of(EpochMetrics epoch) {
    return switch (this) {
      case LOSS -> (Double) epoch.loss();
      case ACCURACY -> epoch.accuracy();
      case TEST_ACCURACY -> epoch.testAccuracy();
    };
  }
}
