package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;

/**
 * When a neuron spikes, what a spike does to its potential, and what stands in for its derivative.
 *
 * @param subtract whether a spike takes {@code resetValue} off the potential, or sets it to {@code
 *     resetValue}
 * @param detached whether the backward pass takes the reset as independent of the spike
 * @param resetAll adds the reset value to every neuron, as sinabs does
 * @param minV lower bound of the potential; negative infinity without one
 */
public record Firing(
    PerNeuron threshold,
    SpikeFn spikeFn,
    boolean subtract,
    PerNeuron resetValue,
    boolean detached,
    boolean resetAll,
    float minV,
    SurrogateSpec surrogate) {

  /** Spikes at potential {@code u}. */
  public float spike(float u, float threshold) {
    return switch (spikeFn.kind()) {
      case SINGLE -> u - threshold >= 0 ? 1 : 0;
      case MULTI -> u > 0 ? (float) Math.floor(u / threshold) : 0;
      case MAX -> u > 0 ? Math.min((float) Math.floor(u / threshold), spikeFn.max()) : 0;
    };
  }

  /**
   * The potential after {@code s} spikes.
   *
   * @param value what a spike subtracts, or sets the potential to
   */
  public float reset(float u, float s, float value) {
    if (subtract) {
      return u - s * value;
    }
    return (s == 0 ? u : 0) + (s != 0 || resetAll ? value : 0);
  }

  public float clip(float w) {
    return clips() ? Math.max(w - minV, 0) + minV : w;
  }

  public boolean clips() {
    return minV != Float.NEGATIVE_INFINITY;
  }

  /** Whether the bound stops the gradient of a potential that is {@code w} before it. */
  public boolean isClipped(float w) {
    return clips() && !(w - minV > 0);
  }

  /** What stands in for ds/du at potential {@code u}. */
  public float gradient(float u, float threshold) {
    return Surrogates.gradient(surrogate, u, threshold);
  }

  /**
   * dL/du of the potential before the reset.
   *
   * @param ext dL/ds from above
   * @param gw dL/dw of the potential after the reset
   * @param g what stands in for ds/du
   */
  public float gradient(float ext, float gw, float g, float u, float s, float resetValue) {
    float kept = subtract || s == 0 ? gw : 0;
    // What a spike takes off the potential.
    float pull = detached ? 0 : (subtract ? resetValue : u - resetValue) * gw;
    return FlushToZero.gradient((ext - pull) * g + kept);
  }
}
