package dev.spikewise.snn.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link PanelConv}, with separate local variables as in {@link ConvTiles}.
 * Weights are stored in the order in which the loop reads them, so that C2 moves their bounds
 * checks out of the loop.
 */
final class PanelTiles {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** Windows of a tile: 8 x 2 sums for the 32 registers of AVX-512, 6 x 2 for the 16 of AVX2. */
  static final int WINDOWS = LANES > 8 ? 8 : 6;

  /** By window: where it starts in the input. */
  private final int[] origins;

  PanelTiles(int[] origins) {
    this.origins = origins;
  }

  /**
   * Adds to the sums of the windows {@code r..min(r + 8, last)-1} and of two vectors of channels
   * the contributions of the runs {@code firstRun..lastRun-1} of taps.
   *
   * @param w rows of two vectors, one for each of these taps, from {@code wAt} on
   * @param sums two vectors for each window, from {@code at} on
   */
  void sum8x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] sums,
      int at,
      int r,
      int last,
      TapRuns taps,
      int firstRun,
      int lastRun) {
    int end = last - 1;
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[Math.min(r + 1, end)];
    int x2 = xAt + origins[Math.min(r + 2, end)];
    int x3 = xAt + origins[Math.min(r + 3, end)];
    int x4 = xAt + origins[Math.min(r + 4, end)];
    int x5 = xAt + origins[Math.min(r + 5, end)];
    int x6 = xAt + origins[Math.min(r + 6, end)];
    int x7 = xAt + origins[Math.min(r + 7, end)];
    FloatVector y00 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector y01 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector y10 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector y11 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    FloatVector y20 = FloatVector.fromArray(SPECIES, sums, at + 4 * LANES);
    FloatVector y21 = FloatVector.fromArray(SPECIES, sums, at + 5 * LANES);
    FloatVector y30 = FloatVector.fromArray(SPECIES, sums, at + 6 * LANES);
    FloatVector y31 = FloatVector.fromArray(SPECIES, sums, at + 7 * LANES);
    FloatVector y40 = FloatVector.fromArray(SPECIES, sums, at + 8 * LANES);
    FloatVector y41 = FloatVector.fromArray(SPECIES, sums, at + 9 * LANES);
    FloatVector y50 = FloatVector.fromArray(SPECIES, sums, at + 10 * LANES);
    FloatVector y51 = FloatVector.fromArray(SPECIES, sums, at + 11 * LANES);
    FloatVector y60 = FloatVector.fromArray(SPECIES, sums, at + 12 * LANES);
    FloatVector y61 = FloatVector.fromArray(SPECIES, sums, at + 13 * LANES);
    FloatVector y70 = FloatVector.fromArray(SPECIES, sums, at + 14 * LANES);
    FloatVector y71 = FloatVector.fromArray(SPECIES, sums, at + 15 * LANES);
    int k = wAt;
    for (int run = firstRun; run < lastRun; run++) {
      int o = taps.inputs[run];
      int n = taps.lengths[run];
      int i0 = x0 + o;
      int i1 = x1 + o;
      int i2 = x2 + o;
      int i3 = x3 + o;
      int i4 = x4 + o;
      int i5 = x5 + o;
      int i6 = x6 + o;
      int i7 = x7 + o;
      for (int i = 0; i < n; i++, k += 2 * LANES) {
        FloatVector w0 = FloatVector.fromArray(SPECIES, w, k);
        FloatVector w1 = FloatVector.fromArray(SPECIES, w, k + LANES);
        FloatVector v = FloatVector.broadcast(SPECIES, x[i0 + i]);
        y00 = v.fma(w0, y00);
        y01 = v.fma(w1, y01);
        v = FloatVector.broadcast(SPECIES, x[i1 + i]);
        y10 = v.fma(w0, y10);
        y11 = v.fma(w1, y11);
        v = FloatVector.broadcast(SPECIES, x[i2 + i]);
        y20 = v.fma(w0, y20);
        y21 = v.fma(w1, y21);
        v = FloatVector.broadcast(SPECIES, x[i3 + i]);
        y30 = v.fma(w0, y30);
        y31 = v.fma(w1, y31);
        v = FloatVector.broadcast(SPECIES, x[i4 + i]);
        y40 = v.fma(w0, y40);
        y41 = v.fma(w1, y41);
        v = FloatVector.broadcast(SPECIES, x[i5 + i]);
        y50 = v.fma(w0, y50);
        y51 = v.fma(w1, y51);
        v = FloatVector.broadcast(SPECIES, x[i6 + i]);
        y60 = v.fma(w0, y60);
        y61 = v.fma(w1, y61);
        v = FloatVector.broadcast(SPECIES, x[i7 + i]);
        y70 = v.fma(w0, y70);
        y71 = v.fma(w1, y71);
      }
    }
    y00.intoArray(sums, at);
    y01.intoArray(sums, at + LANES);
    y10.intoArray(sums, at + 2 * LANES);
    y11.intoArray(sums, at + 3 * LANES);
    y20.intoArray(sums, at + 4 * LANES);
    y21.intoArray(sums, at + 5 * LANES);
    y30.intoArray(sums, at + 6 * LANES);
    y31.intoArray(sums, at + 7 * LANES);
    y40.intoArray(sums, at + 8 * LANES);
    y41.intoArray(sums, at + 9 * LANES);
    y50.intoArray(sums, at + 10 * LANES);
    y51.intoArray(sums, at + 11 * LANES);
    y60.intoArray(sums, at + 12 * LANES);
    y61.intoArray(sums, at + 13 * LANES);
    y70.intoArray(sums, at + 14 * LANES);
    y71.intoArray(sums, at + 15 * LANES);
  }

  /** Likewise for rows of one vector. */
  void sum8x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] sums,
      int at,
      int r,
      int last,
      TapRuns taps,
      int firstRun,
      int lastRun) {
    int end = last - 1;
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[Math.min(r + 1, end)];
    int x2 = xAt + origins[Math.min(r + 2, end)];
    int x3 = xAt + origins[Math.min(r + 3, end)];
    int x4 = xAt + origins[Math.min(r + 4, end)];
    int x5 = xAt + origins[Math.min(r + 5, end)];
    int x6 = xAt + origins[Math.min(r + 6, end)];
    int x7 = xAt + origins[Math.min(r + 7, end)];
    FloatVector y00 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector y10 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector y20 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector y30 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    FloatVector y40 = FloatVector.fromArray(SPECIES, sums, at + 4 * LANES);
    FloatVector y50 = FloatVector.fromArray(SPECIES, sums, at + 5 * LANES);
    FloatVector y60 = FloatVector.fromArray(SPECIES, sums, at + 6 * LANES);
    FloatVector y70 = FloatVector.fromArray(SPECIES, sums, at + 7 * LANES);
    int k = wAt;
    for (int run = firstRun; run < lastRun; run++) {
      int o = taps.inputs[run];
      int n = taps.lengths[run];
      int i0 = x0 + o;
      int i1 = x1 + o;
      int i2 = x2 + o;
      int i3 = x3 + o;
      int i4 = x4 + o;
      int i5 = x5 + o;
      int i6 = x6 + o;
      int i7 = x7 + o;
      for (int i = 0; i < n; i++, k += LANES) {
        FloatVector w0 = FloatVector.fromArray(SPECIES, w, k);
        FloatVector v = FloatVector.broadcast(SPECIES, x[i0 + i]);
        y00 = v.fma(w0, y00);
        v = FloatVector.broadcast(SPECIES, x[i1 + i]);
        y10 = v.fma(w0, y10);
        v = FloatVector.broadcast(SPECIES, x[i2 + i]);
        y20 = v.fma(w0, y20);
        v = FloatVector.broadcast(SPECIES, x[i3 + i]);
        y30 = v.fma(w0, y30);
        v = FloatVector.broadcast(SPECIES, x[i4 + i]);
        y40 = v.fma(w0, y40);
        v = FloatVector.broadcast(SPECIES, x[i5 + i]);
        y50 = v.fma(w0, y50);
        v = FloatVector.broadcast(SPECIES, x[i6 + i]);
        y60 = v.fma(w0, y60);
        v = FloatVector.broadcast(SPECIES, x[i7 + i]);
        y70 = v.fma(w0, y70);
      }
    }
    y00.intoArray(sums, at);
    y10.intoArray(sums, at + LANES);
    y20.intoArray(sums, at + 2 * LANES);
    y30.intoArray(sums, at + 3 * LANES);
    y40.intoArray(sums, at + 4 * LANES);
    y50.intoArray(sums, at + 5 * LANES);
    y60.intoArray(sums, at + 6 * LANES);
    y70.intoArray(sums, at + 7 * LANES);
  }

  /**
   * Same for six windows and the taps {@code from..to-1}. The offset of each tap is read from a
   * table. With runs, C2 would read ahead, exceed 16 registers and take twice as long.
   */
  void sum6x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] sums,
      int at,
      int r,
      int last,
      int[] offsets,
      int from,
      int to) {
    int end = last - 1;
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[Math.min(r + 1, end)];
    int x2 = xAt + origins[Math.min(r + 2, end)];
    int x3 = xAt + origins[Math.min(r + 3, end)];
    int x4 = xAt + origins[Math.min(r + 4, end)];
    int x5 = xAt + origins[Math.min(r + 5, end)];
    FloatVector y00 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector y01 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector y10 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector y11 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    FloatVector y20 = FloatVector.fromArray(SPECIES, sums, at + 4 * LANES);
    FloatVector y21 = FloatVector.fromArray(SPECIES, sums, at + 5 * LANES);
    FloatVector y30 = FloatVector.fromArray(SPECIES, sums, at + 6 * LANES);
    FloatVector y31 = FloatVector.fromArray(SPECIES, sums, at + 7 * LANES);
    FloatVector y40 = FloatVector.fromArray(SPECIES, sums, at + 8 * LANES);
    FloatVector y41 = FloatVector.fromArray(SPECIES, sums, at + 9 * LANES);
    FloatVector y50 = FloatVector.fromArray(SPECIES, sums, at + 10 * LANES);
    FloatVector y51 = FloatVector.fromArray(SPECIES, sums, at + 11 * LANES);
    int k = wAt;
    for (int tap = from; tap < to; tap++, k += 2 * LANES) {
      int o = offsets[tap];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, k);
      FloatVector w1 = FloatVector.fromArray(SPECIES, w, k + LANES);
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
    y00.intoArray(sums, at);
    y01.intoArray(sums, at + LANES);
    y10.intoArray(sums, at + 2 * LANES);
    y11.intoArray(sums, at + 3 * LANES);
    y20.intoArray(sums, at + 4 * LANES);
    y21.intoArray(sums, at + 5 * LANES);
    y30.intoArray(sums, at + 6 * LANES);
    y31.intoArray(sums, at + 7 * LANES);
    y40.intoArray(sums, at + 8 * LANES);
    y41.intoArray(sums, at + 9 * LANES);
    y50.intoArray(sums, at + 10 * LANES);
    y51.intoArray(sums, at + 11 * LANES);
  }

  /** Likewise for rows of one vector. */
  void sum6x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] sums,
      int at,
      int r,
      int last,
      int[] offsets,
      int from,
      int to) {
    int end = last - 1;
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[Math.min(r + 1, end)];
    int x2 = xAt + origins[Math.min(r + 2, end)];
    int x3 = xAt + origins[Math.min(r + 3, end)];
    int x4 = xAt + origins[Math.min(r + 4, end)];
    int x5 = xAt + origins[Math.min(r + 5, end)];
    FloatVector y00 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector y10 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector y20 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector y30 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    FloatVector y40 = FloatVector.fromArray(SPECIES, sums, at + 4 * LANES);
    FloatVector y50 = FloatVector.fromArray(SPECIES, sums, at + 5 * LANES);
    int k = wAt;
    for (int tap = from; tap < to; tap++, k += LANES) {
      int o = offsets[tap];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, k);
      FloatVector v = FloatVector.broadcast(SPECIES, x[x0 + o]);
      y00 = v.fma(w0, y00);
      v = FloatVector.broadcast(SPECIES, x[x1 + o]);
      y10 = v.fma(w0, y10);
      v = FloatVector.broadcast(SPECIES, x[x2 + o]);
      y20 = v.fma(w0, y20);
      v = FloatVector.broadcast(SPECIES, x[x3 + o]);
      y30 = v.fma(w0, y30);
      v = FloatVector.broadcast(SPECIES, x[x4 + o]);
      y40 = v.fma(w0, y40);
      v = FloatVector.broadcast(SPECIES, x[x5 + o]);
      y50 = v.fma(w0, y50);
    }
    y00.intoArray(sums, at);
    y10.intoArray(sums, at + LANES);
    y20.intoArray(sums, at + 2 * LANES);
    y30.intoArray(sums, at + 3 * LANES);
    y40.intoArray(sums, at + 4 * LANES);
    y50.intoArray(sums, at + 5 * LANES);
  }
}
