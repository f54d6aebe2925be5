package dev.spikewise.snn.layer;

import dev.spikewise.spec.Shape;

/**
 * Activations between two layers, or their gradients: [samples, steps, H, W, C]. Where {@code
 * steps} is 1 in a network of more, every time step has the same values. A signal holds the whole
 * batch, or only the block of samples at work.
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

  /** Makes {@code sample} the one that stands at the start of {@link #data}. */
  public void startAt(int sample) {
    firstSample = sample;
  }

  public int at(int sample) {
    return (sample - firstSample) * steps * frame.size();
  }

  /** Distance from one time step to the next: 0 where all are the same. */
  public int stride() {
    return steps == 1 ? 0 : frame.size();
  }

  /** Layout of one sample at one step; a flat one that came from a map keeps the map's layout. */
  public record Frame(int h, int w, int c) {

    /** Of a shape as PyTorch gives it: (C, H, W), (C, L) or (N). */
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

    /** By position here: the position in PyTorch's (C, H, W) order. */
    public int[] torchOrder() {
      var order = new int[size()];
      for (int i = 0; i < order.length; i++) {
        order[i] = i % c * h * w + i / c;
      }
      return order;
    }
  }
}
