package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
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

  /** Value of the metric in {@code epoch}; null where the training has none. */
  public @Nullable Double of(EpochMetrics epoch) {
    return switch (this) {
      case LOSS -> (Double) epoch.loss();
      case ACCURACY -> epoch.accuracy();
      case TEST_ACCURACY -> epoch.testAccuracy();
    };
  }
}
