package dev.spikewise.snn.optim;

import dev.spikewise.snn.layer.Parameter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch's clip_grad_value_, then its clip_grad_norm_.
 *
 * @param norm maximum Euclidean norm of all gradients together; null for no limit
 * @param value maximum absolute value of each gradient; null for no limit
 */
public record GradientClip(@Nullable Double norm, @Nullable Double value) {

  /** Clips the gradients of {@code parameters}. */
  public void apply(List<Parameter> parameters) {
    if (value != null) {
      float limit = value.floatValue();
      for (Parameter p : parameters) {
        float[] gradient = p.gradient();
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] = Math.clamp(gradient[i], -limit, limit);
        }
      }
    }
    if (norm != null) {
      shrink(parameters, norm);
    }
  }

  private static void shrink(List<Parameter> parameters, double most) {
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
