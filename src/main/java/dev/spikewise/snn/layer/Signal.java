package dev.spikewise.snn.layer;

import dev.spikewise.spec.Shape;

/**
 * Activations between two layers, or their gradients: [samples, steps, H, W, C]. When {@code steps}
 * is 1 in a network with more steps, all time steps have the same values. A signal holds the whole
 * batch or only the current block of samples.
 */
public final class Signal {

  public final Frame frame;
  public final int steps;
  public final float[] data;
  private int firstSample;

  public Signal(Frame frame, int steps, int samples) {
    this(frame, steps, new float[Math.multiplyExact(samples * steps, frame.size())]);
  }

  public Signal(Frame frame, int steps, float[] data) {
    this.frame = frame;
    this.steps = steps;
    this.data = data;
  }

  /** Sets the sample that is stored at the start of {@link #data}. */
  public void startAt(int sample) {
    firstSample = sample;
  }

  public int at(int sample) {
    return (sample - firstSample) * steps * frame.size();
  }

  /** Distance between time steps in {@link #data}; 0 when all time steps share their values. */
  public int stride() {
    return steps == 1 ? 0 : frame.size();
  }

  /** Layout of one sample at one time step; a flattened map keeps the layout of the map. */
  public record Frame(int h, int w, int c) {

    /** Layout of a PyTorch shape: (C, H, W), (C, L) or (N). */
    public static Frame of(Shape shape) {
      return switch (shape.rank()) {
        case 3 -> new Frame(shape.dim(1), shape.dim(2), shape.dim(0));
        case 2 -> new Frame(1, shape.dim(1), shape.dim(0));
        default -> new Frame(1, 1, shape.size());
      };
    }

    public int size() {
      return h * w * c;
    }

    /** For each position in the engine's order, the position in PyTorch's (C, H, W) order. */
    public int[] torchOrder() {
      var order = new int[size()];
      for (int i = 0; i < order.length; i++) {
        order[i] = i % c * h * w + i / c;
      }
      return order;
    }
  }
}
