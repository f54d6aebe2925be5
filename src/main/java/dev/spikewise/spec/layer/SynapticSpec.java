package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Padding1;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A layer with weights, whose input spikes cause synaptic operations. */
public sealed interface SynapticSpec extends LayerSpec {
  /** Whether each output has a trained bias. */
  Boolean bias();

  /** Shape of the weights in PyTorch, for an input that fits. */
  Shape weightShape(Shape input);

  /** The same layer with a bias. */
  default SynapticSpec withBias() {
    return with(in(), out(), true);
  }

  /** The same layer with other numbers of channels or features, stated where they were. */
  default SynapticSpec withSizes(int in, int out) {
    return with(in() == null ? null : (Integer) in, out, bias());
  }

  /** Number of input channels or features; null where the input decides. */
  private @Nullable Integer in() {
    return switch (this) {
      case Conv2d c -> c.inChannels;
      case Conv1d c -> c.inChannels;
      case ConvTranspose2d c -> c.inChannels;
      case Linear l -> l.inFeatures;
    };
  }

  private Integer out() {
    return switch (this) {
      case Conv2d c -> c.outChannels;
      case Conv1d c -> c.outChannels;
      case ConvTranspose2d c -> c.outChannels;
      case Linear l -> l.outFeatures;
    };
  }

  private SynapticSpec with(@Nullable Integer in, Integer out, Boolean bias) {
    return switch (this) {
      case Conv2d c ->
          new Conv2d(in, out, c.kernelSize, c.stride, c.padding, c.dilation, c.groups, bias);
      case Conv1d c ->
          new Conv1d(in, out, c.kernelSize, c.stride, c.padding, c.dilation, c.groups, bias);
      case ConvTranspose2d c ->
          new ConvTranspose2d(
              in,
              out,
              c.kernelSize,
              c.stride,
              c.padding,
              c.outputPadding,
              c.groups,
              bias,
              c.dilation);
      case Linear _ -> new Linear(in, out, bias);
    };
  }

  /** Number of output channels or features, which is the number of biases. */
  default int outputs(Shape input) {
    return weightShape(input).dim(0);
  }

  @Override
  default int spikesPerUnit(int unit, Shape input) {
    return 1;
  }

  @Override
  default SequencedMap<String, Shape> parameters(Shape input) {
    var parameters = new LinkedHashMap<String, Shape>();
    parameters.put("weight", weightShape(input));
    if (bias()) {
      parameters.put("bias", Shape.of(outputs(input)));
    }
    return parameters;
  }

  /**
   * Padding that keeps the size of the input, as PyTorch's {@code padding="same"}; {@link
   * Size2#SAME} when no symmetric padding does.
   */
  private static Size2 same(Size2 kernel, Size2 stride, Size2 dilation) {
    int h = dilation.h() * (kernel.h() - 1);
    int w = dilation.w() * (kernel.w() - 1);
    boolean exists = stride.equals(Size2.ONE) && h >= 0 && w >= 0 && h % 2 == 0 && w % 2 == 0;
    return exists ? new Size2(h / 2, w / 2) : Size2.SAME;
  }

  private static void checkKernel(
      @Nullable Integer inChannels, Integer outChannels, Size2 kernelSize, Mistakes mistakes) {
    if (mistakes.require(
        outChannels != null, "out_channels", "is missing: give the number of output channels")) {
      mistakes.atLeast(outChannels, 1, "out_channels");
    }
    if (mistakes.require(
        kernelSize != null, "kernel_size", "is missing: give the size of a kernel")) {
      kernelSize.atLeast(1, "kernel_size", mistakes);
    }
    if (inChannels != null) {
      mistakes.atLeast(inChannels, 1, "in_channels");
    }
  }

  private static void checkGroups(int groups, Integer outChannels, Mistakes mistakes) {
    if (mistakes.atLeast(groups, 1, "groups") && outChannels != null) {
      mistakes.require(
          outChannels % groups == 0,
          "groups",
          "must divide out_channels " + outChannels + " but was " + groups);
    }
  }

  /**
   * PyTorch's Conv2d: (Cin, H, W) to (Cout, H', W'), with zero padding.
   *
   * @param inChannels Number of input channels; inferred from the layers before when absent.
   * @param outChannels Number of output channels (kernels).
   * @param kernelSize Height and width of a kernel.
   * @param stride Distance from one window to the next.
   * @param padding zeros around the input: a number, a pair, {@code "valid"} for none, or {@code
   *     "same"} for as many as keep its size, which takes a stride of 1 and an even {@code dilation
   *     (kernel_size - 1)}
   * @param dilation Distance between the taps of a kernel.
   * @param groups Number of groups that channels are split into; each group is convolved by itself.
   */
  record Conv2d(
      @Nullable Integer inChannels,
      Integer outChannels,
      Size2 kernelSize,
      Size2 stride,
      Size2 padding,
      Size2 dilation,
      Integer groups,
      Boolean bias)
      implements SynapticSpec {
    public Conv2d {
      stride = stride == null ? Size2.ONE : stride;
      padding = padding == null ? Size2.ZERO : padding;
      dilation = dilation == null ? Size2.ONE : dilation;
      padding =
          padding.equals(Size2.SAME) && kernelSize != null
              ? same(kernelSize, stride, dilation)
              : padding;
      groups = groups == null ? 1 : groups;
      bias = bias == null ? true : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      checkKernel(inChannels, outChannels, kernelSize, mistakes);
      stride.atLeast(1, "stride", mistakes);
      if (padding.equals(Size2.SAME)) {
        mistakes
            .in("padding")
            .add(
                "\"same\" needs stride 1 and an even dilation * (kernel_size - 1) along both axes,"
                    + " so that both sides get the same number of zeros: give the padding as a"
                    + " number, or use an odd kernel_size");
      } else {
        padding.atLeast(0, "padding", mistakes);
      }
      dilation.atLeast(1, "dilation", mistakes);
      checkGroups(groups, outChannels, mistakes);
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add("Conv2d takes a (C, H, W) input, but the preceding layer outputs " + input);
        return null;
      }
      int channels = input.dim(0);
      if (inChannels != null && inChannels != channels) {
        mistakes
            .in("in_channels")
            .add(
                "must be "
                    + channels
                    + ", because the preceding layer outputs "
                    + input
                    + " but was "
                    + inChannels);
        return null;
      }
      if (channels % groups != 0) {
        mistakes
            .in("groups")
            .add("must divide the " + channels + " input channels but was " + groups);
        return null;
      }
      int h =
          LayerSpec.windows(input.dim(1), kernelSize.h(), stride.h(), padding.h(), dilation.h());
      int w =
          LayerSpec.windows(input.dim(2), kernelSize.w(), stride.w(), padding.w(), dilation.w());
      if (h < 1 || w < 1) {
        mistakes
            .in("kernel_size")
            .add(
                "a kernel of "
                    + kernelSize
                    + " with dilation "
                    + dilation
                    + " does not fit the input "
                    + input
                    + " with padding "
                    + padding);
        return null;
      }
      return Shape.of(outChannels, h, w);
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outChannels, input.dim(0) / groups, kernelSize.h(), kernelSize.w());
    }
  }

  /**
   * PyTorch's Conv1d: (Cin, L) to (Cout, L'), with zero padding.
   *
   * @param inChannels Number of input channels; inferred from the layers before when absent.
   * @param outChannels Number of output channels (kernels).
   * @param kernelSize Number of taps of a kernel.
   * @param stride Distance from one window to the next.
   * @param padding zeros at both ends of the input: a number, {@code "valid"} for none, or {@code
   *     "same"} for as many as keep its length, which takes a stride of 1 and an even {@code
   *     dilation (kernel_size - 1)}
   * @param dilation Distance between the taps of a kernel.
   * @param groups Number of groups that channels are split into; each group is convolved by itself.
   */
  record Conv1d(
      @Nullable Integer inChannels,
      Integer outChannels,
      Integer kernelSize,
      Integer stride,
      Padding1 padding,
      Integer dilation,
      Integer groups,
      Boolean bias)
      implements SynapticSpec {
    public Conv1d {
      stride = stride == null ? 1 : stride;
      padding = padding == null ? Padding1.ZERO : padding;
      dilation = dilation == null ? 1 : dilation;
      if (padding.equals(Padding1.SAME) && kernelSize != null) {
        padding =
            new Padding1(
                same(new Size2(1, kernelSize), new Size2(1, stride), new Size2(1, dilation)).w());
      }
      groups = groups == null ? 1 : groups;
      bias = bias == null ? true : bias;
    }

    public Conv1d(
        @Nullable Integer inChannels,
        Integer outChannels,
        Integer kernelSize,
        Integer stride,
        Integer padding,
        Integer dilation,
        Integer groups,
        Boolean bias) {
      this(
          inChannels,
          outChannels,
          kernelSize,
          stride,
          new Padding1(padding),
          dilation,
          groups,
          bias);
    }

    /** The equivalent convolution over (Cin, 1, L). */
    public Conv2d asConv2d() {
      return new Conv2d(
          inChannels,
          outChannels,
          new Size2(1, kernelSize),
          new Size2(1, stride),
          padding.equals(Padding1.SAME) ? Size2.SAME : new Size2(0, padding.size()),
          new Size2(1, dilation),
          groups,
          bias);
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(
              kernelSize != null, "kernel_size", "is missing: give the size of a kernel")
          && mistakes.atLeast(kernelSize, 1, "kernel_size")
              & mistakes.atLeast(stride, 1, "stride")
              & (padding.equals(Padding1.SAME) || mistakes.atLeast(padding.size(), 0, "padding"))
              & mistakes.atLeast(dilation, 1, "dilation")) {
        asConv2d().check(mistakes);
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 2) {
        mistakes.add("Conv1d takes a (C, L) input, but the preceding layer outputs " + input);
        return null;
      }
      Shape output = asConv2d().outputShape(Shape.of(input.dim(0), 1, input.dim(1)), mistakes);
      return output == null ? null : Shape.of(output.dim(0), output.dim(2));
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outChannels, input.dim(0) / groups, kernelSize);
    }
  }

  /**
   * PyTorch's ConvTranspose2d: (Cin, H, W) to (Cout, H', W') with {@code H' = (H - 1) stride - 2
   * padding + dilation (kernel_size - 1) + output_padding + 1}.
   *
   * @param inChannels Number of input channels; inferred from the layers before when absent.
   * @param outChannels Number of output channels.
   * @param kernelSize Height and width of the window that one input value reaches.
   * @param stride Distance between the windows of neighbouring input values.
   * @param padding Number of rows and columns removed at each side of the output.
   * @param outputPadding Number of rows and columns added at the end of the output.
   * @param groups Number of groups that channels are split into; each group is convolved by itself.
   * @param dilation Distance between the taps of a kernel.
   */
  record ConvTranspose2d(
      @Nullable Integer inChannels,
      Integer outChannels,
      Size2 kernelSize,
      Size2 stride,
      Size2 padding,
      Size2 outputPadding,
      Integer groups,
      Boolean bias,
      Size2 dilation)
      implements SynapticSpec {
    public ConvTranspose2d {
      stride = stride == null ? Size2.ONE : stride;
      padding = padding == null ? Size2.ZERO : padding;
      outputPadding = outputPadding == null ? Size2.ZERO : outputPadding;
      dilation = dilation == null ? Size2.ONE : dilation;
      groups = groups == null ? 1 : groups;
      bias = bias == null ? true : bias;
    }

    /**
     * The convolution with the same connections in the opposite direction: from this layer's output
     * to its input of {@code inChannels} channels.
     */
    public Conv2d reversed(int inChannels) {
      return new Conv2d(null, inChannels, kernelSize, stride, padding, dilation, groups, false);
    }

    @Override
    public void check(Mistakes mistakes) {
      checkKernel(inChannels, outChannels, kernelSize, mistakes);
      stride.atLeast(1, "stride", mistakes);
      padding.atLeast(0, "padding", mistakes);
      dilation.atLeast(1, "dilation", mistakes);
      outputPadding.atLeast(0, "output_padding", mistakes);
      mistakes.require(
          outputPadding.h() < Math.max(stride.h(), dilation.h())
              && outputPadding.w() < Math.max(stride.w(), dilation.w()),
          "output_padding",
          "must be smaller than stride or dilation but was " + outputPadding);
      checkGroups(groups, outChannels, mistakes);
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add(
            "ConvTranspose2d takes a (C, H, W) input, but the preceding layer outputs " + input);
        return null;
      }
      int channels = input.dim(0);
      if (inChannels != null && inChannels != channels) {
        mistakes
            .in("in_channels")
            .add(
                "must be %d, because the preceding layer outputs %s but was %d"
                    .formatted(channels, input, inChannels));
        return null;
      }
      if (channels % groups != 0) {
        mistakes
            .in("groups")
            .add("must divide the " + channels + " input channels but was " + groups);
        return null;
      }
      long h =
          length(
              input.dim(1),
              kernelSize.h(),
              stride.h(),
              padding.h(),
              dilation.h(),
              outputPadding.h());
      long w =
          length(
              input.dim(2),
              kernelSize.w(),
              stride.w(),
              padding.w(),
              dilation.w(),
              outputPadding.w());
      if (h < 1 || w < 1) {
        mistakes
            .in("padding")
            .add("of " + padding + " leaves nothing of the output for the input " + input);
        return null;
      }
      return Shape.of(
          outChannels, (int) Math.min(h, Integer.MAX_VALUE), (int) Math.min(w, Integer.MAX_VALUE));
    }

    private static long length(
        int size, int kernel, int stride, int padding, int dilation, int added) {
      return (size - 1L) * stride - 2L * padding + (long) dilation * (kernel - 1) + added + 1;
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(input.dim(0), outChannels / groups, kernelSize.h(), kernelSize.w());
    }

    @Override
    public int outputs(Shape input) {
      return outChannels;
    }
  }

  /**
   * PyTorch's Linear: a fully connected layer.
   *
   * @param inFeatures Number of input features; inferred from the layers before when absent.
   * @param outFeatures Number of output features (neurons).
   */
  record Linear(@Nullable Integer inFeatures, Integer outFeatures, Boolean bias)
      implements SynapticSpec {
    public Linear {
      bias = bias == null ? true : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(
          outFeatures != null, "out_features", "is missing: give the number of output features")) {
        mistakes.atLeast(outFeatures, 1, "out_features");
      }
      if (inFeatures != null) {
        mistakes.atLeast(inFeatures, 1, "in_features");
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 1) {
        mistakes.add(
            "Linear takes a flat input, but the preceding layer outputs "
                + input
                + "; put a Flatten before it");
        return null;
      }
      if (inFeatures != null && inFeatures != input.dim(0)) {
        mistakes
            .in("in_features")
            .add(
                "must be "
                    + input.dim(0)
                    + ", because the preceding layer outputs "
                    + input
                    + " but was "
                    + inFeatures);
        return null;
      }
      return Shape.of(outFeatures);
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outFeatures, input.dim(0));
    }
  }
}
