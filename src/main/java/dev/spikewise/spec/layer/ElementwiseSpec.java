package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import org.jspecify.annotations.Nullable;

/** A layer whose output has the shape of its input. */
public sealed interface ElementwiseSpec extends LayerSpec
    permits NeuronSpec, DropoutSpec, RectifierSpec {
  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    return input;
  }
}
