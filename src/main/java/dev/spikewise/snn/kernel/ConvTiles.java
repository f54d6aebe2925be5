package dev.spikewise.snn.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of dense convolutions: tiles of sums that stay in registers while the taps,
 * or the windows, go by. A tile that is not full computes its last row several times over.
 *
 * <p>Written out, because vectors in an array or a method of their own would leave the registers.
 */
final class ConvTiles {

  /**
   * Rows of a tile: 6 x 2 sums keep two multipliers of four cycles busy and, with what they are
   * made of, fit the 16 registers of AVX2.
   */
  static final int ROWS = 6;

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();

  private final int[] tapOffsets;

  /** By window of every frame: where it starts, from the first padded frame on. */
  private final int[] origins;

  private final int groupOut;
  private final int outC;

  ConvTiles(ConvShape shape, int[] origins) {
    this.origins = origins;
    tapOffsets = shape.tapOffsets();
    groupOut = shape.outCPerGroup();
    outC = shape.outC();
  }

  /** y of the windows {@code r..min(r + 6, last)-1} and of two vectors of channels. */
  void forward6x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int last,
      ActiveTaps.Walk walk) {
    int[] taps = walk.taps;
    int count = walk.count;
    int end = last - 1;
    int r1 = Math.min(r + 1, end);
    int r2 = Math.min(r + 2, end);
    int r3 = Math.min(r + 3, end);
    int r4 = Math.min(r + 4, end);
    int r5 = Math.min(r + 5, end);
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r1];
    int x2 = xAt + origins[r2];
    int x3 = xAt + origins[r3];
    int x4 = xAt + origins[r4];
    int x5 = xAt + origins[r5];
    FloatVector b0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector b1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    FloatVector y00 = b0, y10 = b0, y20 = b0, y30 = b0, y40 = b0, y50 = b0;
    FloatVector y01 = b1, y11 = b1, y21 = b1, y31 = b1, y41 = b1, y51 = b1;
    int[] offsets = tapOffsets;
    int stride = groupOut;
    for (int i = 0; i < count; i++) {
      int k = taps[i];
      int o = offsets[k];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * stride);
      FloatVector w1 = FloatVector.fromArray(SPECIES, w, wAt + k * stride + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[x0 + o]);
      y00 = v.fma(w0, y00);
      y01 = v.fma(w1, y01);
      v = FloatVector.broadcast(SPECIES, x[x1 + o]);
      y10 = v.fma(w0, y10);
      y11 = v.fma(w1, y11);
      v = FloatVector.broadcast(SPECIES, x[x2 + o]);
      y20 = v.fma(w0, y20);
      y21 = v.fma(w1, y21);
      v = FloatVector.broadcast(SPECIES, x[x3 + o]);
      y30 = v.fma(w0, y30);
      y31 = v.fma(w1, y31);
      v = FloatVector.broadcast(SPECIES, x[x4 + o]);
      y40 = v.fma(w0, y40);
      y41 = v.fma(w1, y41);
      v = FloatVector.broadcast(SPECIES, x[x5 + o]);
      y50 = v.fma(w0, y50);
      y51 = v.fma(w1, y51);
    }
    int at = yAt + channel;
    y00.intoArray(y, at + r * outC);
    y01.intoArray(y, at + r * outC + LANES);
    y10.intoArray(y, at + r1 * outC);
    y11.intoArray(y, at + r1 * outC + LANES);
    y20.intoArray(y, at + r2 * outC);
    y21.intoArray(y, at + r2 * outC + LANES);
    y30.intoArray(y, at + r3 * outC);
    y31.intoArray(y, at + r3 * outC + LANES);
    y40.intoArray(y, at + r4 * outC);
    y41.intoArray(y, at + r4 * outC + LANES);
    y50.intoArray(y, at + r5 * outC);
    y51.intoArray(y, at + r5 * outC + LANES);
  }

  /** Likewise for the first {@code lanes} of one vector of channels. */
  void forward6x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int last,
      ActiveTaps.Walk walk,
      int lanes) {
    int[] taps = walk.taps;
    int count = walk.count;
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int end = last - 1;
    int r1 = Math.min(r + 1, end);
    int r2 = Math.min(r + 2, end);
    int r3 = Math.min(r + 3, end);
    int r4 = Math.min(r + 4, end);
    int r5 = Math.min(r + 5, end);
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r1];
    int x2 = xAt + origins[r2];
    int x3 = xAt + origins[r3];
    int x4 = xAt + origins[r4];
    int x5 = xAt + origins[r5];
    FloatVector b = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y0 = b, y1 = b, y2 = b, y3 = b, y4 = b, y5 = b;
    int[] offsets = tapOffsets;
    int stride = groupOut;
    for (int i = 0; i < count; i++) {
      int k = taps[i];
      int o = offsets[k];
      FloatVector v = FloatVector.fromArray(SPECIES, w, wAt + k * stride, mask);
      y0 = v.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), y0);
      y1 = v.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), y1);
      y2 = v.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), y2);
      y3 = v.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), y3);
      y4 = v.fma(FloatVector.broadcast(SPECIES, x[x4 + o]), y4);
      y5 = v.fma(FloatVector.broadcast(SPECIES, x[x5 + o]), y5);
    }
    // One mask a loop: more of them, and the compiler gives up inlining.
    float[] sums = walk.sums;
    y0.intoArray(sums, 0);
    y1.intoArray(sums, LANES);
    y2.intoArray(sums, 2 * LANES);
    y3.intoArray(sums, 3 * LANES);
    y4.intoArray(sums, 4 * LANES);
    y5.intoArray(sums, 5 * LANES);
    for (int i = 0; i < ROWS && r + i < last; i++) {
      System.arraycopy(sums, i * LANES, y, yAt + channel + (r + i) * outC, lanes);
    }
  }

  /**
   * Adds to the weights' gradients of the taps {@code taps[i..min(i + 6, count)-1]} and two vectors
   * of channels what the windows {@code first..last-1} give.
   */
  void weights6x2(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      ActiveTaps.Walk walk,
      int i,
      int first,
      int last) {
    int[] taps = walk.taps;
    int end = walk.count - 1;
    int k0 = taps[i];
    int k1 = taps[Math.min(i + 1, end)];
    int k2 = taps[Math.min(i + 2, end)];
    int k3 = taps[Math.min(i + 3, end)];
    int k4 = taps[Math.min(i + 4, end)];
    int k5 = taps[Math.min(i + 5, end)];
    int x0 = xAt + tapOffsets[k0];
    int x1 = xAt + tapOffsets[k1];
    int x2 = xAt + tapOffsets[k2];
    int x3 = xAt + tapOffsets[k3];
    int x4 = xAt + tapOffsets[k4];
    int x5 = xAt + tapOffsets[k5];
    FloatVector w00 = FloatVector.fromArray(SPECIES, gw, wAt + k0 * groupOut);
    FloatVector w01 = FloatVector.fromArray(SPECIES, gw, wAt + k0 * groupOut + LANES);
    FloatVector w10 = FloatVector.fromArray(SPECIES, gw, wAt + k1 * groupOut);
    FloatVector w11 = FloatVector.fromArray(SPECIES, gw, wAt + k1 * groupOut + LANES);
    FloatVector w20 = FloatVector.fromArray(SPECIES, gw, wAt + k2 * groupOut);
    FloatVector w21 = FloatVector.fromArray(SPECIES, gw, wAt + k2 * groupOut + LANES);
    FloatVector w30 = FloatVector.fromArray(SPECIES, gw, wAt + k3 * groupOut);
    FloatVector w31 = FloatVector.fromArray(SPECIES, gw, wAt + k3 * groupOut + LANES);
    FloatVector w40 = FloatVector.fromArray(SPECIES, gw, wAt + k4 * groupOut);
    FloatVector w41 = FloatVector.fromArray(SPECIES, gw, wAt + k4 * groupOut + LANES);
    FloatVector w50 = FloatVector.fromArray(SPECIES, gw, wAt + k5 * groupOut);
    FloatVector w51 = FloatVector.fromArray(SPECIES, gw, wAt + k5 * groupOut + LANES);
    int[] windows = origins;
    int stride = outC;
    for (int r = first; r < last; r++) {
      int o = windows[r];
      FloatVector g0 = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride);
      FloatVector g1 = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[x0 + o]);
      w00 = v.fma(g0, w00);
      w01 = v.fma(g1, w01);
      v = FloatVector.broadcast(SPECIES, x[x1 + o]);
      w10 = v.fma(g0, w10);
      w11 = v.fma(g1, w11);
      v = FloatVector.broadcast(SPECIES, x[x2 + o]);
      w20 = v.fma(g0, w20);
      w21 = v.fma(g1, w21);
      v = FloatVector.broadcast(SPECIES, x[x3 + o]);
      w30 = v.fma(g0, w30);
      w31 = v.fma(g1, w31);
      v = FloatVector.broadcast(SPECIES, x[x4 + o]);
      w40 = v.fma(g0, w40);
      w41 = v.fma(g1, w41);
      v = FloatVector.broadcast(SPECIES, x[x5 + o]);
      w50 = v.fma(g0, w50);
      w51 = v.fma(g1, w51);
    }
    w00.intoArray(gw, wAt + k0 * groupOut);
    w01.intoArray(gw, wAt + k0 * groupOut + LANES);
    w10.intoArray(gw, wAt + k1 * groupOut);
    w11.intoArray(gw, wAt + k1 * groupOut + LANES);
    w20.intoArray(gw, wAt + k2 * groupOut);
    w21.intoArray(gw, wAt + k2 * groupOut + LANES);
    w30.intoArray(gw, wAt + k3 * groupOut);
    w31.intoArray(gw, wAt + k3 * groupOut + LANES);
    w40.intoArray(gw, wAt + k4 * groupOut);
    w41.intoArray(gw, wAt + k4 * groupOut + LANES);
    w50.intoArray(gw, wAt + k5 * groupOut);
    w51.intoArray(gw, wAt + k5 * groupOut + LANES);
  }

  /** Likewise for the first {@code lanes} of one vector of channels. */
  void weights6x1(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      ActiveTaps.Walk walk,
      int i,
      int first,
      int last,
      int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int[] taps = walk.taps;
    int end = walk.count - 1;
    int k0 = taps[i];
    int k1 = taps[Math.min(i + 1, end)];
    int k2 = taps[Math.min(i + 2, end)];
    int k3 = taps[Math.min(i + 3, end)];
    int k4 = taps[Math.min(i + 4, end)];
    int k5 = taps[Math.min(i + 5, end)];
    int x0 = xAt + tapOffsets[k0];
    int x1 = xAt + tapOffsets[k1];
    int x2 = xAt + tapOffsets[k2];
    int x3 = xAt + tapOffsets[k3];
    int x4 = xAt + tapOffsets[k4];
    int x5 = xAt + tapOffsets[k5];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector w0 = zero, w1 = zero, w2 = zero, w3 = zero;
    FloatVector w4 = zero, w5 = zero;
    int[] windows = origins;
    int stride = outC;
    for (int r = first; r < last; r++) {
      int o = windows[r];
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride, mask);
      w0 = g.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), w0);
      w1 = g.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), w1);
      w2 = g.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), w2);
      w3 = g.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), w3);
      w4 = g.fma(FloatVector.broadcast(SPECIES, x[x4 + o]), w4);
      w5 = g.fma(FloatVector.broadcast(SPECIES, x[x5 + o]), w5);
    }
    float[] sums = walk.sums;
    w0.intoArray(sums, 0);
    w1.intoArray(sums, LANES);
    w2.intoArray(sums, 2 * LANES);
    w3.intoArray(sums, 3 * LANES);
    w4.intoArray(sums, 4 * LANES);
    w5.intoArray(sums, 5 * LANES);
    for (int k = 0; k < ROWS && i + k <= end; k++) {
      for (int c = 0, at = wAt + taps[i + k] * groupOut; c < lanes; c++) {
        gw[at + c] += sums[k * LANES + c];
      }
    }
  }
}
