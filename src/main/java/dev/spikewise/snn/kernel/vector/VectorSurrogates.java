package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.FlushToZero;
import dev.spikewise.snn.kernel.Surrogates;
import dev.spikewise.spec.SurrogateSpec;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Surrogates} on the Vector API: one short loop per surrogate, chosen outside the loop. With
 * a switch inside the loop, C2 might not inline the vector operations, which makes them many times
 * slower.
 */
final class VectorSurrogates {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();
  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float SQRT_2PI = (float) Math.sqrt(2 * Math.PI);

  private VectorSurrogates() {}

  /**
   * Writes the surrogate gradients ds/du at the potentials {@code u[at]...} to {@code g[gAt]...}.
   *
   * @param n number of neurons; a multiple of the vector length
   */
  static void gradients(
      SurrogateSpec surrogate, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    switch (surrogate) {
      case SurrogateSpec.SingleExponential s -> singleExponential(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.PeriodicExponential s ->
          periodicExponential(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Heaviside s -> heaviside(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Gaussian s -> gaussian(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.MultiGaussian s -> multiGaussian(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.FastSigmoid s -> fastSigmoid(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Atan s -> atan(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Sigmoid s -> sigmoid(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Triangular s -> triangular(s, threshold, u, at, g, gAt, n);
      case SurrogateSpec.Boxcar s -> boxcar(s, threshold, u, at, g, gAt, n);
    }
  }

  private static void singleExponential(
      SurrogateSpec.SingleExponential s,
      float threshold,
      float[] u,
      int at,
      float[] g,
      int gAt,
      int n) {
    float width = threshold * s.gradWidth().floatValue();
    float steepness = -1 / width;
    float height = s.gradScale().floatValue() / width;
    for (int i = 0; i < n; i += LANES) {
      exp(load(u, at + i).sub(threshold).abs().mul(steepness)).mul(height).intoArray(g, gAt + i);
    }
  }

  private static void periodicExponential(
      SurrogateSpec.PeriodicExponential s,
      float threshold,
      float[] u,
      int at,
      float[] g,
      int gAt,
      int n) {
    float steepness = -1 / s.gradWidth().floatValue();
    float height = s.gradScale().floatValue();
    for (int i = 0; i < n; i += LANES) {
      FloatVector potential = load(u, at + i);
      FloatVector x = potential.sub(threshold);
      FloatVector periods = potential.div(threshold).sub(0.5f).max(0);
      FloatVector z = periods.sub(VectorNeurons.floor(periods)).mul(2).sub(1).mul(threshold);
      z = x.blend(z, x.compare(VectorOperators.GE, 0));
      exp(z.abs().mul(steepness)).mul(height).intoArray(g, gAt + i);
    }
  }

  private static void heaviside(
      SurrogateSpec.Heaviside s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float from = (float) (threshold - s.window());
    FloatVector height = FloatVector.broadcast(SPECIES, 1 / threshold);
    for (int i = 0; i < n; i += LANES) {
      open(height, load(u, at + i).compare(VectorOperators.GE, from)).intoArray(g, gAt + i);
    }
  }

  private static void gaussian(
      SurrogateSpec.Gaussian s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float mu = s.mu().floatValue();
    float sigma = s.sigma().floatValue();
    float scale = s.gradScale().floatValue();
    for (int i = 0; i < n; i += LANES) {
      normal(load(u, at + i).sub(threshold), mu, sigma).mul(scale).intoArray(g, gAt + i);
    }
  }

  private static void multiGaussian(
      SurrogateSpec.MultiGaussian s,
      float threshold,
      float[] u,
      int at,
      float[] g,
      int gAt,
      int n) {
    float mu = s.mu().floatValue();
    float sigma = s.sigma().floatValue();
    float wide = (float) (s.s() * s.sigma());
    float middle = (float) (1 + s.h());
    float side = s.h().floatValue();
    float scale = s.gradScale().floatValue();
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = load(u, at + i).sub(threshold);
      FloatVector sides = normal(x, sigma, wide).add(normal(x, -sigma, wide)).mul(side);
      normal(x, mu, sigma).mul(middle).sub(sides).mul(scale).intoArray(g, gAt + i);
    }
  }

  private static void fastSigmoid(
      SurrogateSpec.FastSigmoid s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float slope = s.slope().floatValue();
    for (int i = 0; i < n; i += LANES) {
      FloatVector below = load(u, at + i).sub(threshold).abs().mul(slope).add(1);
      inverse(below.mul(below)).intoArray(g, gAt + i);
    }
  }

  private static void atan(
      SurrogateSpec.Atan s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float steepness = (float) (Math.PI / 2 * s.alpha());
    float height = (float) (s.alpha() / 2);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = load(u, at + i).sub(threshold).mul(steepness);
      inverse(x.mul(x).add(1)).mul(height).intoArray(g, gAt + i);
    }
  }

  private static void sigmoid(
      SurrogateSpec.Sigmoid s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float slope = s.slope().floatValue();
    for (int i = 0; i < n; i += LANES) {
      FloatVector e = exp(load(u, at + i).sub(threshold).abs().mul(-slope));
      FloatVector below = e.add(1);
      e.mul(slope).div(below.mul(below)).intoArray(g, gAt + i);
    }
  }

  private static void triangular(
      SurrogateSpec.Triangular s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float height = (float) (1 / s.width());
    for (int i = 0; i < n; i += LANES) {
      FloatVector distance = load(u, at + i).sub(threshold).abs();
      distance.mul(-height).add(1).max(0).mul(height).intoArray(g, gAt + i);
    }
  }

  private static void boxcar(
      SurrogateSpec.Boxcar s, float threshold, float[] u, int at, float[] g, int gAt, int n) {
    float width = s.width().floatValue();
    FloatVector height = FloatVector.broadcast(SPECIES, (float) (0.5 / s.width()));
    for (int i = 0; i < n; i += LANES) {
      FloatVector distance = load(u, at + i).sub(threshold).abs();
      open(height, distance.compare(VectorOperators.LE, width)).intoArray(g, gAt + i);
    }
  }

  private static FloatVector load(float[] values, int at) {
    return FloatVector.fromArray(SPECIES, values, at);
  }

  private static FloatVector open(FloatVector height, VectorMask<Float> where) {
    return FloatVector.zero(SPECIES).blend(height, where);
  }

  private static FloatVector inverse(FloatVector x) {
    return FloatVector.broadcast(SPECIES, 1).div(x);
  }

  private static FloatVector normal(FloatVector x, float mu, float sigma) {
    FloatVector z = x.sub(mu).mul(1 / sigma);
    return exp(z.mul(z).mul(-0.5f)).mul(1 / (sigma * SQRT_2PI));
  }

  /**
   * {@link FlushToZero#exp} for x at most 0, to two units in the last place: 2^n times a Taylor
   * polynomial of the rest.
   */
  private static FloatVector exp(FloatVector x) {
    VectorMask<Float> underflow = x.compare(VectorOperators.LT, FlushToZero.EXPONENT);
    x = x.max(FlushToZero.EXPONENT);
    FloatVector shifted =
        x.fma(
            FloatVector.broadcast(SPECIES, LOG2_E),
            FloatVector.broadcast(SPECIES, VectorNeurons.ROUND));
    FloatVector n = shifted.sub(VectorNeurons.ROUND);
    FloatVector rest = n.fma(FloatVector.broadcast(SPECIES, -LN2_HIGH), x);
    rest = n.fma(FloatVector.broadcast(SPECIES, -LN2_LOW), rest);
    FloatVector y = FloatVector.broadcast(SPECIES, 1f / 5040);
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1f / 720));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1f / 120));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1f / 24));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1f / 6));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 0.5f));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1));
    y = y.fma(rest, FloatVector.broadcast(SPECIES, 1));
    return y.reinterpretAsInts()
        .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
        .reinterpretAsFloats()
        .blend(0, underflow);
  }
}
