package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;

/**
 * Spike function, reset and surrogate gradient of a neuron.
 *
 * @param subtract whether a spike subtracts {@code resetValue} from the potential rather than
 *     setting it to {@code resetValue}
 * @param detached whether the backward pass treats the reset as independent of the spike
 * @param resetAll whether the reset value is added to every neuron, as in sinabs
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

  /** Number of spikes at potential {@code u}. */
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

  /**
   * Whether the lower bound blocks the gradient of a potential that is {@code w} before clipping.
   */
  public boolean isClipped(float w) {
    return clips() && !(w - minV > 0);
  }

  /** Surrogate gradient ds/du at potential {@code u}. */
  public float gradient(float u, float threshold) {
    return Surrogates.gradient(surrogate, u, threshold);
  }

  /**
   * dL/du of the potential before the reset.
   *
   * @param ext dL/ds from above
   * @param gw dL/dw of the potential after the reset
   * @param g surrogate gradient ds/du
   */
  public float gradient(float ext, float gw, float g, float u, float s, float resetValue) {
    float kept = subtract || s == 0 ? gw : 0;
    // Amount by which a spike changes the potential.
    float pull = detached ? 0 : (subtract ? resetValue : u - resetValue) * gw;
    return FlushToZero.gradient((ext - pull) * g + kept);
  }
}
