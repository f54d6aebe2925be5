package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.TreeSum;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How much of a parameter layer's input cancels out: {@code |W| x - |W x + b|} for each output, as
 * sinabs' input_diff_hook computes it. With c = dL/d(one difference), backward: {@code dW += c
 * sign(W) (x * 1)}, {@code dx += c |W|^T 1}, {@code d(W x + b) -= c sign(W x + b)}.
 */
final class InputDifference {

  private final Wiring wiring;
  private final Kernels.Conv conv;
  private final float[] absolute;
  private final float[] sums;
  private final TreeSum value = new TreeSum(1);
  private float gradient;

  /**
   * @param maxFrames maximum number of frames per call
   */
  InputDifference(Wiring wiring, int maxFrames, Kernels kernels) {
    this.wiring = wiring;
    conv = wiring.conv(kernels, maxFrames);
    absolute = new float[wiring.shape().weights()];
    sums = new float[Math.multiplyExact(maxFrames, wiring.outSize())];
  }

  /** Difference since the last reset, summed over frames and outputs. */
  double value() {
    return value.value();
  }

  TreeSum sum() {
    return value;
  }

  boolean inLoss() {
    return gradient != 0;
  }

  /**
   * @param perOutput dL/d(difference of one output of one frame)
   */
  void addToLoss(double perOutput) {
    gradient += (float) perOutput;
  }

  void reset() {
    value.clear();
    gradient = 0;
  }

  /** Adds the difference of frames with input {@code x} and output {@code y}. */
  void forward(float[] x, int xAt, float[] weights, float[] y, int yAt, int frames) {
    conv.forward(x, xAt, absolute(weights), null, sums, 0, frames);
    for (int i = 0; i < frames * wiring.outSize(); i++) {
      value.add(sums[i] - Math.abs(y[yAt + i]));
    }
  }

  void endChunk() {
    value.endChunk();
  }

  private float[] absolute(float[] weights) {
    for (int i = 0; i < absolute.length; i++) {
      absolute[i] = Math.abs(weights[i]);
    }
    return absolute;
  }

  /** Gradient through {@code |W x + b|}, which is recomputed because it was not stored. */
  void addOutputGradient(
      float[] x, int xAt, float[] weights, float @Nullable [] bias, float[] gy, int gyAt, int n) {
    conv.forward(x, xAt, weights, bias, sums, 0, n);
    for (int i = 0; i < n * wiring.outSize(); i++) {
      gy[gyAt + i] -= gradient * Math.signum(sums[i]);
    }
  }

  /** Gradient through {@code |W|}: it is equal for all outputs, so frames are added first. */
  void addWeightGradient(float[] x, int xAt, float[] weights, float[] gw, int frames) {
    var all = new float[wiring.inSize()];
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < all.length; i++) {
        all[i] += x[xAt + f * all.length + i];
      }
    }
    var reached = new float[gw.length];
    conv.weightGradient(all, 0, everywhere(), 0, reached, 1);
    for (int i = 0; i < gw.length; i++) {
      gw[i] += reached[i] * Math.signum(weights[i]);
    }
  }

  /** Gradient through x, which is equal for every frame. */
  void addInputGradient(float[] weights, float[] gx, int gxAt, int frames) {
    var one = new float[wiring.inSize()];
    conv.inputGradient(everywhere(), 0, absolute(weights), one, 0, 1, null, 0);
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < one.length; i++) {
        gx[gxAt + f * one.length + i] += one[i];
      }
    }
  }

  private float[] everywhere() {
    var g = new float[wiring.outSize()];
    Arrays.fill(g, gradient);
    return g;
  }
}
