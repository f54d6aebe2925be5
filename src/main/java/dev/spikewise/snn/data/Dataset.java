package dev.spikewise.snn.data;

import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Labelled samples.
 *
 * @param shape shape of one sample at one time step: (C, H, W) or (features)
 * @param timeSteps length of the time axis; 0 when samples have none
 * @param values values of n samples, each of shape [(timeSteps,) shape], scaled to 0..1 unless they
 *     are spikes
 * @param labels label of each sample, [n], or of each sample and time step, [n, timeSteps]
 * @param augmentation random changes of training samples; null for none
 * @param trainSize number of training samples; the samples after them are the data set's own test
 *     split. n without a test split
 */
public record Dataset(
    String name,
    Shape shape,
    int timeSteps,
    SampleValues values,
    int[] labels,
    int trainSize,
    Preparation.@Nullable Augmentation augmentation) {

  /** A data set of dense values, [n, (timeSteps,) shape]. */
  public Dataset(
      String name, Shape shape, int timeSteps, float[] values, int[] labels, int trainSize) {
    this(
        name,
        shape,
        timeSteps,
        new SampleValues.Dense(values, shape.size() * Math.max(1, timeSteps)),
        labels,
        trainSize,
        null);
  }

  public int size() {
    return values.samples();
  }

  /** Whether there is a label for each time step of a sample. */
  public boolean hasLabelsPerStep() {
    return labels.length > size();
  }

  /** Number of labels of a sample: 1, or the length of the time axis. */
  public int labelsPerSample() {
    return hasLabelsPerStep() ? timeSteps : 1;
  }

  public boolean hasTestSplit() {
    return trainSize < size();
  }

  /**
   * The 1,797 handwritten digits (UCI Optical Recognition of Handwritten Digits, CC BY 4.0), (1, 8,
   * 8), 0..1.
   */
  public static Dataset digits() {
    try (var in = Dataset.class.getResourceAsStream("/data/digits.npz")) {
      var arrays = Npz.read(Objects.requireNonNull(in), 1 << 20);
      float[] pixels = Objects.requireNonNull(arrays.get("x")).floats();
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] /= 16;
      }
      int[] labels = Objects.requireNonNull(arrays.get("y")).ints();
      return new Dataset("digits", Shape.of(1, 8, 8), 0, pixels, labels, labels.length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
