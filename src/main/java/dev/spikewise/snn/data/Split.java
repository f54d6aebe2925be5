package dev.spikewise.snn.data;

import dev.spikewise.spec.InputSpec;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Indices of the training and test samples. */
record Split(int[] train, int[] test) {

  private static final double TEST_FRACTION = 0.2;

  /**
   * Returns the data set's own split, or one that holds out the same fraction of every class.
   *
   * @param seed seed of the selection; the sizes do not depend on it
   */
  static Split of(InputSpec.FromDataset input, Dataset dataset, long seed) {
    // A sample with a label per time step has no class by which samples could be divided evenly.
    int[] labels = dataset.hasLabelsPerStep() ? new int[dataset.size()] : dataset.labels();
    int size = dataset.trainSize();
    int limit = input.limit() == null ? size : Math.min(input.limit(), size);
    int[] mixed = Feed.shuffle(IntStream.range(0, limit).toArray(), new SplittableRandom(seed));
    if (dataset.hasTestSplit()) {
      return new Split(mixed, IntStream.range(size, dataset.size()).toArray());
    }
    double fraction = input.testFraction() == null ? TEST_FRACTION : input.testFraction();
    boolean[] held = holdOut(mixed, labels, fraction);
    return new Split(
        IntStream.range(0, limit).filter(i -> !held[i]).map(i -> mixed[i]).toArray(),
        IntStream.range(0, limit).filter(i -> held[i]).map(i -> mixed[i]).toArray());
  }

  private static boolean[] holdOut(int[] samples, int[] labels, double fraction) {
    int classes = Arrays.stream(labels).max().orElse(0) + 1;
    var size = new int[classes];
    for (int sample : samples) {
      size[labels[sample]]++;
    }
    var taken = new int[classes];
    var held = new boolean[samples.length];
    for (int i = 0; i < held.length; i++) {
      int label = labels[samples[i]];
      held[i] = taken[label]++ < Math.round(size[label] * fraction);
    }
    return held;
  }
}
