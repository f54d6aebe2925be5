package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import org.jspecify.annotations.Nullable;

/** A layer that joins a window of each channel into one value. */
public sealed interface PoolSpec extends LayerSpec {
  /** Of a window. */
  Size2 kernelSize();

  /** From one window to the next; that of the window if null. */
  Size2 stride();

  /** Zeros around the input. */
  Size2 padding();

  @Override
  default void check(Mistakes mistakes) {
    if (mistakes.require(kernelSize() != null, "kernel_size", "is missing")) {
      kernelSize().atLeast(1, "kernel_size", mistakes);
      stride().atLeast(1, "stride", mistakes);
      padding().atLeast(0, "padding", mistakes);
      mistakes.require(
          2L * padding().h() <= kernelSize().h() && 2L * padding().w() <= kernelSize().w(),
          "padding",
          "must be at most half of kernel_size " + kernelSize() + ", was " + padding());
    }
  }

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    if (input.rank() != 3) {
      mistakes.add(typeName() + " takes a (C, H, W) input, but the layers before it give " + input);
      return null;
    }
    int h = LayerSpec.windows(input.dim(1), kernelSize().h(), stride().h(), padding().h(), 1);
    int w = LayerSpec.windows(input.dim(2), kernelSize().w(), stride().w(), padding().w(), 1);
    if (h < 1 || w < 1) {
      mistakes
          .in("kernel_size")
          .add("a window of " + kernelSize() + " does not fit the input " + input);
      return null;
    }
    return Shape.of(input.dim(0), h, w);
  }

  /**
   * sinabs' SumPool2d. Its backward pass, PyTorch's LPPool2d with p = 1, gives no gradient to a
   * window whose sum is 0; {@code silent_window_gradient: true} selects the true derivative of a
   * sum.
   *
   * @param silentWindowGradient whether a window whose sum is 0 gets a gradient
   */
  record SumPool2d(Size2 kernelSize, Size2 stride, Boolean silentWindowGradient)
      implements PoolSpec {
    public SumPool2d {
      stride = stride == null ? kernelSize : stride;
      silentWindowGradient = silentWindowGradient == null ? false : silentWindowGradient;
    }

    @Override
    @JsonIgnore
    public Size2 padding() {
      return Size2.ZERO;
    }
  }

  /** PyTorch's AvgPool2d, padding zeros counted in the average. */
  record AvgPool2d(Size2 kernelSize, Size2 stride, Size2 padding) implements PoolSpec {
    public AvgPool2d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
    }
  }

  /**
   * sinabs' SpikingMaxPooling2dLayer: of each window, the neuron with the most spikes so far
   * speaks; what the window puts out at a step is its largest input, if the neuron that is ahead is
   * among those that spike.
   */
  record SpikingMaxPooling2dLayer(Size2 kernelSize, Size2 stride, Size2 padding)
      implements PoolSpec {
    public SpikingMaxPooling2dLayer {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
    }
  }
}
