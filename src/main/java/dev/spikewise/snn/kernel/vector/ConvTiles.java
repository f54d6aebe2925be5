package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.PlaneLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of dense convolutions: tiles of sums that stay in registers during the loop
 * over taps or windows. A tile that is not full computes its last row several times.
 *
 * <p>The sums are separate local variables, because C2 does not keep vectors of an array or of a
 * called method in registers. Masks are avoided, because C2 boxes them if other code of the process
 * uses masks of other types.
 */
final class ConvTiles {

  static final int ROWS = PlaneLayout.ROWS;

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /**
   * Whether runs of taps are faster than lists of taps: C2 reads ahead in runs, which needs the 32
   * registers of AVX-512. With 16 registers runs take twice as long.
   */
  static final boolean RUNS = LANES > 8;

  /**
   * Time per tap in a run, relative to the time per tap in a list. If a larger share of the
   * channels is active, a list costs more than it saves.
   */
  static final double IN_RUN = 0.6;

  /** By window: where it starts in the input. */
  private final int[] origins;

  /** By window: where its channels lie in the output. */
  private final int[] outputs;

  ConvTiles(int[] origins, int[] outputs) {
    this.origins = origins;
    this.outputs = outputs;
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
      TapList taps) {
    int[] inputs = taps.inputs;
    int[] weights = taps.weights;
    int count = taps.count;
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
    for (int i = 0; i < count; i++) {
      int o = inputs[i];
      int k = wAt + weights[i];
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
    int at = yAt + channel;
    y00.intoArray(y, at + outputs[r]);
    y01.intoArray(y, at + outputs[r] + LANES);
    y10.intoArray(y, at + outputs[r1]);
    y11.intoArray(y, at + outputs[r1] + LANES);
    y20.intoArray(y, at + outputs[r2]);
    y21.intoArray(y, at + outputs[r2] + LANES);
    y30.intoArray(y, at + outputs[r3]);
    y31.intoArray(y, at + outputs[r3] + LANES);
    y40.intoArray(y, at + outputs[r4]);
    y41.intoArray(y, at + outputs[r4] + LANES);
    y50.intoArray(y, at + outputs[r5]);
    y51.intoArray(y, at + outputs[r5] + LANES);
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
      int r,
      int last,
      TapList taps,
      int lanes) {
    int[] inputs = taps.inputs;
    int[] weights = taps.weights;
    int count = taps.count;
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
    for (int i = 0; i < count; i++) {
      int o = inputs[i];
      int k = wAt + weights[i];
      FloatVector v = FloatVector.fromArray(SPECIES, w, k);
      y0 = v.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), y0);
      y1 = v.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), y1);
      y2 = v.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), y2);
      y3 = v.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), y3);
      y4 = v.fma(FloatVector.broadcast(SPECIES, x[x4 + o]), y4);
      y5 = v.fma(FloatVector.broadcast(SPECIES, x[x5 + o]), y5);
    }
    float[] sums = taps.sums;
    y0.intoArray(sums, 0);
    y1.intoArray(sums, LANES);
    y2.intoArray(sums, 2 * LANES);
    y3.intoArray(sums, 3 * LANES);
    y4.intoArray(sums, 4 * LANES);
    y5.intoArray(sums, 5 * LANES);
    for (int i = 0, at = yAt + channel; i < ROWS && r + i < last; i++) {
      store(sums, i * LANES, y, at + outputs[r + i], lanes);
    }
  }

  /**
   * Same as {@link #forward6x2}, for runs of taps that are neighbours in memory: it needs no bounds
   * check per value, which would take as long as the arithmetic.
   */
  void forwardRuns6x2(
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
      TapRuns taps) {
    int[] inputs = taps.inputs;
    int[] weights = taps.weights;
    int[] lengths = taps.lengths;
    int runs = taps.count;
    int step = taps.step;
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
    for (int run = 0; run < runs; run++) {
      int o = inputs[run];
      int k = wAt + weights[run];
      int n = lengths[run];
      int i0 = x0 + o;
      int i1 = x1 + o;
      int i2 = x2 + o;
      int i3 = x3 + o;
      int i4 = x4 + o;
      int i5 = x5 + o;
      for (int i = 0; i < n; i++, k += step) {
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
      }
    }
    int at = yAt + channel;
    y00.intoArray(y, at + outputs[r]);
    y01.intoArray(y, at + outputs[r] + LANES);
    y10.intoArray(y, at + outputs[r1]);
    y11.intoArray(y, at + outputs[r1] + LANES);
    y20.intoArray(y, at + outputs[r2]);
    y21.intoArray(y, at + outputs[r2] + LANES);
    y30.intoArray(y, at + outputs[r3]);
    y31.intoArray(y, at + outputs[r3] + LANES);
    y40.intoArray(y, at + outputs[r4]);
    y41.intoArray(y, at + outputs[r4] + LANES);
    y50.intoArray(y, at + outputs[r5]);
    y51.intoArray(y, at + outputs[r5] + LANES);
  }

  /**
   * Adds to the weights' gradients of the taps {@code i..min(i + 6, count)-1} and two vectors of
   * channels the contributions of the windows {@code first..last-1}.
   */
  void weights6x2(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      TapList taps,
      int i,
      int first,
      int last) {
    int end = taps.count - 1;
    int i1 = Math.min(i + 1, end);
    int i2 = Math.min(i + 2, end);
    int i3 = Math.min(i + 3, end);
    int i4 = Math.min(i + 4, end);
    int i5 = Math.min(i + 5, end);
    int x0 = xAt + taps.inputs[i];
    int k0 = wAt + taps.weights[i];
    int x1 = xAt + taps.inputs[i1];
    int k1 = wAt + taps.weights[i1];
    int x2 = xAt + taps.inputs[i2];
    int k2 = wAt + taps.weights[i2];
    int x3 = xAt + taps.inputs[i3];
    int k3 = wAt + taps.weights[i3];
    int x4 = xAt + taps.inputs[i4];
    int k4 = wAt + taps.weights[i4];
    int x5 = xAt + taps.inputs[i5];
    int k5 = wAt + taps.weights[i5];
    FloatVector w00 = FloatVector.fromArray(SPECIES, gw, k0);
    FloatVector w01 = FloatVector.fromArray(SPECIES, gw, k0 + LANES);
    FloatVector w10 = FloatVector.fromArray(SPECIES, gw, k1);
    FloatVector w11 = FloatVector.fromArray(SPECIES, gw, k1 + LANES);
    FloatVector w20 = FloatVector.fromArray(SPECIES, gw, k2);
    FloatVector w21 = FloatVector.fromArray(SPECIES, gw, k2 + LANES);
    FloatVector w30 = FloatVector.fromArray(SPECIES, gw, k3);
    FloatVector w31 = FloatVector.fromArray(SPECIES, gw, k3 + LANES);
    FloatVector w40 = FloatVector.fromArray(SPECIES, gw, k4);
    FloatVector w41 = FloatVector.fromArray(SPECIES, gw, k4 + LANES);
    FloatVector w50 = FloatVector.fromArray(SPECIES, gw, k5);
    FloatVector w51 = FloatVector.fromArray(SPECIES, gw, k5 + LANES);
    int[] windows = origins;
    int[] gradients = outputs;
    for (int r = first; r < last; r++) {
      int o = windows[r];
      int at = gyAt + gradients[r];
      FloatVector g0 = FloatVector.fromArray(SPECIES, gy, at);
      FloatVector g1 = FloatVector.fromArray(SPECIES, gy, at + LANES);
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
    w00.intoArray(gw, k0);
    w01.intoArray(gw, k0 + LANES);
    w10.intoArray(gw, k1);
    w11.intoArray(gw, k1 + LANES);
    w20.intoArray(gw, k2);
    w21.intoArray(gw, k2 + LANES);
    w30.intoArray(gw, k3);
    w31.intoArray(gw, k3 + LANES);
    w40.intoArray(gw, k4);
    w41.intoArray(gw, k4 + LANES);
    w50.intoArray(gw, k5);
    w51.intoArray(gw, k5 + LANES);
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
      TapList taps,
      int i,
      int first,
      int last,
      int skip,
      int lanes) {
    int end = taps.count - 1;
    int i1 = Math.min(i + 1, end);
    int i2 = Math.min(i + 2, end);
    int i3 = Math.min(i + 3, end);
    int i4 = Math.min(i + 4, end);
    int i5 = Math.min(i + 5, end);
    int x0 = xAt + taps.inputs[i];
    int k0 = wAt + taps.weights[i];
    int x1 = xAt + taps.inputs[i1];
    int k1 = wAt + taps.weights[i1];
    int x2 = xAt + taps.inputs[i2];
    int k2 = wAt + taps.weights[i2];
    int x3 = xAt + taps.inputs[i3];
    int k3 = wAt + taps.weights[i3];
    int x4 = xAt + taps.inputs[i4];
    int k4 = wAt + taps.weights[i4];
    int x5 = xAt + taps.inputs[i5];
    int k5 = wAt + taps.weights[i5];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector w0 = zero, w1 = zero, w2 = zero, w3 = zero;
    FloatVector w4 = zero, w5 = zero;
    int[] windows = origins;
    int[] gradients = outputs;
    for (int r = first; r < last; r++) {
      int o = windows[r];
      int at = gyAt + gradients[r];
      FloatVector g = FloatVector.fromArray(SPECIES, gy, at);
      w0 = g.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), w0);
      w1 = g.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), w1);
      w2 = g.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), w2);
      w3 = g.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), w3);
      w4 = g.fma(FloatVector.broadcast(SPECIES, x[x4 + o]), w4);
      w5 = g.fma(FloatVector.broadcast(SPECIES, x[x5 + o]), w5);
    }
    float[] sums = taps.sums;
    w0.intoArray(sums, 0);
    w1.intoArray(sums, LANES);
    w2.intoArray(sums, 2 * LANES);
    w3.intoArray(sums, 3 * LANES);
    w4.intoArray(sums, 4 * LANES);
    w5.intoArray(sums, 5 * LANES);
    for (int k = 0; k < ROWS && i + k <= end; k++) {
      add(sums, k * LANES, gw, wAt + taps.weights[i + k], skip, lanes);
    }
  }

  /**
   * Adds the contributions of the windows {@code first..last-1} to the weight gradients of two
   * vectors of channels, for the taps {@code from..to-1} of six taps that are neighbours in memory.
   * The six taps start at {@code xAt} in a window, and their rows of weights at {@code wAt}.
   *
   * @param sums memory for 12 vectors
   */
  void weightsRun6x2(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] gw,
      int wAt,
      int step,
      int from,
      int to,
      int first,
      int last,
      float[] sums) {
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector w00 = zero, w10 = zero, w20 = zero, w30 = zero, w40 = zero, w50 = zero;
    FloatVector w01 = zero, w11 = zero, w21 = zero, w31 = zero, w41 = zero, w51 = zero;
    int[] windows = origins;
    int[] gradients = outputs;
    for (int r = first; r < last; r++) {
      int i = xAt + windows[r];
      int at = gyAt + gradients[r];
      FloatVector g0 = FloatVector.fromArray(SPECIES, gy, at);
      FloatVector g1 = FloatVector.fromArray(SPECIES, gy, at + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[i]);
      w00 = v.fma(g0, w00);
      w01 = v.fma(g1, w01);
      v = FloatVector.broadcast(SPECIES, x[i + 1]);
      w10 = v.fma(g0, w10);
      w11 = v.fma(g1, w11);
      v = FloatVector.broadcast(SPECIES, x[i + 2]);
      w20 = v.fma(g0, w20);
      w21 = v.fma(g1, w21);
      v = FloatVector.broadcast(SPECIES, x[i + 3]);
      w30 = v.fma(g0, w30);
      w31 = v.fma(g1, w31);
      v = FloatVector.broadcast(SPECIES, x[i + 4]);
      w40 = v.fma(g0, w40);
      w41 = v.fma(g1, w41);
      v = FloatVector.broadcast(SPECIES, x[i + 5]);
      w50 = v.fma(g0, w50);
      w51 = v.fma(g1, w51);
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
    for (int tap = from; tap < to; tap++) {
      add(sums, 2 * tap * LANES, gw, wAt + tap * step);
      add(sums, (2 * tap + 1) * LANES, gw, wAt + tap * step + LANES);
    }
  }

  /** Copies a tile's sums of the first {@code lanes} channels of a vector to the output. */
  static void store(float[] sums, int at, float[] y, int yAt, int lanes) {
    if (lanes == LANES) {
      FloatVector.fromArray(SPECIES, sums, at).intoArray(y, yAt);
    } else {
      System.arraycopy(sums, at, y, yAt, lanes);
    }
  }

  /** Adds a tile's sums of one vector of channels to the weights' gradients. */
  static void add(float[] sums, int at, float[] gw, int wAt) {
    FloatVector sum = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector.fromArray(SPECIES, gw, wAt).add(sum).intoArray(gw, wAt);
  }

  static void add(float[] sums, int at, float[] gw, int wAt, int skip, int lanes) {
    if (skip == 0 && lanes == LANES) {
      add(sums, at, gw, wAt);
    } else {
      for (int c = skip; c < lanes; c++) {
        gw[wAt + c] += sums[at + c];
      }
    }
  }
}
