package dev.spikewise.snn.kernel.vector;

/** The taps that a tile of {@link ConvTiles} walks along, in one thread. */
final class TapList {

  /** By tap: its distance from where a window starts in the input. */
  final int[] inputs;

  /** By tap: where its row of weights lies. */
  final int[] weights;

  int count;

  /** Where a tile leaves its sums. */
  final float[] sums = new float[ConvTiles.ROWS * Species.FLOATS.length()];

  TapList(int size) {
    inputs = new int[size];
    weights = new int[size];
  }

  void add(int input, int weight) {
    inputs[count] = input;
    weights[count++] = weight;
  }
}
