package dev.spikewise.snn.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link VectorLinear}: for each event, a row of a matrix times the event's
 * value is added to sums in registers. The sums are separate local variables, because C2 does not
 * keep vectors of an array in registers.
 */
final class LinearTiles {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** Vectors of the widest tile: eight sums keep two multipliers of four cycles busy. */
  static final int WIDEST = 8;

  private LinearTiles() {}

  /**
   * Adds the events {@code from..to-1} to {@code width} vectors of sums, 8, 4, 2 or 1.
   *
   * @param rows by event: its row of {@code m}
   * @param stride from one row to the next
   */
  static void gather(
      int width,
      int[] rows,
      float[] values,
      int from,
      int to,
      float[] m,
      int mAt,
      int stride,
      float[] sums,
      int at) {
    switch (width) {
      case 8 -> gather8(rows, values, from, to, m, mAt, stride, sums, at);
      case 4 -> gather4(rows, values, from, to, m, mAt, stride, sums, at);
      case 2 -> gather2(rows, values, from, to, m, mAt, stride, sums, at);
      default -> gather1(rows, values, from, to, m, mAt, stride, sums, at);
    }
  }

  private static void gather8(
      int[] rows,
      float[] values,
      int from,
      int to,
      float[] m,
      int mAt,
      int stride,
      float[] sums,
      int at) {
    FloatVector s0 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector s1 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector s2 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    FloatVector s4 = FloatVector.fromArray(SPECIES, sums, at + 4 * LANES);
    FloatVector s5 = FloatVector.fromArray(SPECIES, sums, at + 5 * LANES);
    FloatVector s6 = FloatVector.fromArray(SPECIES, sums, at + 6 * LANES);
    FloatVector s7 = FloatVector.fromArray(SPECIES, sums, at + 7 * LANES);
    for (int e = from; e < to; e++) {
      int k = mAt + rows[e] * stride;
      FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
      s0 = v.fma(FloatVector.fromArray(SPECIES, m, k), s0);
      s1 = v.fma(FloatVector.fromArray(SPECIES, m, k + LANES), s1);
      s2 = v.fma(FloatVector.fromArray(SPECIES, m, k + 2 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(SPECIES, m, k + 3 * LANES), s3);
      s4 = v.fma(FloatVector.fromArray(SPECIES, m, k + 4 * LANES), s4);
      s5 = v.fma(FloatVector.fromArray(SPECIES, m, k + 5 * LANES), s5);
      s6 = v.fma(FloatVector.fromArray(SPECIES, m, k + 6 * LANES), s6);
      s7 = v.fma(FloatVector.fromArray(SPECIES, m, k + 7 * LANES), s7);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + LANES);
    s2.intoArray(sums, at + 2 * LANES);
    s3.intoArray(sums, at + 3 * LANES);
    s4.intoArray(sums, at + 4 * LANES);
    s5.intoArray(sums, at + 5 * LANES);
    s6.intoArray(sums, at + 6 * LANES);
    s7.intoArray(sums, at + 7 * LANES);
  }

  private static void gather4(
      int[] rows,
      float[] values,
      int from,
      int to,
      float[] m,
      int mAt,
      int stride,
      float[] sums,
      int at) {
    FloatVector s0 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector s1 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    FloatVector s2 = FloatVector.fromArray(SPECIES, sums, at + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(SPECIES, sums, at + 3 * LANES);
    for (int e = from; e < to; e++) {
      int k = mAt + rows[e] * stride;
      FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
      s0 = v.fma(FloatVector.fromArray(SPECIES, m, k), s0);
      s1 = v.fma(FloatVector.fromArray(SPECIES, m, k + LANES), s1);
      s2 = v.fma(FloatVector.fromArray(SPECIES, m, k + 2 * LANES), s2);
      s3 = v.fma(FloatVector.fromArray(SPECIES, m, k + 3 * LANES), s3);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + LANES);
    s2.intoArray(sums, at + 2 * LANES);
    s3.intoArray(sums, at + 3 * LANES);
  }

  private static void gather2(
      int[] rows,
      float[] values,
      int from,
      int to,
      float[] m,
      int mAt,
      int stride,
      float[] sums,
      int at) {
    FloatVector s0 = FloatVector.fromArray(SPECIES, sums, at);
    FloatVector s1 = FloatVector.fromArray(SPECIES, sums, at + LANES);
    for (int e = from; e < to; e++) {
      int k = mAt + rows[e] * stride;
      FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
      s0 = v.fma(FloatVector.fromArray(SPECIES, m, k), s0);
      s1 = v.fma(FloatVector.fromArray(SPECIES, m, k + LANES), s1);
    }
    s0.intoArray(sums, at);
    s1.intoArray(sums, at + LANES);
  }

  private static void gather1(
      int[] rows,
      float[] values,
      int from,
      int to,
      float[] m,
      int mAt,
      int stride,
      float[] sums,
      int at) {
    FloatVector s = FloatVector.fromArray(SPECIES, sums, at);
    for (int e = from; e < to; e++) {
      FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
      s = v.fma(FloatVector.fromArray(SPECIES, m, mAt + rows[e] * stride), s);
    }
    s.intoArray(sums, at);
  }

  /**
   * Lists the values of {@code x[at..at+n-1]} that are not 0 from {@code next} on, and returns the
   * end of the list.
   */
  static int list(float[] x, int at, int n, int[] places, float[] values, int next) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      long active =
          FloatVector.fromArray(SPECIES, x, at + i).compare(VectorOperators.NE, 0).toLong();
      for (; active != 0; active &= active - 1) {
        int place = i + Long.numberOfTrailingZeros(active);
        places[next] = place;
        values[next++] = x[at + place];
      }
    }
    for (; i < n; i++) {
      if (x[at + i] != 0) {
        places[next] = i;
        values[next++] = x[at + i];
      }
    }
    return next;
  }

  /** Values of {@code x[at..at+n-1]} that are not 0. */
  static int count(float[] x, int at, int n) {
    int count = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      count += FloatVector.fromArray(SPECIES, x, at + i).compare(VectorOperators.NE, 0).trueCount();
    }
    for (; i < n; i++) {
      count += x[at + i] != 0 ? 1 : 0;
    }
    return count;
  }
}
