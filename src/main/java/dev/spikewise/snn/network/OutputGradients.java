package dev.spikewise.snn.network;

import org.jspecify.annotations.Nullable;

/**
 * Gradients of the loss with respect to the output of a batch, in PyTorch's order. Each is null
 * where the loss does not depend on that form of the output.
 *
 * @param sum dL/d(output at every step), equal for all steps: [samples, outputs]
 * @param peak dL/d(largest output over time): [samples, outputs]
 * @param steps dL/d(output at each step): [samples, T, outputs]
 */
public record OutputGradients(
    float @Nullable [] sum, float @Nullable [] peak, float @Nullable [] steps) {

  boolean isEmpty() {
    return sum == null && peak == null && steps == null;
  }
}
