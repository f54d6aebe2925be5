package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;

/**
 * Function used in place of the derivative of a spike in the backward pass, with {@code x = u -
 * threshold}. The first five and their defaults are those of sinabs.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = SurrogateSpec.SingleExponential.class, name = "single_exponential"),
  @JsonSubTypes.Type(
      value = SurrogateSpec.PeriodicExponential.class,
      name = "periodic_exponential"),
  @JsonSubTypes.Type(value = SurrogateSpec.Heaviside.class, name = "heaviside"),
  @JsonSubTypes.Type(value = SurrogateSpec.Gaussian.class, name = "gaussian"),
  @JsonSubTypes.Type(value = SurrogateSpec.MultiGaussian.class, name = "multi_gaussian"),
  @JsonSubTypes.Type(value = SurrogateSpec.FastSigmoid.class, name = "fast_sigmoid"),
  @JsonSubTypes.Type(value = SurrogateSpec.Atan.class, name = "atan"),
  @JsonSubTypes.Type(value = SurrogateSpec.Sigmoid.class, name = "sigmoid"),
  @JsonSubTypes.Type(value = SurrogateSpec.Triangular.class, name = "triangular"),
  @JsonSubTypes.Type(value = SurrogateSpec.Boxcar.class, name = "boxcar"),
})
public sealed interface SurrogateSpec {

  SurrogateSpec DEFAULT = new SingleExponential(0.5, 1.0);

  void check(Mistakes mistakes);

  /**
   * {@code scale / (threshold * width) * exp(-|x| / (threshold * width))}
   *
   * @param gradWidth Decay length away from the threshold, in multiples of the threshold.
   * @param gradScale Factor of the surrogate gradient.
   */
  record SingleExponential(Double gradWidth, Double gradScale) implements SurrogateSpec {
    public SingleExponential {
      gradWidth = gradWidth == null ? 0.5 : gradWidth;
      gradScale = gradScale == null ? 1.0 : gradScale;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(gradWidth, "grad_width");
      mistakes.finite(gradScale, "grad_scale");
    }
  }

  /**
   * Exponential peaks at every multiple of the threshold, for neurons that spike more than once per
   * time step.
   *
   * @param gradWidth Decay length away from each multiple of the threshold.
   * @param gradScale Factor of the surrogate gradient.
   */
  record PeriodicExponential(Double gradWidth, Double gradScale) implements SurrogateSpec {
    public PeriodicExponential {
      gradWidth = gradWidth == null ? 0.5 : gradWidth;
      gradScale = gradScale == null ? 1.0 : gradScale;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(gradWidth, "grad_width");
      mistakes.finite(gradScale, "grad_scale");
    }
  }

  /**
   * {@code 1 / threshold} where {@code u >= threshold - window}, and 0 elsewhere.
   *
   * @param window Distance below the threshold at which the gradient starts.
   */
  record Heaviside(Double window) implements SurrogateSpec {
    public Heaviside {
      window = window == null ? 1.0 : window;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.finite(window, "window");
    }
  }

  /**
   * {@code scale * N(x; mu, sigma)}, with N the normal density.
   *
   * @param mu Mean of the normal density.
   * @param sigma Standard deviation of the normal density.
   * @param gradScale Factor of the surrogate gradient.
   */
  record Gaussian(Double mu, Double sigma, Double gradScale) implements SurrogateSpec {
    public Gaussian {
      mu = mu == null ? 0.0 : mu;
      sigma = sigma == null ? 0.5 : sigma;
      gradScale = gradScale == null ? 1.0 : gradScale;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.finite(mu, "mu");
      mistakes.positive(sigma, "sigma");
      mistakes.finite(gradScale, "grad_scale");
    }
  }

  /**
   * {@code scale * ((1 + h) N(x; mu, sigma) - h N(x; sigma, s sigma) - h N(x; -sigma, s sigma))}
   *
   * @param mu Mean of the normal densities.
   * @param sigma Standard deviation of the central density.
   * @param h Relative height of the negative side lobes.
   * @param s Width of the side lobes, in multiples of sigma.
   * @param gradScale Factor of the surrogate gradient.
   */
  record MultiGaussian(Double mu, Double sigma, Double h, Double s, Double gradScale)
      implements SurrogateSpec {
    public MultiGaussian {
      mu = mu == null ? 0.0 : mu;
      sigma = sigma == null ? 0.5 : sigma;
      h = h == null ? 0.15 : h;
      s = s == null ? 6.0 : s;
      gradScale = gradScale == null ? 1.0 : gradScale;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.finite(mu, "mu");
      mistakes.positive(sigma, "sigma");
      mistakes.finite(h, "h");
      mistakes.positive(s, "s");
      mistakes.finite(gradScale, "grad_scale");
    }
  }

  /**
   * {@code 1 / (slope |x| + 1)^2} (SuperSpike; Zenke and Ganguli 2018, doi:10.1162/neco_a_01086),
   * snnTorch's default.
   *
   * @param slope Steepness of the surrogate function.
   */
  record FastSigmoid(Double slope) implements SurrogateSpec {
    public FastSigmoid {
      slope = slope == null ? 25.0 : slope;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(slope, "slope");
    }
  }

  /**
   * {@code alpha / 2 / (1 + (pi alpha x / 2)^2)}: Fang et al. 2021 (arXiv:2007.05785);
   * SpikingJelly's ATan.
   *
   * @param alpha Steepness of the surrogate function.
   */
  record Atan(Double alpha) implements SurrogateSpec {
    public Atan {
      alpha = alpha == null ? 2.0 : alpha;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(alpha, "alpha");
    }
  }

  /**
   * {@code slope s (1 - s)} with {@code s = 1 / (1 + exp(-slope x))}.
   *
   * @param slope Steepness of the surrogate function.
   */
  record Sigmoid(Double slope) implements SurrogateSpec {
    public Sigmoid {
      slope = slope == null ? 25.0 : slope;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(slope, "slope");
    }
  }

  /**
   * {@code max(0, 1 - |x| / width) / width}.
   *
   * @param width Half the width of the interval where the gradient is not 0.
   */
  record Triangular(Double width) implements SurrogateSpec {
    public Triangular {
      width = width == null ? 1.0 : width;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(width, "width");
    }
  }

  /**
   * {@code 1 / (2 width)} wherever {@code |x| <= width}.
   *
   * @param width Half the width of the interval where the gradient is not 0.
   */
  record Boxcar(Double width) implements SurrogateSpec {
    public Boxcar {
      width = width == null ? 0.5 : width;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(width, "width");
    }
  }
}
