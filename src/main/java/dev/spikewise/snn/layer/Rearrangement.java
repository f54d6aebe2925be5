package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;

/** Each output is a copy of one input: Upsample, and Flatten over some of the dimensions. */
public final class Rearrangement extends UnaryLayer {

  /** For each output of a frame, the index of the input that it copies. */
  private final int[] source;

  private final Parallel parallel;

  private Rearrangement(String name, int[] source, Signal in, Signal out, Parallel parallel) {
    super(name, in, out);
    this.source = source;
    this.parallel = parallel;
  }

  /** Repeats rows and columns by the ratio of output size to input size. */
  public static Rearrangement upsample(String name, Signal in, Signal out, Parallel parallel) {
    int c = out.frame.c();
    int tall = out.frame.h() / in.frame.h();
    int wide = out.frame.w() / in.frame.w();
    var source = new int[out.frame.size()];
    for (int i = 0; i < source.length; i++) {
      int y = i / c / out.frame.w() / tall;
      int x = i / c % out.frame.w() / wide;
      source[i] = (y * in.frame.w() + x) * c + i % c;
    }
    return new Rearrangement(name, source, in, out, parallel);
  }

  /** Keeps PyTorch's order of the values in a frame of another shape. */
  public static Rearrangement reshape(String name, Signal in, Signal out, Parallel parallel) {
    int[] inOrder = in.frame.torchOrder();
    var byTorch = new int[inOrder.length];
    for (int i = 0; i < inOrder.length; i++) {
      byTorch[inOrder[i]] = i;
    }
    int[] outOrder = out.frame.torchOrder();
    var source = new int[outOrder.length];
    Arrays.setAll(source, i -> byTorch[outOrder[i]]);
    return new Rearrangement(name, source, in, out, parallel);
  }

  @Override
  public void forward(int from, int to) {
    int inSize = in.frame.size();
    parallel.run(
        (to - from) * in.steps,
        f -> {
          int xAt = in.at(from) + f * inSize;
          int yAt = out.at(from) + f * source.length;
          for (int i = 0; i < source.length; i++) {
            out.data[yAt + i] = in.data[xAt + source[i]];
          }
        });
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int inSize = in.frame.size();
    parallel.run(
        (to - from) * in.steps,
        f -> {
          int xAt = gIn.at(from) + f * inSize;
          int yAt = gOut.at(from) + f * source.length;
          Arrays.fill(gIn.data, xAt, xAt + inSize, 0);
          for (int i = 0; i < source.length; i++) {
            gIn.data[xAt + source[i]] += gOut.data[yAt + i];
          }
        });
  }
}
