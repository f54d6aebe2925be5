package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import org.jspecify.annotations.Nullable;

/** A layer whose output has its input's shape. */
public sealed interface ElementwiseSpec extends LayerSpec
    permits NeuronSpec, DropoutSpec, RectifierSpec {
  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    return input;
  }
}
