package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/** Input of a network. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = InputSpec.Constant.class, name = "constant"),
  @JsonSubTypes.Type(value = InputSpec.Poisson.class, name = "poisson"),
  @JsonSubTypes.Type(value = InputSpec.FromDataset.class, name = "dataset"),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface InputSpec {

  default void check(Mistakes mistakes) {}

  /**
   * The same value at every pixel and time step. One batch is one epoch.
   *
   * @param value Value of every pixel at every time step.
   */
  record Constant(Double value) implements InputSpec {
    public Constant {
      value = value == null ? 1.0 : value;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.finite(value, "value");
    }
  }

  /**
   * Independent Bernoulli spikes at every pixel and time step. One batch is one epoch.
   *
   * @param rate Probability of a spike per pixel and time step.
   */
  record Poisson(Double rate) implements InputSpec {
    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(
          rate != null,
          "rate",
          "is missing: give the probability of a spike per pixel and time step")) {
        mistakes.between(rate, 0, 1, "rate");
      }
    }
  }

  /**
   * Samples of a stored data set, shuffled from the seed.
   *
   * @param deltaThreshold least rise that encoding delta makes a spike of
   * @param limit at most this many samples to train on and hold out from, the first ones; all if
   *     null
   * @param testFraction share of the samples held out, never trained on; 0.2 if null, or none where
   *     the data set brings its own test split
   * @param id of the data set
   * @param encoding how a pixel becomes a value at each step
   * @param shuffle order of the training samples
   */
  record FromDataset(
      String id,
      Encoding encoding,
      Shuffle shuffle,
      Double deltaThreshold,
      @Nullable Integer limit,
      @Nullable Double testFraction)
      implements InputSpec {
    private static final double DELTA_THRESHOLD = 0.1;

    public FromDataset {
      encoding = encoding == null ? Encoding.RATE : encoding;
      shuffle = shuffle == null ? Shuffle.RANDOM : shuffle;
      deltaThreshold = deltaThreshold == null ? DELTA_THRESHOLD : deltaThreshold;
    }

    /** All samples, divided into training and test samples as by default. */
    public FromDataset(String id, Encoding encoding) {
      this(id, encoding, Shuffle.RANDOM, DELTA_THRESHOLD, null, null);
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          id != null, "id", "is missing: give the id of a data set, such as \"digits\"");
      mistakes.positive(deltaThreshold, "delta_threshold");
      if (limit != null) {
        mistakes.atLeast(limit, 1, "limit");
      }
      mistakes.require(
          testFraction == null || testFraction >= 0 && testFraction < 1,
          "test_fraction",
          "must be at least 0 and below 1 but was " + testFraction);
    }
  }

  /** In which order an epoch shows the training samples. */
  enum Shuffle {
    /** Any. */
    @JsonProperty("random")
    RANDOM,
    /** One in which every stretch holds the classes in the proportion of the whole. */
    @JsonProperty("balanced")
    BALANCED
  }

  /** How a pixel becomes a value at each time step. */
  enum Encoding {
    /** A spike with the pixel's intensity (0..1) as its probability. */
    @JsonProperty("rate")
    RATE,
    /** The pixel's intensity (0..1) at every step. */
    @JsonProperty("constant")
    CONSTANT,
    /** One spike, the earlier the brighter; none where the pixel is 0. */
    @JsonProperty("latency")
    LATENCY,
    /**
     * A spike where a value of a data set with a time axis is at least {@code delta_threshold}
     * above that of the step before, or above 0 at the first. A fall produces none, because a spike
     * of -1 would reduce the count of synaptic operations.
     */
    @JsonProperty("delta")
    DELTA,
    /** The data set has a time axis already and is used as it is. */
    @JsonProperty("spikes")
    SPIKES;

    /** Whether this encoding requires a data set with a time axis. */
    public boolean hasTime() {
      return switch (this) {
        case RATE, CONSTANT, LATENCY -> false;
        case DELTA, SPIKES -> true;
      };
    }
  }
}
