package dev.spikewise.snn.synops;

import dev.spikewise.snn.kernel.ConvShape;
import java.util.Arrays;

/**
 * Number of synapses that a spike reaches in a convolution, exact at the borders. All counts of
 * synaptic operations are based on this class.
 */
public final class FanOut {

  private static final int OUTSIDE = -1;

  private FanOut() {}

  /** Windows along one axis of a convolution. */
  private record Axis(int size, int windows, int kernel, int stride, int pad, int dilation) {

    static Axis rows(ConvShape s) {
      return new Axis(s.inH(), s.outH(), s.kH(), s.strideH(), s.padH(), s.dilationH());
    }

    static Axis columns(ConvShape s) {
      return new Axis(s.inW(), s.outW(), s.kW(), s.strideW(), s.padW(), s.dilationW());
    }

    /** Input position of a tap of a window, or {@link #OUTSIDE}. */
    int position(int window, int tap) {
      int at = window * stride - pad + tap * dilation;
      return at >= 0 && at < size ? at : OUTSIDE;
    }

    /** For each position, the number of pairs of a window and a tap at this position. */
    int[] pairsByPosition() {
      var pairs = new int[size];
      for (int window = 0; window < windows; window++) {
        for (int tap = 0; tap < kernel; tap++) {
          int at = position(window, tap);
          if (at != OUTSIDE) {
            pairs[at]++;
          }
        }
      }
      return pairs;
    }

    /** For each window, the number of its taps inside the input. */
    int[] pairsByWindow() {
      var pairs = new int[windows];
      for (int window = 0; window < windows; window++) {
        for (int tap = 0; tap < kernel; tap++) {
          pairs[window] += position(window, tap) == OUTSIDE ? 0 : 1;
        }
      }
      return pairs;
    }
  }

  /** Number of synapses that a spike reaches, by input pixel [H, W]. */
  public static int[] byPixel(ConvShape s) {
    int[] rows = Axis.rows(s).pairsByPosition();
    int[] columns = Axis.columns(s).pairsByPosition();
    var fanOut = new int[s.inH() * s.inW()];
    for (int i = 0; i < fanOut.length; i++) {
      fanOut[i] = s.outCPerGroup() * rows[i / s.inW()] * columns[i % s.inW()];
    }
    return fanOut;
  }

  /**
   * Number of inputs per group inside each window [H', W']. For the transposed convolution, this is
   * the number of synapses that a spike at each of its input pixels reaches.
   */
  public static int[] byWindow(ConvShape s) {
    int[] rows = Axis.rows(s).pairsByWindow();
    int[] columns = Axis.columns(s).pairsByWindow();
    var fanOut = new int[s.windows()];
    for (int p = 0; p < fanOut.length; p++) {
      fanOut[p] = s.inCPerGroup() * rows[p / s.outW()] * columns[p % s.outW()];
    }
    return fanOut;
  }

  /** Number of non-zero weights that each input of a frame reaches. */
  public static double[] weightsByInput(ConvShape s, float[] weights) {
    int taps = s.taps();
    int groupOut = s.outCPerGroup();
    var nonZero = new int[s.groups() * taps];
    for (int i = 0; i < weights.length; i++) {
      nonZero[i / groupOut] += weights[i] != 0 ? 1 : 0;
    }
    var reach = new double[s.inSize()];
    forEachPair(
        s,
        (pixel, window, k) -> {
          for (int c = 0; c < s.inC(); c++) {
            int group = c / s.inCPerGroup();
            int tap = k * s.inCPerGroup() + c % s.inCPerGroup();
            reach[pixel * s.inC() + c] += nonZero[group * taps + tap];
          }
        });
    return reach;
  }

  /** {@link #weightsByInput} for the transposed convolution, by output of {@code s}. */
  public static double[] weightsByOutput(ConvShape s, float[] weights) {
    int groupIn = s.inCPerGroup();
    int groupOut = s.outCPerGroup();
    int positions = s.kH() * s.kW();
    // Indexed by position in the kernel and output channel.
    var nonZero = new int[positions * s.outC()];
    for (int i = 0; i < weights.length; i++) {
      int tap = i / groupOut % s.taps();
      int o = i / groupOut / s.taps() * groupOut + i % groupOut;
      nonZero[tap / groupIn * s.outC() + o] += weights[i] != 0 ? 1 : 0;
    }
    var reach = new double[s.outSize()];
    forEachPair(
        s,
        (pixel, window, k) -> {
          for (int o = 0; o < s.outC(); o++) {
            reach[window * s.outC() + o] += nonZero[k * s.outC() + o];
          }
        });
    return reach;
  }

  private interface Pair {
    /**
     * @param k position in the kernel: row * kW + column
     */
    void meet(int pixel, int window, int k);
  }

  private static void forEachPair(ConvShape s, Pair pair) {
    Axis rows = Axis.rows(s);
    Axis columns = Axis.columns(s);
    for (int p = 0; p < s.windows(); p++) {
      for (int k = 0; k < s.kH() * s.kW(); k++) {
        int y = rows.position(p / s.outW(), k / s.kW());
        int x = columns.position(p % s.outW(), k % s.kW());
        if (y != OUTSIDE && x != OUTSIDE) {
          pair.meet(y * s.inW() + x, p, k);
        }
      }
    }
  }

  /** Maximum number of synapses that one input pixel reaches. */
  public static long most(ConvShape s) {
    return (long) s.outCPerGroup()
        * max(Axis.rows(s).pairsByPosition())
        * max(Axis.columns(s).pairsByPosition());
  }

  /** {@link #most} of the transposed convolution. */
  public static long mostTransposed(ConvShape s) {
    return (long) s.inCPerGroup()
        * max(Axis.rows(s).pairsByWindow())
        * max(Axis.columns(s).pairsByWindow());
  }

  private static int max(int[] values) {
    return Arrays.stream(values).max().orElseThrow();
  }
}
