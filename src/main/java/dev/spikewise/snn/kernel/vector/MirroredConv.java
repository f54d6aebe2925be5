package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of the input of a convolution of stride 1: the convolution of the output's gradient
 * with the mirrored kernel. Where few gradients are not 0, as behind surrogates that end at a
 * distance from the threshold, only those are visited; the sums have the same bits.
 */
final class MirroredConv {

  private static final int LANES = Species.FLOATS.length();

  /** Time per gradient that is visited, relative to the time per value of a panel (measured). */
  private static final int EVENT = 5;

  /** Frames whose gradients are listed at a time. */
  private static final int LISTED = 16;

  private final ConvShape shape;
  private final Parallel parallel;
  private final float @Nullable [] padded;
  private final PanelConv panels;
  private final float[] zeros;
  private final int[] active;
  private @Nullable Listed listed;

  MirroredConv(ConvShape s, int maxFrames, Parallel parallel) {
    this.parallel = parallel;
    shape = s.mirrored();
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    panels = new PanelConv(shape, true, VectorConv.origins(shape, maxFrames), parallel);
    zeros = new float[shape.outC() + 2 * LANES];
    active = new int[maxFrames];
  }

  /**
   * Whether products with zeros at the border are rare and the input's channels fill panels.
   *
   * @param pairs pairs of a pixel and a window that sees it
   */
  static boolean suits(ConvShape s, int pairs) {
    return s.canMirror()
        && pairs >= 0.8 * s.inH() * s.inW() * s.kH() * s.kW()
        && s.inCPerGroup() >= 2 * LANES;
  }

  void run(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
    if (isSparse(gy, gyAt, frames)) {
      if (listed == null) {
        listed = new Listed();
      }
      listed.run(gy, gyAt, w, gx, gxAt, frames);
    } else if (padded == null) {
      panels.run(gy, gyAt, w, zeros, gx, gxAt, frames);
    } else {
      VectorConv.pad(shape, gy, gyAt, padded, frames, parallel);
      panels.run(padded, 0, w, zeros, gx, gxAt, frames);
    }
  }

  private boolean isSparse(float[] gy, int gyAt, int frames) {
    if (!Events.suits(shape) || shape.outC() < ConvEvents.WIDE) {
      return false;
    }
    int size = shape.inSize();
    parallel.run(frames, f -> active[f] = Events.count(gy, gyAt + f * size, size));
    return Arrays.stream(active, 0, frames).asLongStream().sum() * EVENT < (long) frames * size;
  }

  /** The convolution of gradients that are not 0, some frames at a time. */
  private final class Listed {

    private final Events events = new Events(shape, LISTED, parallel);
    private final ConvEvents loops =
        new ConvEvents(shape, events, VectorConv.origins(shape, LISTED), WindowIndex.of(shape));

    /** [positions of the kernel, channels of the gradient, channels of the input]. */
    private final float[] turned = new float[shape.weights()];

    void run(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int frames) {
      parallel.run(shape.kH() * shape.kW(), position -> turn(w, position));
      int windows = shape.windows();
      for (int f = 0; f < frames; f += LISTED) {
        int n = Math.min(LISTED, frames - f);
        int from = gyAt + f * shape.inSize();
        if (padded == null) {
          events.collect(gy, from, n);
        } else {
          events.collect(VectorConv.pad(shape, gy, from, padded, n, parallel), 0, n);
        }
        int to = gxAt + f * windows * shape.outC();
        parallel.run(
            n,
            frame -> loops.forward(turned, zeros, gx, to, frame * windows, (frame + 1) * windows));
      }
    }

    private void turn(float[] w, int position) {
      int in = shape.inC();
      int out = shape.outC();
      int from = (shape.kH() * shape.kW() - 1 - position) * out * in;
      int to = position * in * out;
      for (int i = 0; i < in; i += LANES) {
        int end = Math.min(in, i + LANES);
        for (int o = 0; o < out; o++) {
          for (int j = i; j < end; j++) {
            turned[to + j * out + o] = w[from + o * in + j];
          }
        }
      }
    }
  }
}
