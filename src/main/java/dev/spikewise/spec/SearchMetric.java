package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Metric of an epoch that a search optimises or bounds. Accuracies are maximised. */
public enum SearchMetric {
  @JsonProperty("test_accuracy")
  TEST_ACCURACY,
  @JsonProperty("test_synops")
  TEST_SYNOPS,
  @JsonProperty("accuracy")
  ACCURACY,
  @JsonProperty("synops")
  SYNOPS,
  @JsonProperty("firing_rate")
  FIRING_RATE,
  @JsonProperty("loss")
  LOSS,
  @JsonProperty("quantized_accuracy")
  QUANTIZED_ACCURACY,
  @JsonProperty("quantized_synops")
  QUANTIZED_SYNOPS;

  /** Samples on which metrics are measured. */
  public enum Samples {
    /** Held-out samples, which the training does not use. */
    @JsonProperty("held_out")
    HELD_OUT,
    /** Training samples. */
    @JsonProperty("training")
    TRAINING
  }

  /** Whether the metric is an accuracy, which is maximised; all others are minimised. */
  public boolean isAccuracy() {
    return switch (this) {
      case TEST_ACCURACY, ACCURACY, QUANTIZED_ACCURACY -> true;
      case TEST_SYNOPS, SYNOPS, FIRING_RATE, LOSS, QUANTIZED_SYNOPS -> false;
    };
  }

  /** Whether the metric is that of the quantised network. */
  public boolean isQuantized() {
    return this == QUANTIZED_ACCURACY || this == QUANTIZED_SYNOPS;
  }

  /**
   * Samples on which the metric is measured.
   *
   * @param heldOut whether the training has held-out samples
   */
  public Samples samples(boolean heldOut) {
    return switch (this) {
      case TEST_ACCURACY, TEST_SYNOPS -> Samples.HELD_OUT;
      case ACCURACY, SYNOPS, FIRING_RATE, LOSS -> Samples.TRAINING;
      case QUANTIZED_ACCURACY, QUANTIZED_SYNOPS -> heldOut ? Samples.HELD_OUT : Samples.TRAINING;
    };
  }

  /** Value of the metric in {@code epoch}; null where the training has none. */
  public @Nullable Double of(EpochMetrics epoch) {
    return switch (this) {
      case TEST_ACCURACY -> epoch.testAccuracy();
      case TEST_SYNOPS -> epoch.testSynops();
      case ACCURACY -> epoch.accuracy();
      case SYNOPS -> (Double) epoch.synops();
      case FIRING_RATE -> (Double) epoch.firingRate();
      case LOSS -> (Double) epoch.loss();
      case QUANTIZED_ACCURACY -> epoch.quantizedAccuracy();
      case QUANTIZED_SYNOPS -> epoch.quantizedSynops();
    };
  }

  /** Name in requests and responses. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
