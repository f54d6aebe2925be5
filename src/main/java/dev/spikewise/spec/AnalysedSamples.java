package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Samples of a data set that an analysis reads. */
public enum AnalysedSamples {
  /** The training samples. */
  @JsonProperty("training")
  TRAINING,
  /** The test samples: those that a training with the same input and seed holds out. */
  @JsonProperty("test")
  TEST
}
