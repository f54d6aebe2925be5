package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import org.jspecify.annotations.Nullable;

/**
 * A leaky integrator in numbers: IAF (alphaMem 1), LIF, and ExpLeak (no spikes).
 *
 * @param alphaMem decay of the membrane potential a step
 * @param alphaSyn decay of the synaptic current a step; NaN without a synaptic current
 * @param spikes whether the output is spikes, or the membrane potential itself
 * @param subtract whether a spike takes {@code resetValue} off the potential, or sets it to {@code
 *     resetValue}
 * @param resetAll adds the reset value to every neuron, as sinabs does
 * @param minV lower bound of the potential; negative infinity without one
 * @param adaptation of the threshold; null where it stays what it is
 */
public record NeuronParams(
    float alphaMem,
    float alphaSyn,
    boolean normInput,
    boolean spikes,
    float threshold,
    SpikeFn spikeFn,
    boolean subtract,
    float resetValue,
    boolean resetAll,
    float minV,
    @Nullable SurrogateSpec surrogate,
    @Nullable Adaptation adaptation) {

  public boolean synaptic() {
    return !Float.isNaN(alphaSyn);
  }

  /** Whether the backward pass needs the current of every step beside the potential. */
  public boolean keepsCurrent() {
    return normInput || synaptic();
  }

  public boolean clips() {
    return minV != Float.NEGATIVE_INFINITY;
  }

  /** What the input is multiplied by on its way to the potential. */
  public float inputScale() {
    return normInput ? 1 - alphaMem : 1;
  }

  /** Whether the threshold depends on the neuron's own spikes. */
  public boolean adapts() {
    return adaptation != null;
  }

  /** Whether this is IAF as sinabs makes it: several spikes a step, subtraction, no bound. */
  boolean isPlain() {
    return alphaMem == 1
        && !keepsCurrent()
        && spikes
        && spikeFn.kind() == SpikeFn.Kind.MULTI
        && subtract
        && resetValue == threshold
        && !clips()
        && !adapts();
  }

  /**
   * How the threshold follows the spikes: {@code threshold + scale b}, with b a leaky mean of the
   * spikes.
   *
   * @param alpha decay of b a step
   * @param subtractsThreshold whether a spike takes the adapted threshold off the potential
   */
  public record Adaptation(float alpha, float scale, boolean subtractsThreshold) {}
}
