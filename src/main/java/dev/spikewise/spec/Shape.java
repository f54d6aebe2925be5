package dev.spikewise.spec;

import java.util.Arrays;
import java.util.List;

/**
 * The shape of one sample at one time step, as PyTorch writes it without batch and time: (C, H, W)
 * or (features).
 */
public record Shape(List<Integer> dims) {

  public Shape {
    dims = List.copyOf(dims);
  }

  public static Shape of(int... dims) {
    return new Shape(Arrays.stream(dims).boxed().toList());
  }

  public int rank() {
    return dims.size();
  }

  public int dim(int i) {
    return dims.get(i);
  }

  /** Number of elements; throws {@link ArithmeticException} when it does not fit an int. */
  public int size() {
    return dims.stream().reduce(1, Math::multiplyExact);
  }

  @Override
  public String toString() {
    return dims.toString();
  }
}
