package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import org.jspecify.annotations.Nullable;

/** A layer that changes the shape of its input alone. */
public sealed interface ShapeSpec extends LayerSpec {

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    return input;
  }

  /** Folds time into the batch in sinabs; changes nothing here. */
  record FlattenTime() implements ShapeSpec {}

  /** Unfolds time from the batch in sinabs; changes nothing here. */
  record UnflattenTime() implements ShapeSpec {}

  /** PyTorch's Flatten over everything but batch and time: (C, H, W) to (C * H * W). */
  record Flatten() implements ShapeSpec {
    @Override
    public Shape outputShape(Shape input, Mistakes mistakes) {
      return Shape.of(input.size());
    }
  }
}
