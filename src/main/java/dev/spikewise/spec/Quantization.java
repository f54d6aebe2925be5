package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;

/**
 * Whole numbers in place of weights and potentials, as on a Speck: weights, bias and thresholds of
 * a layer are multiplied by one common factor, the largest with which all fit, and rounded.
 *
 * @param bits of weights and biases, sign included
 * @param stateBits of membrane potentials and thresholds, sign included
 */
public record Quantization(Integer bits, Integer stateBits) {

  public Quantization {
    bits = bits == null ? 8 : bits;
    stateBits = stateBits == null ? 16 : stateBits;
  }

  void check(Mistakes mistakes) {
    mistakes.between(bits, 2, 16, "bits");
    // More would not be whole numbers in a float.
    mistakes.between(stateBits, 2, 24, "state_bits");
  }
}
