package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;

/**
 * A layer that, during training, sets randomly drawn values to zero with probability p for all time
 * steps of a sample, and divides the others by 1 - p.
 */
public sealed interface DropoutSpec extends ElementwiseSpec {
  /** Probability that a value is set to zero during training. */
  Double p();

  @Override
  default void check(Mistakes mistakes) {
    mistakes.between(p(), 0, 1, "p");
  }

  /** PyTorch's Dropout, for single values (Srivastava et al. 2014). */
  record Dropout(Double p) implements DropoutSpec {
    public Dropout {
      p = p == null ? 0.5 : p;
    }
  }

  /** PyTorch's Dropout2d, for whole channels. */
  record Dropout2d(Double p) implements DropoutSpec {
    public Dropout2d {
      p = p == null ? 0.5 : p;
    }
  }
}
