package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;

/**
 * A gradient that is summed in parts, which are then added up in order. Their number is fixed, so
 * that results do not depend on the number of threads.
 */
final class PartialSums {

  private final int parts;
  private final Parallel parallel;
  private float[] sums = {};

  PartialSums(int parts, Parallel parallel) {
    this.parts = parts;
    this.parallel = parallel;
  }

  /** What a part adds to {@code sums[at..]}. */
  interface Part {
    void add(int part, float[] sums, int at);
  }

  /** The first of a part's rows. */
  int start(int rows, int part) {
    return Parallel.start(rows, part, parts);
  }

  void addTo(float[] gradient, Part work) {
    int n = gradient.length;
    if (sums.length == 0) {
      sums = new float[parts * n];
    }
    parallel.run(
        parts,
        part -> {
          Arrays.fill(sums, part * n, (part + 1) * n, 0);
          work.add(part, sums, part * n);
        });
    for (int part = 0; part < parts; part++) {
      for (int i = 0; i < n; i++) {
        gradient[i] += sums[part * n + i];
      }
    }
  }
}
