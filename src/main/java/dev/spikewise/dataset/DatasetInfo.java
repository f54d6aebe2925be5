package dev.spikewise.dataset;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.spikewise.snn.data.Dataset;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A data set without its samples.
 *
 * @param id SHA-256 of the uploaded files and the recipe, or the name of a bundled data set
 * @param samples number of samples, the test split included
 * @param testSamples number of samples of the data set's own test split, 0 where it has none
 * @param shape of one sample at one time step
 * @param timeSteps length of the samples' time axis, 0 where they have none
 * @param classes one more than the largest label
 * @param createdAt null for a bundled data set
 * @param name as it was sent
 * @param reading what was read, assumed and left out; null for data sets of earlier versions
 * @param labels labels of the data set, key to value
 * @param version entity tag without quotes
 */
public record DatasetInfo(
    String id,
    String name,
    int samples,
    int testSamples,
    List<Integer> shape,
    int timeSteps,
    int classes,
    @Nullable Instant createdAt,
    @Nullable Reading reading,
    Map<String, String> labels,
    @JsonIgnore String version) {

  DatasetInfo with(Map<String, String> labels) {
    return new DatasetInfo(
        id,
        name,
        samples,
        testSamples,
        shape,
        timeSteps,
        classes,
        createdAt,
        reading,
        labels,
        version);
  }

  /** Memory that the samples take, in bytes. */
  long memoryBytes() {
    return reading != null
        ? reading.memoryBytes()
        : Float.BYTES
            * shape.stream()
                .mapToLong(Integer::longValue)
                .reduce((long) samples, Math::multiplyExact)
            * Math.max(1, timeSteps);
  }

  static DatasetInfo of(String id, ReadDataset read, @Nullable Instant createdAt) {
    Dataset dataset = read.dataset();
    return new DatasetInfo(
        id,
        dataset.name(),
        dataset.size(),
        dataset.size() - dataset.trainSize(),
        dataset.shape().dims(),
        dataset.timeSteps(),
        Arrays.stream(dataset.labels()).max().orElse(-1) + 1,
        createdAt,
        read.reading(),
        Map.of(),
        "0");
  }
}
