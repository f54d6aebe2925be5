package dev.spikewise.job;

import dev.spikewise.snn.Predictions;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Classification results of a trained network on its test samples. Where samples have a label per
 * time step, each time step counts as a sample.
 *
 * @param samples Number of test samples.
 * @param accuracy Fraction of the test samples whose class is predicted correctly.
 * @param classes Results of each class, in the order of the network's outputs.
 * @param confusionMatrix Number of test samples of each class (row) for which each class (column)
 *     is predicted; null with more than 256 classes, where only the npz file has it.
 */
public record Evaluation(
    int samples,
    double accuracy,
    List<PerClass> classes,
    @Nullable List<List<Integer>> confusionMatrix) {

  private static final int MAX_CLASSES_IN_JSON = 256;

  /**
   * Results of one class.
   *
   * @param label Number of the class.
   * @param samples Number of test samples of this class.
   * @param correct Number of them that are predicted correctly.
   * @param predicted Number of test samples for which this class is predicted.
   * @param accuracy Fraction of the class's samples that are predicted correctly (recall); null
   *     without samples.
   * @param precision Fraction of the predictions of this class that are correct; null where it is
   *     never predicted.
   */
  public record PerClass(
      int label,
      int samples,
      int correct,
      int predicted,
      @Nullable Double accuracy,
      @Nullable Double precision) {}

  /**
   * Prediction for one test sample.
   *
   * @param sample Index of the sample in its data set.
   * @param label Class of the sample.
   * @param predicted Class that the network predicts for the sample.
   */
  public record Prediction(int sample, int label, int predicted) {}

  static Evaluation of(Predictions predictions) {
    int[][] matrix = matrix(predictions);
    int n = predictions.samples().length;
    int correct = IntStream.range(0, matrix.length).map(k -> matrix[k][k]).sum();
    var classes =
        IntStream.range(0, matrix.length)
            .mapToObj(
                k -> {
                  int samples = IntStream.of(matrix[k]).sum();
                  int predicted = IntStream.range(0, matrix.length).map(i -> matrix[i][k]).sum();
                  return new PerClass(
                      k,
                      samples,
                      matrix[k][k],
                      predicted,
                      ratio(matrix[k][k], samples),
                      ratio(matrix[k][k], predicted));
                })
            .toList();
    return new Evaluation(
        n,
        (double) correct / n,
        classes,
        matrix.length > MAX_CLASSES_IN_JSON
            ? null
            : IntStream.range(0, matrix.length)
                .mapToObj(k -> IntStream.of(matrix[k]).boxed().toList())
                .toList());
  }

  private static @Nullable Double ratio(int part, int whole) {
    return whole == 0 ? null : (Double) ((double) part / whole);
  }

  /** Confusion matrix: number of samples per label (row) and predicted class (column). */
  static int[][] matrix(Predictions predictions) {
    int classes =
        Math.max(predictions.classes(), IntStream.of(predictions.labels()).max().orElse(-1) + 1);
    var matrix = new int[classes][classes];
    for (int i = 0; i < predictions.labels().length; i++) {
      matrix[predictions.labels()[i]][predictions.predicted()[i]]++;
    }
    return matrix;
  }
}
