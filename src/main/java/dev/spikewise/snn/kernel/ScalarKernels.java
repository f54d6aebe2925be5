package dev.spikewise.snn.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that compute one value at a time. They are slow and are the specification of the other
 * kernels.
 */
public final class ScalarKernels implements Kernels {

  private final Parallel parallel;

  public ScalarKernels(int threads) {
    parallel = new Parallel(threads);
  }

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public Parallel parallel() {
    return parallel;
  }

  @Override
  public Conv conv(ConvShape shape, int maxFrames) {
    return new ScalarConv(shape);
  }

  @Override
  public void poolForward(PoolShape shape, float[] x, int xAt, float[] y, int yAt) {
    for (int oy = 0; oy < shape.outH(); oy++) {
      for (int ox = 0; ox < shape.outW(); ox++) {
        for (int c = 0; c < shape.channels(); c++) {
          float sum = 0;
          for (int iy = shape.top(oy); iy < shape.bottom(oy); iy++) {
            for (int ix = shape.left(ox); ix < shape.right(ox); ix++) {
              sum += x[xAt + (iy * shape.inW() + ix) * shape.channels() + c];
            }
          }
          y[yAt + (oy * shape.outW() + ox) * shape.channels() + c] = sum * shape.scaleAt(oy, ox);
        }
      }
    }
  }

  @Override
  public void poolBackward(
      PoolShape shape, float[] gy, int gyAt, float[] y, int yAt, float[] gx, int gxAt) {
    Arrays.fill(gx, gxAt, gxAt + shape.inSize(), 0);
    for (int oy = 0; oy < shape.outH(); oy++) {
      for (int ox = 0; ox < shape.outW(); ox++) {
        for (int c = 0; c < shape.channels(); c++) {
          int o = (oy * shape.outW() + ox) * shape.channels() + c;
          float g =
              shape.skipsSilent() && y[yAt + o] == 0 ? 0 : gy[gyAt + o] * shape.scaleAt(oy, ox);
          for (int iy = shape.top(oy); iy < shape.bottom(oy); iy++) {
            for (int ix = shape.left(ox); ix < shape.right(ox); ix++) {
              gx[gxAt + (iy * shape.inW() + ix) * shape.channels() + c] += g;
            }
          }
        }
      }
    }
  }

  @Override
  public double weightedSum(float[] x, int at, int channels, float[] weights) {
    double sum = 0;
    for (float weight : weights) {
      for (int c = 0; c < channels; c++) {
        sum += (double) x[at++] * weight;
      }
    }
    return sum;
  }

  @Override
  public void addWeights(float[] x, int at, int channels, float[] weights, float factor) {
    for (float weight : weights) {
      for (int c = 0; c < channels; c++) {
        x[at++] += factor * weight;
      }
    }
  }

  @Override
  public void neuronForward(Neuron neuron, NeuronRange r) {
    for (int n = r.from; n < r.to; n++) {
      neuron.forward(r, n);
    }
  }

  @Override
  public void neuronOutput(Neuron neuron, NeuronRange r) {
    for (int n = r.from; n < r.to; n++) {
      neuron.output(r, n);
    }
  }

  @Override
  public void neuronBackward(Neuron neuron, NeuronRange r) {
    for (int n = r.from; n < r.to; n++) {
      neuron.backward(r, n);
    }
  }

  @Override
  public void adam(
      AdamStep step,
      float[] values,
      float[] gradient,
      float[] first,
      float[] second,
      int from,
      int to) {
    for (int i = from; i < to; i++) {
      adam(step, values, gradient, first, second, i);
    }
  }

  public static void adam(
      AdamStep s, float[] values, float[] gradient, float[] first, float[] second, int i) {
    float g = gradient[i] + s.decay() * values[i];
    float m1 = first[i] + s.add1() * (g - first[i]);
    float m2 = s.keep2() * second[i] + s.add2() * g * g;
    // Both moments are flushed together, so that no moment is divided by a flushed one.
    boolean subnormal = m2 < Float.MIN_NORMAL;
    first[i] = subnormal ? 0 : FlushToZero.gradient(m1);
    second[i] = subnormal ? 0 : m2;
    values[i] -= s.size() * (first[i] / ((float) Math.sqrt(second[i]) / s.correction() + s.eps()));
  }

  @Override
  public void close() {
    parallel.close();
  }

  /** Visits every (window, tap) pair that lies inside the input. */
  private record ScalarConv(ConvShape shape) implements Conv {

    private interface Pair {
      /**
       * {@code x, y}: offsets in a frame of an input value and of its group's output channels;
       * {@code w}: weights.
       */
      void visit(int x, int y, int w);
    }

    private void forEachPair(Pair pair) {
      int outW = shape.outW();
      int groupIn = shape.inCPerGroup();
      int groupOut = shape.outCPerGroup();
      for (int g = 0; g < shape.groups(); g++) {
        for (int p = 0; p < shape.windows(); p++) {
          for (int k = 0; k < shape.taps(); k++) {
            int c = k % groupIn;
            int kx = k / groupIn % shape.kW();
            int ky = k / groupIn / shape.kW();
            int iy = p / outW * shape.strideH() - shape.padH() + ky * shape.dilationH();
            int ix = p % outW * shape.strideW() - shape.padW() + kx * shape.dilationW();
            if (iy >= 0 && iy < shape.inH() && ix >= 0 && ix < shape.inW()) {
              pair.visit(
                  (iy * shape.inW() + ix) * shape.inC() + g * groupIn + c,
                  p * shape.outC() + g * groupOut,
                  (g * shape.taps() + k) * groupOut);
            }
          }
        }
      }
    }

    @Override
    public void forward(
        float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
      for (int f = 0; f < frames; f++) {
        int xFrame = xAt + f * shape.inSize();
        int yFrame = yAt + f * shape.outSize();
        for (int o = 0; o < shape.outSize(); o++) {
          y[yFrame + o] = bias == null ? 0 : bias[o % shape.outC()];
        }
        forEachPair(
            (xi, yi, wi) -> {
              for (int o = 0; o < shape.outCPerGroup(); o++) {
                y[yFrame + yi + o] += x[xFrame + xi] * w[wi + o];
              }
            });
      }
    }

    @Override
    public void inputGradient(
        float[] gy,
        int gyAt,
        float[] w,
        float[] gx,
        int gxAt,
        int frames,
        float @Nullable [] activeX,
        int xAt) {
      Arrays.fill(gx, gxAt, gxAt + frames * shape.inSize(), 0);
      for (int f = 0; f < frames; f++) {
        int xFrame = gxAt + f * shape.inSize();
        int yFrame = gyAt + f * shape.outSize();
        forEachPair(
            (xi, yi, wi) -> {
              for (int o = 0; o < shape.outCPerGroup(); o++) {
                gx[xFrame + xi] += gy[yFrame + yi + o] * w[wi + o];
              }
            });
      }
    }

    @Override
    public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
      for (int f = 0; f < frames; f++) {
        int xFrame = xAt + f * shape.inSize();
        int yFrame = gyAt + f * shape.outSize();
        forEachPair(
            (xi, yi, wi) -> {
              for (int o = 0; o < shape.outCPerGroup(); o++) {
                gw[wi + o] += x[xFrame + xi] * gy[yFrame + yi + o];
              }
            });
      }
    }
  }
}
