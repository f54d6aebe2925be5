package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.FlushToZero;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Lanes as doubles, flushed to zero, and their sums in a fixed order. In the Vector API's own
 * reduction the JIT determines the order and thereby the last bit.
 */
final class Lanes {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final VectorSpecies<Double> DOUBLES = Species.DOUBLES;
  private static final int LANES = SPECIES.length();

  private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(SPECIES, 8, 1, true);
  private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(SPECIES, 4, 1, true);
  private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(SPECIES, 2, 1, true);
  private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(SPECIES, 1, 1, true);

  private Lanes() {}

  /** The lower or the upper half of the lanes, exactly. */
  static DoubleVector widen(FloatVector values, int half) {
    return (DoubleVector) values.convertShape(VectorOperators.F2D, DOUBLES, half);
  }

  /** {@link FlushToZero#gradient(float)} of each lane. */
  static FloatVector flushGradient(FloatVector g) {
    return g.blend(0, g.abs().compare(VectorOperators.LT, FlushToZero.GRADIENT));
  }

  /** Adds halves to each other; for vectors of at most 16 lanes. */
  static float sum(FloatVector v) {
    if (LANES > 8) {
      v = v.add(v.rearrange(BY_8));
    }
    if (LANES > 4) {
      v = v.add(v.rearrange(BY_4));
    }
    if (LANES > 2) {
      v = v.add(v.rearrange(BY_2));
    }
    return v.add(v.rearrange(BY_1)).lane(0);
  }

  /** From the first lane to the last. */
  static double sum(DoubleVector v) {
    double sum = 0;
    for (double lane : v.toArray()) {
      sum += lane;
    }
    return sum;
  }
}
