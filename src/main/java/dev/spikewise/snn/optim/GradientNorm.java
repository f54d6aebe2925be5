package dev.spikewise.snn.optim;

import dev.spikewise.snn.layer.Parameter;
import java.util.List;

/** PyTorch's clip_grad_norm_. */
public final class GradientNorm {

  private GradientNorm() {}

  /** Shrinks all gradients together so that their Euclidean norm is at most {@code most}. */
  public static void clip(List<Parameter> parameters, double most) {
    double squares = 0;
    for (Parameter p : parameters) {
      for (float g : p.gradient()) {
        squares += (double) g * g;
      }
    }
    float factor = (float) (most / (Math.sqrt(squares) + 1e-6));
    if (factor < 1) {
      for (Parameter p : parameters) {
        for (int i = 0; i < p.gradient().length; i++) {
          p.gradient()[i] *= factor;
        }
      }
    }
  }
}
