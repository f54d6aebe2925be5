package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import org.jspecify.annotations.Nullable;

/** A layer that reduces each window of a channel to one value. */
public sealed interface PoolSpec extends LayerSpec {
  /** Height and width of a window. */
  Size2 kernelSize();

  /** Distance from one window to the next; the size of the window when absent. */
  Size2 stride();

  /** Number of rows and columns of padding at each side of the input. */
  Size2 padding();

  /** Distance between neighbouring values of a window. */
  default Size2 dilation() {
    return Size2.ONE;
  }

  /**
   * Whether a last window may reach over the end of the input, PyTorch's {@code ceil_mode}: the
   * number of windows is then rounded up.
   */
  default Boolean ceilMode() {
    return false;
  }

  @Override
  default void check(Mistakes mistakes) {
    if (mistakes.require(
        kernelSize() != null, "kernel_size", "is missing: give the size of a window")) {
      kernelSize().atLeast(1, "kernel_size", mistakes);
      stride().atLeast(1, "stride", mistakes);
      padding().atLeast(0, "padding", mistakes);
      dilation().atLeast(1, "dilation", mistakes);
      mistakes.require(
          2L * padding().h() <= kernelSize().h() && 2L * padding().w() <= kernelSize().w(),
          "padding",
          "must be at most half of kernel_size " + kernelSize() + " but was " + padding());
    }
  }

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    if (input.rank() != 3) {
      mistakes.add(
          typeName() + " takes a (C, H, W) input, but the preceding layer outputs " + input);
      return null;
    }
    int h = windows(input.dim(1), kernelSize().h(), stride().h(), padding().h(), dilation().h());
    int w = windows(input.dim(2), kernelSize().w(), stride().w(), padding().w(), dilation().w());
    if (h < 1 || w < 1) {
      mistakes
          .in("kernel_size")
          .add("a window of " + kernelSize() + " does not fit the input " + input);
      return null;
    }
    return Shape.of(input.dim(0), h, w);
  }

  private int windows(int size, int kernel, int stride, int padding, int dilation) {
    int windows = LayerSpec.windows(size, kernel, stride, padding, dilation);
    if (!ceilMode() || windows == 0) {
      return windows;
    }
    long rest = (size + 2L * padding - (long) dilation * (kernel - 1) - 1) % stride;
    // As in PyTorch, no window starts beyond the end of the input.
    return rest > 0 && (long) windows * stride < size + (long) padding ? windows + 1 : windows;
  }

  /**
   * sinabs' SumPool2d. Its backward pass, PyTorch's LPPool2d with p = 1, gives no gradient to a
   * window whose sum is 0; {@code silent_window_gradient: true} selects the true derivative of a
   * sum.
   *
   * @param silentWindowGradient whether a window whose sum is 0 gets a gradient
   * @param ceilMode whether a last window may reach over the end of the input; as in PyTorch, the
   *     sum of such a window is scaled up to a whole one's
   */
  record SumPool2d(Size2 kernelSize, Size2 stride, Boolean silentWindowGradient, Boolean ceilMode)
      implements PoolSpec {
    public SumPool2d {
      stride = stride == null ? kernelSize : stride;
      ceilMode = ceilMode == null ? false : ceilMode;
      silentWindowGradient = silentWindowGradient == null ? false : silentWindowGradient;
    }

    public SumPool2d(Size2 kernelSize, Size2 stride, Boolean silentWindowGradient) {
      this(kernelSize, stride, silentWindowGradient, false);
    }

    @Override
    @JsonIgnore
    public Size2 padding() {
      return Size2.ZERO;
    }
  }

  /**
   * PyTorch's AvgPool2d.
   *
   * @param ceilMode whether a last window may reach over the end of the padded input; it averages
   *     what lies inside
   * @param countIncludePad whether zeros of the padding count in the average
   */
  record AvgPool2d(
      Size2 kernelSize, Size2 stride, Size2 padding, Boolean ceilMode, Boolean countIncludePad)
      implements PoolSpec {
    public AvgPool2d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
      ceilMode = ceilMode == null ? false : ceilMode;
      countIncludePad = countIncludePad == null ? true : countIncludePad;
    }

    public AvgPool2d(Size2 kernelSize, Size2 stride, Size2 padding) {
      this(kernelSize, stride, padding, false, true);
    }

    /** The area of a full window, as in sinabs, even for windows that extend beyond the edge. */
    @Override
    public int spikesPerUnit(int unit, Shape input) {
      return unit * kernelSize.h() * kernelSize.w();
    }
  }

  /**
   * PyTorch's MaxPool2d: the largest value of each window, at each time step by itself. Padding is
   * smaller than any value.
   *
   * @param dilation distance between the values of a window
   * @param ceilMode whether a last window may reach over the end of the input
   */
  record MaxPool2d(Size2 kernelSize, Size2 stride, Size2 padding, Size2 dilation, Boolean ceilMode)
      implements PoolSpec {
    public MaxPool2d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
      dilation = dilation == null ? Size2.ONE : dilation;
      ceilMode = ceilMode == null ? false : ceilMode;
    }
  }

  /**
   * sinabs' SpikingMaxPooling2dLayer: a window outputs its largest input at those time steps at
   * which the neuron with the most spikes so far is among those that spike.
   */
  record SpikingMaxPooling2dLayer(Size2 kernelSize, Size2 stride, Size2 padding)
      implements PoolSpec {
    public SpikingMaxPooling2dLayer {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
    }

    @Override
    public int spikesPerUnit(int unit, Shape input) {
      return 1;
    }
  }
}
