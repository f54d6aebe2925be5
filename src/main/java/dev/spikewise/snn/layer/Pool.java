package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.spec.LayerSpec;

/**
 * Sum or average over windows of each channel. The sum follows sinabs: PyTorch's LPPool2d with p = 1, whose backward pass
 * gives nothing to a window whose sum is 0.
 */
final class Pool extends Layer {

  private final LayerSpec.Pool spec;
  private final Parallel parallel;
  private final float scale;
  private final boolean skipsSilent;

  Pool(String name, LayerSpec.Pool spec, Signal in, Signal out, Parallel parallel) {
    super(name, in, out);
    this.spec = spec;
    this.parallel = parallel;
    boolean average = spec instanceof LayerSpec.AvgPool2d;
    scale = average ? 1f / area() : 1;
    skipsSilent = spec instanceof LayerSpec.SumPool2d sum && !sum.silentWindowGradient();
  }

  int area() {
    return spec.kernelSize().h() * spec.kernelSize().w();
  }

  /** What a spike counts for after this layer: the next layer's synops are multiplied by it to count spikes again. */
  int spikesPerUnit() {
    return spec instanceof LayerSpec.AvgPool2d ? area() : 1;
  }

  /** Whether dL/din is 0 wherever the output is. */
  boolean skipsSilent() {
    return skipsSilent;
  }

  @Override
  void forward(int from, int to) {
    int frames = (to - from) * in.steps;
    parallel.run(frames, f -> forwardFrame(in.at(from) + f * in.frame.size(), out.at(from) + f * out.frame.size()));
  }

  private void forwardFrame(int inAt, int outAt) {
    int channels = in.frame.c();
    float[] y = out.data;
    for (int oy = 0; oy < out.frame.h(); oy++) {
      for (int ox = 0; ox < out.frame.w(); ox++) {
        int o = outAt + (oy * out.frame.w() + ox) * channels;
        for (int c = 0; c < channels; c++) {
          y[o + c] = 0;
        }
        for (int iy = top(oy); iy < bottom(oy); iy++) {
          for (int ix = left(ox); ix < right(ox); ix++) {
            add(in.data, inAt + (iy * in.frame.w() + ix) * channels, y, o, channels);
          }
        }
        if (scale != 1) {
          for (int c = 0; c < channels; c++) {
            y[o + c] *= scale;
          }
        }
      }
    }
  }

  @Override
  void backward(int from, int to, Signal gOut, Signal gIn) {
    int frames = (to - from) * in.steps;
    parallel.run(
        frames,
        f ->
            backwardFrame(
                gOut,
                gOut.at(from) + f * out.frame.size(),
                gIn,
                gIn.at(from) + f * in.frame.size(),
                out.at(from) + f * out.frame.size()));
  }

  private void backwardFrame(Signal gOut, int gOutAt, Signal gIn, int gInAt, int outAt) {
    int channels = in.frame.c();
    java.util.Arrays.fill(gIn.data, gInAt, gInAt + in.frame.size(), 0);
    for (int oy = 0; oy < out.frame.h(); oy++) {
      for (int ox = 0; ox < out.frame.w(); ox++) {
        int o = (oy * out.frame.w() + ox) * channels;
        for (int iy = top(oy); iy < bottom(oy); iy++) {
          for (int ix = left(ox); ix < right(ox); ix++) {
            int i = gInAt + (iy * in.frame.w() + ix) * channels;
            if (skipsSilent) {
              addWhereActive(gOut.data, gOutAt + o, gIn.data, i, channels, out.data, outAt + o);
            } else {
              addScaled(gOut.data, gOutAt + o, gIn.data, i, channels, scale);
            }
          }
        }
      }
    }
  }

  private static void add(float[] x, int xAt, float[] y, int yAt, int n) {
    for (int c = 0; c < n; c++) {
      y[yAt + c] += x[xAt + c];
    }
  }

  private static void addScaled(float[] x, int xAt, float[] y, int yAt, int n, float scale) {
    for (int c = 0; c < n; c++) {
      y[yAt + c] += scale * x[xAt + c];
    }
  }

  private static void addWhereActive(float[] x, int xAt, float[] y, int yAt, int n, float[] sum, int sumAt) {
    for (int c = 0; c < n; c++) {
      y[yAt + c] += sum[sumAt + c] == 0 ? 0 : x[xAt + c];
    }
  }

  private int top(int oy) {
    return Math.max(0, oy * spec.stride().h() - spec.padding().h());
  }

  private int bottom(int oy) {
    return Math.min(in.frame.h(), oy * spec.stride().h() - spec.padding().h() + spec.kernelSize().h());
  }

  private int left(int ox) {
    return Math.max(0, ox * spec.stride().w() - spec.padding().w());
  }

  private int right(int ox) {
    return Math.min(in.frame.w(), ox * spec.stride().w() - spec.padding().w() + spec.kernelSize().w());
  }
}
