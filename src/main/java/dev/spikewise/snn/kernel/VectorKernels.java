package dev.spikewise.snn.kernel;

import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.Arrays;
import java.util.Objects;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels on the JDK's Vector API. A vector of neurons goes through all its time steps without
 * leaving registers.
 */
public final class VectorKernels implements Kernels {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;

  /** Floats that widen to a vector of doubles. */
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(float.class, VectorShape.forBitSize(DOUBLES.length() * Float.SIZE));

  private static final int LANES = SPECIES.length();

  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  /** Adding it rounds a float to a whole number that stands in its lowest bits. */
  private static final float ROUND = 0x1.8p23f;

  private static final float SQRT_2PI = (float) Math.sqrt(2 * Math.PI);

  private final Parallel parallel;

  public VectorKernels(int threads) {
    parallel = new Parallel(threads);
  }

  @Override
  public String name() {
    return "vector-" + bits();
  }

  /** Bits of the vectors this processor prefers. */
  public static int bits() {
    return SPECIES.vectorBitSize();
  }

  @Override
  public Parallel parallel() {
    return parallel;
  }

  @Override
  public Conv conv(ConvShape shape, int maxFrames) {
    return new VectorConv(shape, maxFrames, parallel);
  }

  @Override
  public void poolForward(PoolShape shape, float[] x, int xAt, float[] y, int yAt) {
    int channels = shape.channels();
    for (int c = 0; c < channels; c += LANES) {
      VectorMask<Float> mask = SPECIES.indexInRange(c, channels);
      for (int oy = 0; oy < shape.outH(); oy++) {
        for (int ox = 0; ox < shape.outW(); ox++) {
          FloatVector sum = FloatVector.zero(SPECIES);
          for (int iy = shape.top(oy); iy < shape.bottom(oy); iy++) {
            int from = xAt + (iy * shape.inW() + shape.left(ox)) * channels + c;
            int to = xAt + (iy * shape.inW() + shape.right(ox)) * channels + c;
            for (int i = from; i < to; i += channels) {
              sum = sum.add(FloatVector.fromArray(SPECIES, x, i, mask));
            }
          }
          sum.mul(shape.scale()).intoArray(y, yAt + (oy * shape.outW() + ox) * channels + c, mask);
        }
      }
    }
  }

  @Override
  public void poolBackward(
      PoolShape shape, float[] gy, int gyAt, float[] y, int yAt, float[] gx, int gxAt) {
    int channels = shape.channels();
    Arrays.fill(gx, gxAt, gxAt + shape.inSize(), 0);
    for (int c = 0; c < channels; c += LANES) {
      VectorMask<Float> mask = SPECIES.indexInRange(c, channels);
      for (int oy = 0; oy < shape.outH(); oy++) {
        for (int ox = 0; ox < shape.outW(); ox++) {
          int o = (oy * shape.outW() + ox) * channels + c;
          FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + o, mask).mul(shape.scale());
          if (shape.skipsSilent()) {
            FloatVector sum = FloatVector.fromArray(SPECIES, y, yAt + o, mask);
            g = g.blend(0, sum.compare(VectorOperators.EQ, 0));
          }
          for (int iy = shape.top(oy); iy < shape.bottom(oy); iy++) {
            int from = gxAt + (iy * shape.inW() + shape.left(ox)) * channels + c;
            int to = gxAt + (iy * shape.inW() + shape.right(ox)) * channels + c;
            for (int i = from; i < to; i += channels) {
              FloatVector.fromArray(SPECIES, gx, i, mask).add(g).intoArray(gx, i, mask);
            }
          }
        }
      }
    }
  }

  @Override
  public double weightedSum(float[] x, int at, int channels, float[] weights) {
    DoubleVector sum = DoubleVector.zero(DOUBLES);
    double rest = 0;
    for (int pixel = 0; pixel < weights.length; pixel++, at += channels) {
      int c = 0;
      for (; c + DOUBLES.length() <= channels; c += DOUBLES.length()) {
        FloatVector spikes = FloatVector.fromArray(HALF, x, at + c);
        DoubleVector wide = (DoubleVector) spikes.convertShape(VectorOperators.F2D, DOUBLES, 0);
        sum = wide.fma(DoubleVector.broadcast(DOUBLES, weights[pixel]), sum);
      }
      for (; c < channels; c++) {
        rest += (double) x[at + c] * weights[pixel];
      }
    }
    return Lanes.sum(sum) + rest;
  }

  @Override
  public void addWeights(float[] x, int at, int channels, float[] weights, float factor) {
    for (int pixel = 0; pixel < weights.length; pixel++, at += channels) {
      float add = factor * weights[pixel];
      int c = 0;
      for (; c + LANES <= channels; c += LANES) {
        FloatVector.fromArray(SPECIES, x, at + c).add(add).intoArray(x, at + c);
      }
      for (; c < channels; c++) {
        x[at + c] += add;
      }
    }
  }

  @Override
  public void neuronForward(NeuronParams p, NeuronRange r) {
    int n = r.from;
    for (; !p.adapts() && n + LANES <= r.to; n += LANES) {
      forward(p, r, n);
    }
    for (; n < r.to; n++) {
      ScalarKernels.forward(p, r, n);
    }
  }

  @Override
  public void neuronBackward(NeuronParams p, NeuronRange r) {
    int n = r.from;
    for (; !p.adapts() && !r.isOneOfSeveral() && n + LANES <= r.to; n += LANES) {
      backward(p, r, n);
    }
    for (; n < r.to; n++) {
      ScalarKernels.backward(p, r, n);
    }
  }

  private static void forward(NeuronParams p, NeuronRange r, int n) {
    FloatVector v = FloatVector.fromArray(SPECIES, r.v, r.vAt + n);
    FloatVector current =
        p.synaptic()
            ? FloatVector.fromArray(SPECIES, r.synapticCurrent, r.vAt + n)
            : FloatVector.zero(SPECIES);
    FloatVector count = FloatVector.zero(SPECIES);
    for (int t = 0; t < r.steps; t++) {
      FloatVector x = FloatVector.fromArray(SPECIES, r.x, r.xAt + t * r.xStep + n);
      current = p.synaptic() ? current.add(x).mul(p.alphaSyn()) : x;
      FloatVector u =
          v.mul(p.alphaMem()).add(p.normInput() ? current.mul(p.inputScale()) : current);
      FloatVector s = p.spikes() ? spike(p, u) : u;
      v = clip(p, reset(p, u, s));
      int at = r.uAt + t * r.neurons + n;
      u.intoArray(r.u, at);
      if (p.keepsCurrent()) {
        current.intoArray(r.current, at);
      }
      s.intoArray(r.s, r.sAt + t * r.neurons + n);
      count = count.add(s);
    }
    v.intoArray(r.v, r.vAt + n);
    if (p.synaptic()) {
      current.intoArray(r.synapticCurrent, r.vAt + n);
    }
    addCounts(count, r.counts, n);
  }

  private static void addCounts(FloatVector count, double[] counts, int n) {
    for (int part = 0; part < LANES / DOUBLES.length(); part++) {
      int at = n + part * DOUBLES.length();
      DoubleVector wide = (DoubleVector) count.convertShape(VectorOperators.F2D, DOUBLES, part);
      DoubleVector.fromArray(DOUBLES, counts, at).add(wide).intoArray(counts, at);
    }
  }

  private static void backward(NeuronParams p, NeuronRange r, int n) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector gv = zero;
    FloatVector gCurrent = zero;
    FloatVector sum = zero;
    FloatVector rate = r.gRate == null ? zero : FloatVector.fromArray(SPECIES, r.gRate, n);
    for (int t = r.steps - 1; t >= 0; t--) {
      int at = r.uAt + t * r.neurons + n;
      FloatVector u = FloatVector.fromArray(SPECIES, r.u, at);
      FloatVector ext = FloatVector.fromArray(SPECIES, r.gs, r.gsAt + t * r.neurons + n).add(rate);
      FloatVector gw = gv;
      FloatVector s = p.spikes() && (p.clips() || !p.subtract()) ? spike(p, u) : u;
      if (p.clips()) {
        gw = zero.blend(gv, reset(p, u, s).sub(p.minV()).compare(VectorOperators.GT, 0));
      }
      FloatVector du;
      if (!p.spikes()) {
        du = ext.add(gw);
      } else {
        FloatVector g = surrogate(Objects.requireNonNull(p.surrogate()), u, p.threshold());
        du =
            p.subtract()
                ? ext.sub(gw.mul(p.resetValue())).mul(g).add(gw)
                : ext.mul(g).add(zero.blend(gw, s.compare(VectorOperators.EQ, 0)));
      }
      FloatVector gx = p.normInput() ? du.mul(p.inputScale()) : du;
      if (p.synaptic()) {
        FloatVector di = gx.add(gCurrent);
        gx = di.mul(p.alphaSyn());
        gCurrent = gx;
        FloatVector before = FloatVector.fromArray(SPECIES, r.current, at).div(p.alphaSyn());
        r.gAlphaSyn += Lanes.sum(di.mul(before));
      }
      if (p.keepsCurrent() || p.alphaMem() != 1) {
        FloatVector from = zero;
        if (t > 0) {
          FloatVector earlier = FloatVector.fromArray(SPECIES, r.u, at - r.neurons);
          from = clip(p, reset(p, earlier, p.spikes() ? spike(p, earlier) : earlier));
        }
        if (p.normInput()) {
          from = from.sub(FloatVector.fromArray(SPECIES, r.current, at));
        }
        r.gAlphaMem += Lanes.sum(du.mul(from));
      }
      if (r.gxStep == 0) {
        sum = sum.add(gx);
      } else {
        gx.intoArray(r.gx, r.gxAt + t * r.gxStep + n);
      }
      gv = du.mul(p.alphaMem());
    }
    if (r.gxStep == 0) {
      sum.intoArray(r.gx, r.gxAt + n);
    }
  }

  private static FloatVector spike(NeuronParams p, FloatVector u) {
    if (p.spikeFn().kind() == SpikeFn.Kind.SINGLE) {
      FloatVector one = FloatVector.broadcast(SPECIES, 1);
      return FloatVector.zero(SPECIES)
          .blend(one, u.sub(p.threshold()).compare(VectorOperators.GE, 0));
    }
    FloatVector ratio = u.max(0);
    if (p.threshold() != 1) {
      ratio = ratio.div(p.threshold());
    }
    FloatVector s = floor(ratio);
    return p.spikeFn().kind() == SpikeFn.Kind.MAX ? s.min(p.spikeFn().max()) : s;
  }

  /** Of values that are not negative. */
  private static FloatVector floor(FloatVector x) {
    FloatVector rounded = x.add(ROUND).sub(ROUND);
    FloatVector floor = rounded.sub(1, rounded.compare(VectorOperators.GT, x));
    // From 2^22 on the trick fails, and from 2^23 on every float is whole.
    return floor.blend(x, x.compare(VectorOperators.GE, 0x1p22f));
  }

  private static FloatVector reset(NeuronParams p, FloatVector u, FloatVector s) {
    if (!p.spikes()) {
      return u;
    }
    if (p.subtract()) {
      return u.sub(p.resetValue() == 1 ? s : s.mul(p.resetValue()));
    }
    VectorMask<Float> spiked = s.compare(VectorOperators.NE, 0);
    FloatVector w = u.blend(0, spiked);
    return p.resetAll() ? w.add(p.resetValue()) : w.blend(p.resetValue(), spiked);
  }

  private static FloatVector clip(NeuronParams p, FloatVector w) {
    return p.clips() ? w.sub(p.minV()).max(0).add(p.minV()) : w;
  }

  // Small methods and plain tests: the compiler keeps vectors in registers only where it can inline
  // everything.
  private static FloatVector surrogate(SurrogateSpec surrogate, FloatVector u, float threshold) {
    if (surrogate instanceof SurrogateSpec.SingleExponential s) {
      return singleExponential(s, u, threshold);
    }
    return otherSurrogate(surrogate, u, threshold);
  }

  private static FloatVector otherSurrogate(
      SurrogateSpec surrogate, FloatVector u, float threshold) {
    return switch (surrogate) {
      case SurrogateSpec.SingleExponential s -> singleExponential(s, u, threshold);
      case SurrogateSpec.PeriodicExponential s -> periodicExponential(s, u, threshold);
      case SurrogateSpec.Heaviside s -> heaviside(s, u, threshold);
      case SurrogateSpec.Gaussian s -> gaussian(s, u, threshold);
      case SurrogateSpec.MultiGaussian s -> multiGaussian(s, u, threshold);
      case SurrogateSpec.FastSigmoid s ->
          inverse(square(u.sub(threshold).abs().mul(s.slope().floatValue()).add(1)));
      case SurrogateSpec.Atan s -> {
        FloatVector x = u.sub(threshold).mul((float) (Math.PI / 2 * s.alpha()));
        yield inverse(square(x).add(1)).mul((float) (s.alpha() / 2));
      }
      case SurrogateSpec.Sigmoid s -> {
        FloatVector e = exp(u.sub(threshold).abs().mul(-s.slope().floatValue()));
        yield e.mul(s.slope().floatValue()).div(square(e.add(1)));
      }
      case SurrogateSpec.Triangular s -> {
        float height = (float) (1 / s.width());
        yield u.sub(threshold).abs().mul(-height).add(1).max(0).mul(height);
      }
      case SurrogateSpec.Boxcar s -> {
        VectorMask<Float> open =
            u.sub(threshold).abs().compare(VectorOperators.LE, s.width().floatValue());
        yield FloatVector.zero(SPECIES).blend((float) (0.5 / s.width()), open);
      }
    };
  }

  private static FloatVector singleExponential(
      SurrogateSpec.SingleExponential s, FloatVector u, float threshold) {
    float width = threshold * s.gradWidth().floatValue();
    return exp(u.sub(threshold).abs().mul(-1 / width)).mul(s.gradScale().floatValue() / width);
  }

  private static FloatVector heaviside(SurrogateSpec.Heaviside s, FloatVector u, float threshold) {
    VectorMask<Float> open = u.compare(VectorOperators.GE, (float) (threshold - s.window()));
    return FloatVector.zero(SPECIES).blend(1 / threshold, open);
  }

  private static FloatVector periodicExponential(
      SurrogateSpec.PeriodicExponential s, FloatVector u, float threshold) {
    FloatVector x = u.sub(threshold);
    FloatVector periods = u.div(threshold).sub(0.5f).max(0);
    FloatVector z = periods.sub(floor(periods)).mul(2).sub(1).mul(threshold);
    z = x.blend(z, x.compare(VectorOperators.GE, 0));
    return exp(z.abs().mul(-1 / s.gradWidth().floatValue())).mul(s.gradScale().floatValue());
  }

  private static FloatVector gaussian(SurrogateSpec.Gaussian s, FloatVector u, float threshold) {
    return normal(u.sub(threshold), s.mu().floatValue(), s.sigma().floatValue())
        .mul(s.gradScale().floatValue());
  }

  private static FloatVector multiGaussian(
      SurrogateSpec.MultiGaussian s, FloatVector u, float threshold) {
    FloatVector x = u.sub(threshold);
    float sigma = s.sigma().floatValue();
    float wide = (float) (s.s() * s.sigma());
    FloatVector sides = normal(x, sigma, wide).add(normal(x, -sigma, wide)).mul(s.h().floatValue());
    FloatVector middle = normal(x, s.mu().floatValue(), sigma).mul((float) (1 + s.h()));
    return middle.sub(sides).mul(s.gradScale().floatValue());
  }

  private static FloatVector square(FloatVector x) {
    return x.mul(x);
  }

  private static FloatVector inverse(FloatVector x) {
    return FloatVector.broadcast(SPECIES, 1).div(x);
  }

  private static FloatVector normal(FloatVector x, float mu, float sigma) {
    FloatVector z = x.sub(mu).mul(1 / sigma);
    return exp(z.mul(z).mul(-0.5f)).mul(1 / (sigma * SQRT_2PI));
  }

  /**
   * exp(x) for x at most 0, to two units in the last place: 2^n times a Taylor polynomial of the
   * rest.
   */
  private static FloatVector exp(FloatVector x) {
    x = x.max(-87);
    FloatVector shifted =
        x.fma(FloatVector.broadcast(SPECIES, LOG2_E), FloatVector.broadcast(SPECIES, ROUND));
    FloatVector n = shifted.sub(ROUND);
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
        .reinterpretAsFloats();
  }

  @Override
  public void close() {
    parallel.close();
  }
}
