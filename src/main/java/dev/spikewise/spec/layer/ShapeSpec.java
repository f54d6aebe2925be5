package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import java.util.ArrayList;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A layer that rearranges the values of its input. */
public sealed interface ShapeSpec extends LayerSpec {

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    return input;
  }

  /** Whether the values stay in place, so that nothing has to be computed. */
  default boolean leavesValues() {
    return true;
  }

  /** Folds time into the batch in sinabs; changes nothing here. */
  record FlattenTime() implements ShapeSpec {}

  /** Unfolds time from the batch in sinabs; changes nothing here. */
  record UnflattenTime() implements ShapeSpec {}

  /** PyTorch's Identity: changes nothing. */
  record Identity() implements ShapeSpec {}

  /**
   * PyTorch's Flatten: joins the dimensions {@code start_dim} to {@code end_dim}, where dimension 0
   * is the batch. The default joins all, (C, H, W) to (C * H * W).
   *
   * @param startDim first dimension that is joined, at least 1; negative numbers count from the end
   * @param endDim last dimension that is joined; negative numbers count from the end
   */
  record Flatten(Integer startDim, Integer endDim) implements ShapeSpec {
    public Flatten {
      startDim = startDim == null ? 1 : startDim;
      endDim = endDim == null ? -1 : endDim;
    }

    public Flatten() {
      this(1, -1);
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      int rank = input.rank();
      int start = place(startDim, rank);
      int end = place(endDim, rank);
      if (!mistakes.require(
              start >= 0 && start < rank,
              "start_dim",
              "must be a dimension of %s after the batch, 1 to %d or -%d to -1, but was %d"
                  .formatted(input, rank, rank, startDim))
          | !mistakes.require(
              end >= 0 && end < rank,
              "end_dim",
              "must be a dimension of %s after the batch, 1 to %d or -%d to -1, but was %d"
                  .formatted(input, rank, rank, endDim))) {
        return null;
      }
      if (!mistakes.require(
          start <= end,
          "start_dim",
          "must be at most end_dim " + endDim + " but was " + startDim)) {
        return null;
      }
      var dims = new ArrayList<>(input.dims().subList(0, start));
      dims.add(input.dims().subList(start, end + 1).stream().reduce(1, Math::multiplyExact));
      dims.addAll(input.dims().subList(end + 1, rank));
      return new Shape(dims);
    }

    @Override
    public boolean leavesValues() {
      return startDim == 1 && endDim == -1;
    }

    /** Whether the output has one dimension. */
    public boolean joinsAll(Shape input) {
      return place(startDim, input.rank()) == 0 && place(endDim, input.rank()) == input.rank() - 1;
    }

    /** Index in a shape without batch. */
    private static int place(int dim, int rank) {
      return dim < 0 ? rank + dim : dim - 1;
    }
  }

  /**
   * PyTorch's Upsample with mode "nearest" and whole factors: each value is repeated.
   *
   * @param scaleFactor how often rows and columns are repeated; either this or {@code size}
   * @param size height and width of the output, multiples of the input's
   * @param mode "nearest", the only one supported
   */
  record Upsample(@Nullable Size2 scaleFactor, @Nullable Size2 size, String mode)
      implements ShapeSpec {
    public Upsample {
      mode = mode == null ? "nearest" : mode;
    }

    @Override
    public boolean leavesValues() {
      return false;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(mode.equals("nearest"), "mode", "must be \"nearest\" but was " + mode);
      if (mistakes.require(
          (scaleFactor == null) != (size == null),
          "scale_factor",
          "must be given if size is not, and left out otherwise")) {
        if (scaleFactor != null) {
          scaleFactor.atLeast(1, "scale_factor", mistakes);
        }
        if (size != null) {
          size.atLeast(1, "size", mistakes);
        }
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add("Upsample takes a (C, H, W) input, but the preceding layer outputs " + input);
        return null;
      }
      if (size != null) {
        return mistakes.require(
                size.h() % input.dim(1) == 0 && size.w() % input.dim(2) == 0,
                "size",
                "must be a multiple of the height and width of " + input + " but was " + size)
            ? Shape.of(input.dim(0), size.h(), size.w())
            : null;
      }
      Size2 factor = Objects.requireNonNull(scaleFactor);
      if ((long) factor.h() * input.dim(1) > ModelSpec.MAX_SIZE
          || (long) factor.w() * input.dim(2) > ModelSpec.MAX_SIZE) {
        mistakes
            .in("scale_factor")
            .add("would make the output too large: use a smaller factor than " + factor);
        return null;
      }
      return Shape.of(input.dim(0), input.dim(1) * factor.h(), input.dim(2) * factor.w());
    }
  }
}
