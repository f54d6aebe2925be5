package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Mistakes;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Integers in place of weights and potentials, as on a Speck: weights, bias and thresholds of a
 * layer are multiplied by the largest common factor with which all of them fit, and rounded.
 *
 * @param bits Bits of weights and biases, including the sign.
 * @param stateBits Bits of membrane potentials and thresholds, including the sign.
 * @param layerBits Bits of the weights and biases of single layers, by name of the layer; {@code
 *     bits} for all others.
 * @param training Whether the training itself computes with rounded weights and thresholds
 *     (quantisation-aware training): gradients pass the rounding unchanged and update the exact
 *     weights. false when absent: only the evaluation after each epoch rounds.
 * @param startEpoch First epoch, counted from 0, that computes with rounded weights; only with
 *     {@code training}. 0 when absent.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Quantization(
    Integer bits,
    Integer stateBits,
    @Nullable Map<String, Integer> layerBits,
    @Nullable Boolean training,
    @Nullable Integer startEpoch) {

  private static final int LEAST = 2;
  private static final int MOST = 16;

  public Quantization {
    bits = bits == null ? 8 : bits;
    stateBits = stateBits == null ? 16 : stateBits;
    layerBits = layerBits == null ? null : Collections.unmodifiableMap(new TreeMap<>(layerBits));
  }

  /** Bits of the weights of a layer. */
  public int bits(String layer) {
    return layerBits == null ? bits : layerBits.getOrDefault(layer, bits);
  }

  /** Whether an epoch computes with rounded weights. */
  public boolean trains(int epoch) {
    return Boolean.TRUE.equals(training) && epoch >= (startEpoch == null ? 0 : startEpoch);
  }

  void check(Mistakes mistakes) {
    mistakes.between(bits, LEAST, MOST, "bits");
    // Larger integers are not exact in a float.
    mistakes.between(stateBits, LEAST, 24, "state_bits");
    if (layerBits != null) {
      layerBits.forEach(
          (layer, n) -> {
            var at = mistakes.in("layer_bits");
            if (at.require(n != null, layer, "must be a number of bits but was null")) {
              at.between(n, LEAST, MOST, layer);
            }
          });
    }
    if (startEpoch != null) {
      mistakes.atLeast(startEpoch, 0, "start_epoch");
      mistakes.require(
          Boolean.TRUE.equals(training),
          "start_epoch",
          "requires training: add \"training\": true, or leave it out");
    }
  }

  /** Reports options that only a training has. */
  void checkWithoutTraining(Mistakes mistakes) {
    mistakes.require(
        !Boolean.TRUE.equals(training),
        "training",
        "must be left out of an analysis, which trains nothing");
  }
}
