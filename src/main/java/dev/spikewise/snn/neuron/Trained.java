package dev.spikewise.snn.neuron;

import dev.spikewise.spec.Constant;

/**
 * A trained constant of a neuron model.
 *
 * @param name as in a state_dict: tau_mem, alpha_mem, ...
 * @param initial value before training
 * @param place of its gradient, {@code gConstants} of a range
 * @param form how what is trained becomes what the model computes with
 */
public record Trained(String name, Constant initial, int place, Form form) {

  /** Between the trained value x and the number that a model computes with. */
  public enum Form {
    /** A time constant in time steps; the model computes with exp(-1 / x). */
    TAU {
      @Override
      public float value(float x) {
        return (float) Math.exp(-1 / x);
      }

      @Override
      public double gradient(double gValue, float value, float x) {
        // A decay of 0 stays 0 whatever a time constant this short does.
        return value == 0 ? 0 : gValue * value / ((double) x * x);
      }
    },
    /** The number itself. */
    PLAIN {
      @Override
      public float value(float x) {
        return x;
      }

      @Override
      public double gradient(double gValue, float value, float x) {
        return gValue;
      }
    };

    public abstract float value(float x);

    /** dL/dx from dL/dvalue. */
    public abstract double gradient(double gValue, float value, float x);
  }
}
