package dev.spikewise.snn.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link PlaneConv}, with separate local variables as in {@link ConvTiles}.
 * Neighbouring windows read neighbouring values, so that one bounds check covers six windows or a
 * row.
 */
final class PlaneTiles {

  static final int ROWS = ConvTiles.ROWS;

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** By tap: its distance from the start of a window. */
  private final int[] offsets;

  /** By row of windows: where the first one starts. */
  private final int[] origins;

  /** Windows in a row. */
  private final int width;

  /** Channels of the output, and those of a group. */
  private final int outC;

  private final int groupOut;

  PlaneTiles(int[] offsets, int[] origins, int width, int outC, int groupOut) {
    this.offsets = offsets;
    this.origins = origins;
    this.width = width;
    this.outC = outC;
    this.groupOut = groupOut;
  }

  /**
   * Computes y for the first {@code n} of six consecutive windows, starting at {@code xAt}, and two
   * vectors of channels. The array x must extend five windows beyond the last one.
   *
   * @param sums memory for 12 vectors
   */
  void forward6x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int n,
      float[] sums) {
    FloatVector b0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector b1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    FloatVector y00 = b0, y10 = b0, y20 = b0, y30 = b0, y40 = b0, y50 = b0;
    FloatVector y01 = b1, y11 = b1, y21 = b1, y31 = b1, y41 = b1, y51 = b1;
    int[] taps = offsets;
    for (int tap = 0, k = wAt; tap < taps.length; tap++, k += groupOut) {
      int i = xAt + taps[tap];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, k);
      FloatVector w1 = FloatVector.fromArray(SPECIES, w, k + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[i]);
      y00 = v.fma(w0, y00);
      y01 = v.fma(w1, y01);
      v = FloatVector.broadcast(SPECIES, x[i + 1]);
      y10 = v.fma(w0, y10);
      y11 = v.fma(w1, y11);
      v = FloatVector.broadcast(SPECIES, x[i + 2]);
      y20 = v.fma(w0, y20);
      y21 = v.fma(w1, y21);
      v = FloatVector.broadcast(SPECIES, x[i + 3]);
      y30 = v.fma(w0, y30);
      y31 = v.fma(w1, y31);
      v = FloatVector.broadcast(SPECIES, x[i + 4]);
      y40 = v.fma(w0, y40);
      y41 = v.fma(w1, y41);
      v = FloatVector.broadcast(SPECIES, x[i + 5]);
      y50 = v.fma(w0, y50);
      y51 = v.fma(w1, y51);
    }
    y00.intoArray(sums, 0);
    y01.intoArray(sums, LANES);
    y10.intoArray(sums, 2 * LANES);
    y11.intoArray(sums, 3 * LANES);
    y20.intoArray(sums, 4 * LANES);
    y21.intoArray(sums, 5 * LANES);
    y30.intoArray(sums, 6 * LANES);
    y31.intoArray(sums, 7 * LANES);
    y40.intoArray(sums, 8 * LANES);
    y41.intoArray(sums, 9 * LANES);
    y50.intoArray(sums, 10 * LANES);
    y51.intoArray(sums, 11 * LANES);
    for (int row = 0, at = yAt + channel; row < n; row++, at += outC) {
      ConvTiles.store(sums, 2 * row * LANES, y, at, LANES);
      ConvTiles.store(sums, (2 * row + 1) * LANES, y, at + LANES, LANES);
    }
  }

  /**
   * Same for the first {@code lanes} of one vector of channels. The array w must extend one vector
   * beyond its last row.
   */
  void forward6x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int n,
      float[] sums,
      int lanes) {
    FloatVector b = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y0 = b, y1 = b, y2 = b, y3 = b, y4 = b, y5 = b;
    int[] taps = offsets;
    for (int tap = 0, k = wAt; tap < taps.length; tap++, k += groupOut) {
      int i = xAt + taps[tap];
      FloatVector v = FloatVector.fromArray(SPECIES, w, k);
      y0 = v.fma(FloatVector.broadcast(SPECIES, x[i]), y0);
      y1 = v.fma(FloatVector.broadcast(SPECIES, x[i + 1]), y1);
      y2 = v.fma(FloatVector.broadcast(SPECIES, x[i + 2]), y2);
      y3 = v.fma(FloatVector.broadcast(SPECIES, x[i + 3]), y3);
      y4 = v.fma(FloatVector.broadcast(SPECIES, x[i + 4]), y4);
      y5 = v.fma(FloatVector.broadcast(SPECIES, x[i + 5]), y5);
    }
    y0.intoArray(sums, 0);
    y1.intoArray(sums, LANES);
    y2.intoArray(sums, 2 * LANES);
    y3.intoArray(sums, 3 * LANES);
    y4.intoArray(sums, 4 * LANES);
    y5.intoArray(sums, 5 * LANES);
    for (int row = 0, at = yAt + channel; row < n; row++, at += outC) {
      ConvTiles.store(sums, row * LANES, y, at, lanes);
    }
  }

  /**
   * Adds the contributions of the rows of windows {@code first..last-1} to the weight gradients of
   * the existing taps among {@code tap..tap+5} and two vectors of channels.
   *
   * @param wAt where the first tap's row of weights lies
   * @param sums memory for 12 vectors
   */
  void weights6x2(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      int tap,
      int first,
      int last,
      float[] sums) {
    int end = offsets.length - 1;
    int o0 = xAt + offsets[tap];
    int o1 = xAt + offsets[Math.min(tap + 1, end)];
    int o2 = xAt + offsets[Math.min(tap + 2, end)];
    int o3 = xAt + offsets[Math.min(tap + 3, end)];
    int o4 = xAt + offsets[Math.min(tap + 4, end)];
    int o5 = xAt + offsets[Math.min(tap + 5, end)];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector w00 = zero, w10 = zero, w20 = zero, w30 = zero, w40 = zero, w50 = zero;
    FloatVector w01 = zero, w11 = zero, w21 = zero, w31 = zero, w41 = zero, w51 = zero;
    for (int row = first; row < last; row++) {
      int at = gyAt + row * width * outC;
      int i0 = o0 + origins[row];
      int i1 = o1 + origins[row];
      int i2 = o2 + origins[row];
      int i3 = o3 + origins[row];
      int i4 = o4 + origins[row];
      int i5 = o5 + origins[row];
      for (int i = 0; i < width; i++, at += outC) {
        FloatVector g0 = FloatVector.fromArray(SPECIES, gy, at);
        FloatVector g1 = FloatVector.fromArray(SPECIES, gy, at + LANES);
        FloatVector v = FloatVector.broadcast(SPECIES, x[i0 + i]);
        w00 = v.fma(g0, w00);
        w01 = v.fma(g1, w01);
        v = FloatVector.broadcast(SPECIES, x[i1 + i]);
        w10 = v.fma(g0, w10);
        w11 = v.fma(g1, w11);
        v = FloatVector.broadcast(SPECIES, x[i2 + i]);
        w20 = v.fma(g0, w20);
        w21 = v.fma(g1, w21);
        v = FloatVector.broadcast(SPECIES, x[i3 + i]);
        w30 = v.fma(g0, w30);
        w31 = v.fma(g1, w31);
        v = FloatVector.broadcast(SPECIES, x[i4 + i]);
        w40 = v.fma(g0, w40);
        w41 = v.fma(g1, w41);
        v = FloatVector.broadcast(SPECIES, x[i5 + i]);
        w50 = v.fma(g0, w50);
        w51 = v.fma(g1, w51);
      }
    }
    w00.intoArray(sums, 0);
    w01.intoArray(sums, LANES);
    w10.intoArray(sums, 2 * LANES);
    w11.intoArray(sums, 3 * LANES);
    w20.intoArray(sums, 4 * LANES);
    w21.intoArray(sums, 5 * LANES);
    w30.intoArray(sums, 6 * LANES);
    w31.intoArray(sums, 7 * LANES);
    w40.intoArray(sums, 8 * LANES);
    w41.intoArray(sums, 9 * LANES);
    w50.intoArray(sums, 10 * LANES);
    w51.intoArray(sums, 11 * LANES);
    for (int t = 0; t < ROWS && tap + t <= end; t++) {
      ConvTiles.add(sums, 2 * t * LANES, gw, wAt + t * groupOut);
      ConvTiles.add(sums, (2 * t + 1) * LANES, gw, wAt + t * groupOut + LANES);
    }
  }

  /**
   * Same for the lanes {@code skip..lanes-1} of one vector of channels. The array gy must extend
   * one vector beyond its last row.
   */
  void weights6x1(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      int tap,
      int first,
      int last,
      float[] sums,
      int skip,
      int lanes) {
    int end = offsets.length - 1;
    int o0 = xAt + offsets[tap];
    int o1 = xAt + offsets[Math.min(tap + 1, end)];
    int o2 = xAt + offsets[Math.min(tap + 2, end)];
    int o3 = xAt + offsets[Math.min(tap + 3, end)];
    int o4 = xAt + offsets[Math.min(tap + 4, end)];
    int o5 = xAt + offsets[Math.min(tap + 5, end)];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector w0 = zero, w1 = zero, w2 = zero, w3 = zero, w4 = zero, w5 = zero;
    for (int row = first; row < last; row++) {
      int at = gyAt + row * width * outC;
      int i0 = o0 + origins[row];
      int i1 = o1 + origins[row];
      int i2 = o2 + origins[row];
      int i3 = o3 + origins[row];
      int i4 = o4 + origins[row];
      int i5 = o5 + origins[row];
      for (int i = 0; i < width; i++, at += outC) {
        FloatVector g = FloatVector.fromArray(SPECIES, gy, at);
        w0 = g.fma(FloatVector.broadcast(SPECIES, x[i0 + i]), w0);
        w1 = g.fma(FloatVector.broadcast(SPECIES, x[i1 + i]), w1);
        w2 = g.fma(FloatVector.broadcast(SPECIES, x[i2 + i]), w2);
        w3 = g.fma(FloatVector.broadcast(SPECIES, x[i3 + i]), w3);
        w4 = g.fma(FloatVector.broadcast(SPECIES, x[i4 + i]), w4);
        w5 = g.fma(FloatVector.broadcast(SPECIES, x[i5 + i]), w5);
      }
    }
    w0.intoArray(sums, 0);
    w1.intoArray(sums, LANES);
    w2.intoArray(sums, 2 * LANES);
    w3.intoArray(sums, 3 * LANES);
    w4.intoArray(sums, 4 * LANES);
    w5.intoArray(sums, 5 * LANES);
    for (int t = 0; t < ROWS && tap + t <= end; t++) {
      ConvTiles.add(sums, t * LANES, gw, wAt + t * groupOut, skip, lanes);
    }
  }
}
