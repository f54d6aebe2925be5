package dev.spikewise.snn.synops;

import dev.spikewise.snn.kernel.ConvShape;

/**
 * NeuroBench's effective operations of synapses (Yik et al. 2025, doi:10.1038/s41467-025-56739-4):
 * each input that is not 0 meets each weight that is not 0 which it reaches. An input of 1 or -1
 * costs an accumulation (AC), any other a multiplication too (MAC).
 */
public final class Operations {

  private double acs;
  private double macs;

  public Operations() {}

  /** Summed over samples and time since the last reset. */
  public double acs() {
    return acs;
  }

  /** Summed over samples and time since the last reset. */
  public double macs() {
    return macs;
  }

  public void reset() {
    acs = 0;
    macs = 0;
  }

  /**
   * Counts {@code frames} frames from {@code x[at]}, each of which stands for {@code times} steps.
   */
  public void count(ConvShape shape, float[] weights, float[] x, int at, int frames, int times) {
    count(reach(shape, weights), x, at, frames, times);
  }

  /**
   * Counts {@code frames} frames from {@code x[at]}, each of which stands for {@code times} steps.
   *
   * @param reach by input of a frame: weights other than 0 that it meets
   */
  public void count(double[] reach, float[] x, int at, int frames, int times) {
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < reach.length; i++) {
        float value = x[at + f * reach.length + i];
        if (Math.abs(value) == 1) {
          acs += times * reach[i];
        } else if (value != 0) {
          macs += times * reach[i];
        }
      }
    }
  }

  /** By input of a frame: weights other than 0 that it meets. */
  public static double[] reach(ConvShape s, float[] weights) {
    int taps = s.taps();
    int groupOut = s.outCPerGroup();
    var nonZero = new int[s.groups() * taps];
    for (int i = 0; i < weights.length; i++) {
      nonZero[i / groupOut] += weights[i] != 0 ? 1 : 0;
    }
    var reach = new double[s.inSize()];
    for (int oy = 0; oy < s.outH(); oy++) {
      for (int ox = 0; ox < s.outW(); ox++) {
        for (int k = 0; k < s.kH() * s.kW(); k++) {
          int y = oy * s.strideH() - s.padH() + k / s.kW() * s.dilationH();
          int x = ox * s.strideW() - s.padW() + k % s.kW() * s.dilationW();
          if (y < 0 || y >= s.inH() || x < 0 || x >= s.inW()) {
            continue;
          }
          for (int c = 0; c < s.inC(); c++) {
            int group = c / s.inCPerGroup();
            int tap = k * s.inCPerGroup() + c % s.inCPerGroup();
            reach[(y * s.inW() + x) * s.inC() + c] += nonZero[group * taps + tap];
          }
        }
      }
    }
    return reach;
  }

  /** {@link #reach} of the transposed convolution: by output of {@code s}. */
  public static double[] reachBack(ConvShape s, float[] weights) {
    int groupOut = s.outCPerGroup();
    var reach = new double[s.outSize()];
    for (int p = 0; p < s.windows(); p++) {
      for (int tap = 0; tap < s.taps(); tap++) {
        int k = tap / s.inCPerGroup();
        int y = p / s.outW() * s.strideH() - s.padH() + k / s.kW() * s.dilationH();
        int x = p % s.outW() * s.strideW() - s.padW() + k % s.kW() * s.dilationW();
        if (y < 0 || y >= s.inH() || x < 0 || x >= s.inW()) {
          continue;
        }
        for (int o = 0; o < s.outC(); o++) {
          int g = o / groupOut;
          boolean there = weights[(g * s.taps() + tap) * groupOut + o % groupOut] != 0;
          reach[p * s.outC() + o] += there ? 1 : 0;
        }
      }
    }
    return reach;
  }
}
