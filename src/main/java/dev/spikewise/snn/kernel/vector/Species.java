package dev.spikewise.snn.kernel.vector;

import java.util.List;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Vector species of all kernels: the processor's preferred width, or a narrower one set by the
 * system property {@code spikewise.vector.bits}, with which tests run every width on one machine.
 */
final class Species {

  private static final String BITS = "spikewise.vector.bits";

  static final VectorSpecies<Float> FLOATS;
  static final VectorSpecies<Double> DOUBLES;
  static final VectorSpecies<Integer> INTS;

  static {
    VectorShape shape = shape(System.getProperty(BITS));
    FLOATS = VectorSpecies.of(float.class, shape);
    DOUBLES = VectorSpecies.of(double.class, shape);
    INTS = VectorSpecies.of(int.class, shape);
  }

  private Species() {}

  private static VectorShape shape(@Nullable String bits) {
    VectorShape preferred = VectorShape.preferredShape();
    if (bits == null) {
      return preferred;
    }
    int widest = preferred.vectorBitSize();
    if (!List.of("128", "256", "512").contains(bits) || Integer.parseInt(bits) > widest) {
      throw new IllegalArgumentException(
          "%s must be 128, 256 or 512 and at most %d, the width of this processor, but was \"%s\""
              .formatted(BITS, widest, bits));
    }
    return VectorShape.forBitSize(Integer.parseInt(bits));
  }
}
