package dev.spikewise.snn.tensor;

import dev.spikewise.snn.data.Npz;
import java.util.Arrays;

/**
 * A float array with a shape, row-major, as NumPy and PyTorch store it. An empty shape is a scalar.
 */
public record Tensor(int[] shape, float[] data) implements Npz.FloatArray {

  public Tensor {
    int size = 1;
    for (int d : shape) {
      size = Math.multiplyExact(size, d);
    }
    if (size != data.length) {
      throw new IllegalArgumentException(
          "a tensor of shape "
              + Arrays.toString(shape)
              + " has "
              + size
              + " values, not "
              + data.length);
    }
  }
}
