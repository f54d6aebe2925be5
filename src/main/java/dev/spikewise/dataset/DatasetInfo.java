package dev.spikewise.dataset;

import dev.spikewise.snn.data.Dataset;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A data set without its samples.
 *
 * @param id SHA-256 of the uploaded files, or the name of a bundled data set
 * @param samples all, those of the test split too
 * @param testSamples of the data set's own test split, 0 where it has none
 * @param shape of one sample at one time step
 * @param timeSteps length of the samples' time axis, 0 where they have none
 * @param classes one more than the largest label
 * @param createdAt null for a bundled data set
 * @param name as it was sent
 */
public record DatasetInfo(
    String id,
    String name,
    int samples,
    int testSamples,
    List<Integer> shape,
    int timeSteps,
    int classes,
    @Nullable Instant createdAt) {

  /** Number of values of all samples. */
  long values() {
    return shape.stream().mapToLong(Integer::longValue).reduce((long) samples, Math::multiplyExact)
        * Math.max(1, timeSteps);
  }

  static DatasetInfo of(String id, Dataset dataset, @Nullable Instant createdAt) {
    return new DatasetInfo(
        id,
        dataset.name(),
        dataset.size(),
        dataset.size() - dataset.trainSize(),
        dataset.shape().dims(),
        dataset.timeSteps(),
        Arrays.stream(dataset.labels()).max().orElse(-1) + 1,
        createdAt);
  }
}
