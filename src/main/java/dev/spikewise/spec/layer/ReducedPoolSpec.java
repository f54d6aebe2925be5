package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import org.jspecify.annotations.Nullable;

/** A pool that can be computed as a two-dimensional pool with fixed windows. */
public sealed interface ReducedPoolSpec extends LayerSpec {

  /** The equivalent pool over (C, H, W), or over (C, 1, L) for an input (C, L). */
  PoolSpec asPool2d(Shape input);

  @Override
  default int spikesPerUnit(int unit, Shape input) {
    return asPool2d(input).spikesPerUnit(unit, input);
  }

  /** A pool over windows of a (C, L) input. */
  sealed interface Windows1d extends ReducedPoolSpec {
    /** Number of values in a window. */
    Integer kernelSize();

    /** Distance from one window to the next; the size of the window when absent. */
    Integer stride();

    /** Number of values of padding at each end of the input. */
    Integer padding();

    /** The equivalent two-dimensional pool, for valid options. */
    PoolSpec asPool2d();

    @Override
    default PoolSpec asPool2d(Shape input) {
      return asPool2d();
    }

    @Override
    default void check(Mistakes mistakes) {
      if (mistakes.require(
              kernelSize() != null, "kernel_size", "is missing: give the size of a window")
          && mistakes.atLeast(kernelSize(), 1, "kernel_size")
              & mistakes.atLeast(stride(), 1, "stride")
              & mistakes.atLeast(padding(), 0, "padding")) {
        mistakes.require(
            2L * padding() <= kernelSize(),
            "padding",
            "must be at most half of kernel_size " + kernelSize() + " but was " + padding());
      }
    }

    @Override
    default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 2) {
        mistakes.add(
            typeName() + " takes a (C, L) input, but the preceding layer outputs " + input);
        return null;
      }
      Shape output = asPool2d().outputShape(Shape.of(input.dim(0), 1, input.dim(1)), mistakes);
      return output == null ? null : Shape.of(output.dim(0), output.dim(2));
    }
  }

  /**
   * PyTorch's AvgPool1d.
   *
   * @param ceilMode whether a last window may reach over the end of the padded input; it averages
   *     what lies inside
   * @param countIncludePad whether zeros of the padding count in the average
   */
  record AvgPool1d(
      Integer kernelSize,
      Integer stride,
      Integer padding,
      Boolean ceilMode,
      Boolean countIncludePad)
      implements Windows1d {
    public AvgPool1d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? 0 : padding;
      ceilMode = ceilMode == null ? false : ceilMode;
      countIncludePad = countIncludePad == null ? true : countIncludePad;
    }

    @Override
    public PoolSpec asPool2d() {
      return new PoolSpec.AvgPool2d(
          new Size2(1, kernelSize),
          new Size2(1, stride),
          new Size2(0, padding),
          ceilMode,
          countIncludePad);
    }
  }

  /**
   * PyTorch's MaxPool1d.
   *
   * @param dilation distance between the values of a window
   * @param ceilMode whether a last window may reach over the end of the input
   */
  record MaxPool1d(
      Integer kernelSize, Integer stride, Integer padding, Integer dilation, Boolean ceilMode)
      implements Windows1d {
    public MaxPool1d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? 0 : padding;
      dilation = dilation == null ? 1 : dilation;
      ceilMode = ceilMode == null ? false : ceilMode;
    }

    @Override
    public void check(Mistakes mistakes) {
      Windows1d.super.check(mistakes);
      mistakes.atLeast(dilation, 1, "dilation");
    }

    @Override
    public PoolSpec asPool2d() {
      return new PoolSpec.MaxPool2d(
          new Size2(1, kernelSize),
          new Size2(1, stride),
          new Size2(0, padding),
          new Size2(1, dilation),
          ceilMode);
    }
  }

  /**
   * PyTorch's AdaptiveAvgPool2d for output sizes that divide the input sizes: an average over equal
   * windows that do not overlap.
   *
   * @param outputSize height and width of the output, which divide those of the input
   */
  record AdaptiveAvgPool2d(Size2 outputSize) implements ReducedPoolSpec {

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(
          outputSize != null,
          "output_size",
          "is missing: give the height and width of the output")) {
        outputSize.atLeast(1, "output_size", mistakes);
      }
    }

    @Override
    public PoolSpec asPool2d(Shape input) {
      var window = new Size2(input.dim(1) / outputSize.h(), input.dim(2) / outputSize.w());
      return new PoolSpec.AvgPool2d(window, window, Size2.ZERO);
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add(
            "AdaptiveAvgPool2d takes a (C, H, W) input, but the preceding layer outputs " + input);
        return null;
      }
      if (!mistakes.require(
          input.dim(1) % outputSize.h() == 0 && input.dim(2) % outputSize.w() == 0,
          "output_size",
          "must divide the height and width of "
              + input
              + ", because windows of different sizes are not supported, but was "
              + outputSize)) {
        return null;
      }
      return Shape.of(input.dim(0), outputSize.h(), outputSize.w());
    }
  }
}
