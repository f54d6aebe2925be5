package dev.spikewise.snn.kernel.vector;

/** Taps that {@link ConvTiles} reads, as runs of taps that are neighbours in the input. */
final class TapRuns {

  /** By run: its first tap's distance from where a window starts in the input. */
  final int[] inputs;

  /** By run: where its first tap's row of weights lies. */
  final int[] weights;

  /** By run: its taps. */
  final int[] lengths;

  /** From one tap's row of weights to the next. */
  final int step;

  /** Runs. */
  int count;

  /**
   * @param size most runs
   */
  TapRuns(int size, int step) {
    inputs = new int[size];
    weights = new int[size];
    lengths = new int[size];
    this.step = step;
  }

  /** A run, or more of the last one if it goes on where that ends. */
  void add(int input, int weight, int length) {
    int last = count - 1;
    if (last >= 0
        && input == inputs[last] + lengths[last]
        && weight == weights[last] + lengths[last] * step) {
      lengths[last] += length;
      return;
    }
    append(input, weight, length);
  }

  /** A run of its own. */
  void append(int input, int weight, int length) {
    inputs[count] = input;
    weights[count] = weight;
    lengths[count++] = length;
  }
}
