package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.spec.layer.PoolSpec;

/**
 * Sum or average over windows of each channel. The sum follows sinabs: PyTorch's LPPool2d with p =
 * 1, whose backward pass passes no gradient to a window whose sum is 0.
 */
public final class Pool extends UnaryLayer {

  private final PoolShape shape;
  private final Kernels kernels;

  public Pool(String name, PoolSpec spec, Signal in, Signal out, Kernels kernels) {
    super(name, in, out);
    this.kernels = kernels;
    shape = shape(spec, in.frame, out.frame);
  }

  public static PoolShape shape(PoolSpec spec, Frame in, Frame out) {
    int area = spec.kernelSize().h() * spec.kernelSize().w();
    return new PoolShape(
        in.h(),
        in.w(),
        in.c(),
        out.h(),
        out.w(),
        spec.kernelSize().h(),
        spec.kernelSize().w(),
        spec.stride().h(),
        spec.stride().w(),
        spec.padding().h(),
        spec.padding().w(),
        spec instanceof PoolSpec.AvgPool2d ? 1f / area : 1,
        spec instanceof PoolSpec.SumPool2d sum && !sum.silentWindowGradient(),
        counting(spec));
  }

  private static PoolShape.Counting counting(PoolSpec spec) {
    if (spec instanceof PoolSpec.AvgPool2d average && !average.countIncludePad()) {
      return PoolShape.Counting.INSIDE;
    }
    return spec.ceilMode() ? PoolShape.Counting.PADDED : PoolShape.Counting.WHOLE;
  }

  @Override
  public boolean skipsSilent() {
    return shape.skipsSilent();
  }

  @Override
  public void forward(int from, int to) {
    int inAt = in.at(from);
    int outAt = out.at(from);
    kernels
        .parallel()
        .run(
            (to - from) * in.steps,
            f ->
                kernels.poolForward(
                    shape,
                    in.data,
                    inAt + f * shape.inSize(),
                    out.data,
                    outAt + f * shape.outSize()));
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    kernels
        .parallel()
        .run(
            (to - from) * in.steps,
            f ->
                kernels.poolBackward(
                    shape,
                    gOut.data,
                    gOut.at(from) + f * shape.outSize(),
                    out.data,
                    out.at(from) + f * shape.outSize(),
                    gIn.data,
                    gIn.at(from) + f * shape.inSize()));
  }
}
