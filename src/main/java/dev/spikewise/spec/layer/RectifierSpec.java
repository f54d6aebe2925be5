package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;

/** A layer that outputs max(x, 0), optionally rounded. Its gradient is that of max(x, 0). */
public sealed interface RectifierSpec extends ElementwiseSpec {

  /** PyTorch's ReLU. */
  record ReLU() implements RectifierSpec {}

  /**
   * sinabs' NeuromorphicReLU: the number of spikes that the converted spiking network would emit,
   * for networks that are trained without time (Sorbaro et al. 2020, doi:10.3389/fnins.2020.00662).
   *
   * @param quantize Whether the output is rounded down to an integer.
   * @param fanout Factor from the sum of a sample's output to its {@code activity}.
   * @param stochasticRounding Whether the output is rounded up with its fraction as the probability
   *     during training, and to the nearest integer otherwise.
   */
  record NeuromorphicReLU(Boolean quantize, Double fanout, Boolean stochasticRounding)
      implements RectifierSpec {
    public NeuromorphicReLU {
      quantize = quantize == null ? true : quantize;
      fanout = fanout == null ? 1.0 : fanout;
      stochasticRounding = stochasticRounding == null ? false : stochasticRounding;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          fanout >= 0 && Double.isFinite(fanout),
          "fanout",
          "must be a finite number of at least 0 but was " + fanout);
    }
  }
}
