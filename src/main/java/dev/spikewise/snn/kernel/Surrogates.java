package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SurrogateSpec;

/** Values of the surrogate gradients, one neuron at a time. */
public final class Surrogates {

  private static final double SQRT_2PI = Math.sqrt(2 * Math.PI);

  private Surrogates() {}

  /** Surrogate gradient ds/du at potential {@code u}. */
  public static float gradient(SurrogateSpec surrogate, float u, float threshold) {
    float x = u - threshold;
    return (float)
        switch (surrogate) {
          case SurrogateSpec.SingleExponential s -> {
            double width = threshold * s.gradWidth();
            yield s.gradScale() / width * FlushToZero.exp(-Math.abs(x) / width);
          }
          case SurrogateSpec.PeriodicExponential s -> {
            double z = x;
            if (u >= threshold) {
              double periods = u / threshold - 0.5;
              z = threshold * (2 * (periods - Math.floor(periods)) - 1);
            }
            yield s.gradScale() * FlushToZero.exp(-Math.abs(z) / s.gradWidth());
          }
          case SurrogateSpec.Heaviside s -> u >= threshold - s.window() ? 1 / threshold : 0;
          case SurrogateSpec.Gaussian s -> s.gradScale() * normal(x, s.mu(), s.sigma());
          case SurrogateSpec.MultiGaussian s ->
              s.gradScale()
                  * ((1 + s.h()) * normal(x, s.mu(), s.sigma())
                      - s.h() * normal(x, s.sigma(), s.s() * s.sigma())
                      - s.h() * normal(x, -s.sigma(), s.s() * s.sigma()));
          case SurrogateSpec.FastSigmoid s -> 1 / square(s.slope() * Math.abs(x) + 1);
          case SurrogateSpec.Atan s -> s.alpha() / 2 / (1 + square(Math.PI / 2 * s.alpha() * x));
          case SurrogateSpec.Sigmoid s -> {
            double e = FlushToZero.exp(-Math.abs(s.slope() * x));
            yield s.slope() * e / square(1 + e);
          }
          case SurrogateSpec.Triangular s -> Math.max(0, 1 - Math.abs(x) / s.width()) / s.width();
          case SurrogateSpec.Boxcar s -> Math.abs(x) <= s.width() ? 1 / (2 * s.width()) : 0;
        };
  }

  private static double square(double x) {
    return x * x;
  }

  private static double normal(double x, double mu, double sigma) {
    double z = (x - mu) / sigma;
    return FlushToZero.exp(-0.5 * z * z) / (sigma * SQRT_2PI);
  }
}
