package dev.spikewise.snn.neuron;

import dev.spikewise.spec.Constant;
import org.jspecify.annotations.Nullable;

/**
 * A trained constant of a neuron model.
 *
 * @param name as in a state_dict: tau_mem, alpha_mem, ...
 * @param initial value before training; null where each neuron's is drawn, as its form says
 * @param place of its gradient, {@code gConstants} of a range
 * @param form how what is trained becomes what the model computes with
 */
public record Trained(String name, @Nullable Constant initial, int place, Form form) {

  /** Between the trained value x and the number that a model computes with. */
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
      // A decay of 0 stays 0 whatever a time constant this short does.
      return value == 0 ? 0 : gValue * value / ((double) x * x);
    }
  }

  /** The number itself. */
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
   * The number, or the nearest bound, PyTorch's clamp: a number beyond a bound gets no gradient.
   * Initial values are drawn between the bounds.
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
