package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;

/**
 * Integers in place of weights and potentials, as on a Speck: weights, bias and thresholds of a
 * layer are multiplied by the largest common factor with which all of them fit, and rounded.
 *
 * @param bits Bits of weights and biases, including the sign.
 * @param stateBits Bits of membrane potentials and thresholds, including the sign.
 */
public record Quantization(Integer bits, Integer stateBits) {

  public Quantization {
    bits = bits == null ? 8 : bits;
    stateBits = stateBits == null ? 16 : stateBits;
  }

  void check(Mistakes mistakes) {
    mistakes.between(bits, 2, 16, "bits");
    // Larger integers are not exact in a float.
    mistakes.between(stateBits, 2, 24, "state_bits");
  }
}
