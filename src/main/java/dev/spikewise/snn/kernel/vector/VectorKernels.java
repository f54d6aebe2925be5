package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.AdamStep;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.kernel.ScalarKernels;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The kernels on the JDK's Vector API. */
public final class VectorKernels implements Kernels {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final VectorSpecies<Double> DOUBLES = Species.DOUBLES;

  private static final int LANES = SPECIES.length();

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
    if (VectorLinear.suits(shape)) {
      return new VectorLinear(shape, maxFrames, parallel);
    }
    return shape.isDepthwise()
        ? new DepthwiseConv(shape, maxFrames, parallel)
        : new VectorConv(shape, maxFrames, parallel);
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
          sum.mul(shape.scaleAt(oy, ox))
              .intoArray(y, yAt + (oy * shape.outW() + ox) * channels + c, mask);
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
          FloatVector g =
              FloatVector.fromArray(SPECIES, gy, gyAt + o, mask).mul(shape.scaleAt(oy, ox));
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
    int whole = channels - channels % LANES;
    DoubleVector low = DoubleVector.zero(DOUBLES);
    DoubleVector high = low;
    for (int c = 0; c < whole; c += LANES) {
      for (int pixel = 0, i = at + c; pixel < weights.length; pixel++, i += channels) {
        // Uses float vectors of one shape only: after two shapes, the JIT boxes vectors in all
        // kernels.
        FloatVector values = FloatVector.fromArray(SPECIES, x, i);
        DoubleVector weight = DoubleVector.broadcast(DOUBLES, weights[pixel]);
        low = Lanes.widen(values, 0).fma(weight, low);
        high = Lanes.widen(values, 1).fma(weight, high);
      }
    }
    double rest = 0;
    for (int c = whole; c < channels; c++) {
      for (int pixel = 0, i = at + c; pixel < weights.length; pixel++, i += channels) {
        rest += (double) x[i] * weights[pixel];
      }
    }
    return Lanes.sum(low) + Lanes.sum(high) + rest;
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
  public boolean fuses(PoolShape shape) {
    return shape.tiles() && shape.scale() == 1 && shape.channels() % LANES == 0;
  }

  @Override
  public void neuronForward(Neuron neuron, NeuronRange r) {
    int n =
        neuron instanceof LeakyIntegrator integrator
            ? VectorNeurons.forward(integrator, r)
            : r.from;
    for (; n < r.to; n++) {
      neuron.forward(r, n);
    }
  }

  @Override
  public void neuronOutput(Neuron neuron, NeuronRange r) {
    int n =
        neuron instanceof LeakyIntegrator integrator ? VectorNeurons.output(integrator, r) : r.from;
    for (; n < r.to; n++) {
      neuron.output(r, n);
    }
  }

  @Override
  public void neuronBackward(Neuron neuron, NeuronRange r) {
    int n =
        neuron instanceof LeakyIntegrator integrator
            ? VectorNeurons.backward(integrator, r)
            : r.from;
    for (; n < r.to; n++) {
      neuron.backward(r, n);
    }
  }

  @Override
  public void adam(
      AdamStep s,
      float[] values,
      float[] gradient,
      float[] first,
      float[] second,
      int from,
      int to) {
    int i = from;
    for (; i + LANES <= to; i += LANES) {
      FloatVector value = FloatVector.fromArray(SPECIES, values, i);
      FloatVector m1 = FloatVector.fromArray(SPECIES, first, i);
      FloatVector m2 = FloatVector.fromArray(SPECIES, second, i);
      FloatVector g = FloatVector.fromArray(SPECIES, gradient, i).add(value.mul(s.decay()));
      m1 = Lanes.flushGradient(m1.add(g.sub(m1).mul(s.add1())));
      m2 = m2.mul(s.keep2()).add(g.mul(s.add2()).mul(g));
      VectorMask<Float> subnormal = m2.compare(VectorOperators.LT, Float.MIN_NORMAL);
      m1 = m1.blend(0, subnormal);
      m2 = m2.blend(0, subnormal);
      FloatVector scale = m2.lanewise(VectorOperators.SQRT).div(s.correction()).add(s.eps());
      m1.intoArray(first, i);
      m2.intoArray(second, i);
      value.sub(m1.div(scale).mul(s.size())).intoArray(values, i);
    }
    for (; i < to; i++) {
      ScalarKernels.adam(s, values, gradient, first, second, i);
    }
  }

  @Override
  public void close() {
    parallel.close();
  }
}
