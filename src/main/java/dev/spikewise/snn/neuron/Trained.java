package dev.spikewise.snn.neuron;

import dev.spikewise.spec.Constant;
import org.jspecify.annotations.Nullable;

/**
 * A trained constant of a neuron model.
 *
 * @param name name in a state_dict: tau_mem, alpha_mem, ...
 * @param initial initial value; null when it is drawn for each neuron according to {@code form}
 * @param place index of its gradient in {@code gConstants} of a range
 * @param form conversion from the trained value to the value that the model computes with
 */
public record Trained(String name, @Nullable Constant initial, int place, Form form) {

  /** Conversion between the trained value x and the value that a model computes with. */
  public sealed interface Form {

    float value(float x);

    /** dL/dx from dL/dvalue. */
    double gradient(double gValue, float value, float x);
  }

  /** A time constant in time steps; the model computes with exp(-1 / x). */
  public record Tau() implements Form {
    @Override
    public float value(float x) {
      return (float) Math.exp(-1 / x);
    }

    @Override
    public double gradient(double gValue, float value, float x) {
      // A decay of 0 does not change with a time constant this short.
      return value == 0 ? 0 : gValue * value / ((double) x * x);
    }
  }

  /** The trained value itself. */
  public record Plain() implements Form {
    @Override
    public float value(float x) {
      return x;
    }

    @Override
    public double gradient(double gValue, float value, float x) {
      return gValue;
    }
  }

  /**
   * The trained value clamped to bounds, as PyTorch's clamp: a value outside the bounds gets no
   * gradient. Initial values are drawn between the bounds.
   */
  public record Bounded(float least, float most) implements Form {
    @Override
    public float value(float x) {
      return Math.clamp(x, least, most);
    }

    @Override
    public double gradient(double gValue, float value, float x) {
      return x >= least && x <= most ? gValue : 0;
    }
  }
}
