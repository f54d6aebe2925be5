package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PlaneLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Depthwise convolutions, in which channels are independent: a vector holds neighbouring channels
 * of a pixel or of a tap's weights. The last vector of a pixel overlaps the one before, so that it
 * is full.
 */
final class DepthwiseConv implements Kernels.Conv {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  private static final int TASKS = 32;

  /** Windows of a tile, which share the weights they are multiplied with. */
  private static final int WINDOWS = 8;

  /** Frames of a tile of the input's gradient, likewise. */
  private static final int FRAMES = 4;

  /** Taps whose gradients are summed at a time. */
  private static final int TAPS = 9;

  /** Windows whose values stay in the first cache while all taps go by. */
  private static final int CHUNK = 64;

  private static final int PARTS = PlaneLayout.PARTS;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int channels;
  private final int taps;
  private final int vectors;

  /** From one tap's weights to the next in {@link #weights}. */
  private final int width;

  private final int[] offsets;
  private final int[] origins;
  private final WindowIndex reach;
  private final float @Nullable [] padded;
  private final float[] start;

  /** Weights as [taps, vectors, lanes], and their gradients. */
  private final float[] weights;

  private final float[] gradients;
  private final PartialSums partialSums;

  DepthwiseConv(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    channels = shape.inC();
    taps = shape.taps();
    vectors = Math.ceilDiv(channels, LANES);
    width = vectors * LANES;
    offsets = shape.tapOffsets();
    origins = VectorConv.origins(shape, maxFrames);
    reach = WindowIndex.of(shape);
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    start = new float[channels];
    weights = new float[taps * width];
    gradients = new float[taps * width];
    partialSums = new PartialSums(PARTS, parallel);
  }

  private int first(int vector) {
    return Math.min(vector * LANES, channels - LANES);
  }

  private void take(float[] w) {
    for (int vector = 0; vector < vectors; vector++) {
      for (int lane = 0; lane < LANES; lane++) {
        int from = (first(vector) + lane) * taps;
        for (int tap = 0, at = vector * LANES + lane; tap < taps; tap++, at += width) {
          weights[at] = w[from + tap];
        }
      }
    }
  }

  private float[] pad(float[] x, int xAt, int frames) {
    return padded == null ? x : VectorConv.pad(shape, x, xAt, padded, frames, parallel);
  }

  @Override
  public void forward(
      float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
    take(w);
    if (bias == null) {
      Arrays.fill(start, 0);
    } else {
      System.arraycopy(bias, 0, start, 0, channels);
    }
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    int rows = frames * shape.windows();
    int tasks = Math.min(TASKS, Math.ceilDiv(rows, WINDOWS));
    parallel.run(
        tasks,
        task -> {
          int last = Parallel.start(rows, task + 1, tasks);
          for (int r = Parallel.start(rows, task, tasks); r < last; r += WINDOWS) {
            for (int vector = 0; vector < vectors; vector++) {
              forward8(from, at, vector, y, yAt, r, last);
            }
          }
        });
  }

  @Override
  public void inputGradient(
      float[] gy,
      int gyAt,
      float[] w,
      float[] gx,
      int gxAt,
      int frames,
      float @Nullable [] activeX,
      int xAt) {
    take(w);
    int pixels = reach.spots();
    int tasks = Math.min(TASKS, pixels);
    parallel.run(
        tasks,
        task -> {
          int last = Parallel.start(pixels, task + 1, tasks);
          for (int f = 0; f < frames; f += FRAMES) {
            for (int pixel = Parallel.start(pixels, task, tasks); pixel < last; pixel++) {
              for (int vector = 0; vector < vectors; vector++) {
                input4(gy, gyAt, vector, gx, gxAt, f, frames, pixel);
              }
            }
          }
        });
  }

  @Override
  public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    int rows = frames * shape.windows();
    Arrays.fill(gradients, 0);
    partialSums.addTo(
        gradients,
        (part, sums, sumsAt) -> {
          int last = partialSums.start(rows, part + 1);
          for (int r = partialSums.start(rows, part); r < last; r += CHUNK) {
            addWindows(from, at, gy, gyAt, sums, sumsAt, r, Math.min(last, r + CHUNK));
          }
        });
    for (int c = 0; c < channels; c++) {
      int vector = c / LANES;
      int lane = c - first(vector);
      for (int tap = 0; tap < taps; tap++) {
        gw[c * taps + tap] += gradients[tap * width + vector * LANES + lane];
      }
    }
  }

  private void addWindows(
      float[] x, int xAt, float[] gy, int gyAt, float[] sums, int sumsAt, int r, int last) {
    for (int vector = 0; vector < vectors; vector++) {
      int c = first(vector);
      for (int tap = 0; tap < taps; tap += TAPS) {
        int at = sumsAt + tap * width + vector * LANES;
        if (taps - tap >= TAPS) {
          weights9(x, xAt + c, gy, gyAt + c, sums, at, tap, r, last);
        } else {
          for (int t = tap; t < taps; t += 3, at += 3 * width) {
            weights3(x, xAt + c, gy, gyAt + c, sums, at, t, r, last);
          }
        }
      }
    }
  }

  /** y of the windows {@code r..min(r + 8, last)-1}. */
  private void forward8(float[] x, int xAt, int vector, float[] y, int yAt, int r, int last) {
    int c = first(vector);
    int end = last - 1;
    int r0 = r;
    int x0 = xAt + c + origins[r0];
    int r1 = Math.min(r + 1, end);
    int x1 = xAt + c + origins[r1];
    int r2 = Math.min(r + 2, end);
    int x2 = xAt + c + origins[r2];
    int r3 = Math.min(r + 3, end);
    int x3 = xAt + c + origins[r3];
    int r4 = Math.min(r + 4, end);
    int x4 = xAt + c + origins[r4];
    int r5 = Math.min(r + 5, end);
    int x5 = xAt + c + origins[r5];
    int r6 = Math.min(r + 6, end);
    int x6 = xAt + c + origins[r6];
    int r7 = Math.min(r + 7, end);
    int x7 = xAt + c + origins[r7];
    FloatVector b = FloatVector.fromArray(SPECIES, start, c);
    FloatVector y0 = b, y1 = b, y2 = b, y3 = b, y4 = b, y5 = b, y6 = b, y7 = b;
    float[] w = weights;
    int[] o = offsets;
    for (int tap = 0, k = vector * LANES; tap < o.length; tap++, k += width) {
      FloatVector v = FloatVector.fromArray(SPECIES, w, k);
      y0 = v.fma(FloatVector.fromArray(SPECIES, x, x0 + o[tap]), y0);
      y1 = v.fma(FloatVector.fromArray(SPECIES, x, x1 + o[tap]), y1);
      y2 = v.fma(FloatVector.fromArray(SPECIES, x, x2 + o[tap]), y2);
      y3 = v.fma(FloatVector.fromArray(SPECIES, x, x3 + o[tap]), y3);
      y4 = v.fma(FloatVector.fromArray(SPECIES, x, x4 + o[tap]), y4);
      y5 = v.fma(FloatVector.fromArray(SPECIES, x, x5 + o[tap]), y5);
      y6 = v.fma(FloatVector.fromArray(SPECIES, x, x6 + o[tap]), y6);
      y7 = v.fma(FloatVector.fromArray(SPECIES, x, x7 + o[tap]), y7);
    }
    int at = yAt + c;
    y0.intoArray(y, at + r0 * channels);
    y1.intoArray(y, at + r1 * channels);
    y2.intoArray(y, at + r2 * channels);
    y3.intoArray(y, at + r3 * channels);
    y4.intoArray(y, at + r4 * channels);
    y5.intoArray(y, at + r5 * channels);
    y6.intoArray(y, at + r6 * channels);
    y7.intoArray(y, at + r7 * channels);
  }

  /** gx of one pixel in the frames {@code f..min(f + 4, frames)-1}. */
  private void input4(
      float[] gy, int gyAt, int vector, float[] gx, int gxAt, int f, int frames, int pixel) {
    int c = first(vector);
    int f0 = f;
    int g0 = gyAt + c + f0 * shape.outSize();
    int f1 = Math.min(f + 1, frames - 1);
    int g1 = gyAt + c + f1 * shape.outSize();
    int f2 = Math.min(f + 2, frames - 1);
    int g2 = gyAt + c + f2 * shape.outSize();
    int f3 = Math.min(f + 3, frames - 1);
    int g3 = gyAt + c + f3 * shape.outSize();
    FloatVector s0 = FloatVector.zero(SPECIES), s1 = s0, s2 = s0, s3 = s0;
    float[] w = weights;
    int[] windows = reach.windows();
    int[] positions = reach.positions();
    int end = reach.starts()[pixel + 1];
    for (int i = reach.starts()[pixel]; i < end; i++) {
      int o = windows[i] * channels;
      FloatVector v = FloatVector.fromArray(SPECIES, w, positions[i] * width + vector * LANES);
      s0 = v.fma(FloatVector.fromArray(SPECIES, gy, g0 + o), s0);
      s1 = v.fma(FloatVector.fromArray(SPECIES, gy, g1 + o), s1);
      s2 = v.fma(FloatVector.fromArray(SPECIES, gy, g2 + o), s2);
      s3 = v.fma(FloatVector.fromArray(SPECIES, gy, g3 + o), s3);
    }
    int at = gxAt + pixel * channels + c;
    s0.intoArray(gx, at + f0 * shape.inSize());
    s1.intoArray(gx, at + f1 * shape.inSize());
    s2.intoArray(gx, at + f2 * shape.inSize());
    s3.intoArray(gx, at + f3 * shape.inSize());
  }

  /** Adds to the gradients of nine taps, what the windows {@code first..last-1} give. */
  private void weights9(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] sums,
      int at,
      int tap,
      int first,
      int last) {
    int o0 = xAt + offsets[tap];
    int o1 = xAt + offsets[tap + 1];
    int o2 = xAt + offsets[tap + 2];
    int o3 = xAt + offsets[tap + 3];
    int o4 = xAt + offsets[tap + 4];
    int o5 = xAt + offsets[tap + 5];
    int o6 = xAt + offsets[tap + 6];
    int o7 = xAt + offsets[tap + 7];
    int o8 = xAt + offsets[tap + 8];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s0 = zero,
        s1 = zero,
        s2 = zero,
        s3 = zero,
        s4 = zero,
        s5 = zero,
        s6 = zero,
        s7 = zero,
        s8 = zero;
    for (int r = first; r < last; r++) {
      int i = origins[r];
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + r * channels);
      s0 = g.fma(FloatVector.fromArray(SPECIES, x, o0 + i), s0);
      s1 = g.fma(FloatVector.fromArray(SPECIES, x, o1 + i), s1);
      s2 = g.fma(FloatVector.fromArray(SPECIES, x, o2 + i), s2);
      s3 = g.fma(FloatVector.fromArray(SPECIES, x, o3 + i), s3);
      s4 = g.fma(FloatVector.fromArray(SPECIES, x, o4 + i), s4);
      s5 = g.fma(FloatVector.fromArray(SPECIES, x, o5 + i), s5);
      s6 = g.fma(FloatVector.fromArray(SPECIES, x, o6 + i), s6);
      s7 = g.fma(FloatVector.fromArray(SPECIES, x, o7 + i), s7);
      s8 = g.fma(FloatVector.fromArray(SPECIES, x, o8 + i), s8);
    }
    s0.add(FloatVector.fromArray(SPECIES, sums, at)).intoArray(sums, at);
    s1.add(FloatVector.fromArray(SPECIES, sums, at + width)).intoArray(sums, at + width);
    s2.add(FloatVector.fromArray(SPECIES, sums, at + 2 * width)).intoArray(sums, at + 2 * width);
    s3.add(FloatVector.fromArray(SPECIES, sums, at + 3 * width)).intoArray(sums, at + 3 * width);
    s4.add(FloatVector.fromArray(SPECIES, sums, at + 4 * width)).intoArray(sums, at + 4 * width);
    s5.add(FloatVector.fromArray(SPECIES, sums, at + 5 * width)).intoArray(sums, at + 5 * width);
    s6.add(FloatVector.fromArray(SPECIES, sums, at + 6 * width)).intoArray(sums, at + 6 * width);
    s7.add(FloatVector.fromArray(SPECIES, sums, at + 7 * width)).intoArray(sums, at + 7 * width);
    s8.add(FloatVector.fromArray(SPECIES, sums, at + 8 * width)).intoArray(sums, at + 8 * width);
  }

  /**
   * Adds the contributions of the windows {@code first..last-1} to the gradients of up to three
   * taps.
   */
  private void weights3(
      float[] x,
      int xAt,
      float[] gy,
      int gyAt,
      float[] sums,
      int at,
      int tap,
      int first,
      int last) {
    int end = taps - 1;
    int o0 = xAt + offsets[tap];
    int o1 = xAt + offsets[Math.min(tap + 1, end)];
    int o2 = xAt + offsets[Math.min(tap + 2, end)];
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s0 = zero, s1 = zero, s2 = zero;
    for (int r = first; r < last; r++) {
      int i = origins[r];
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + r * channels);
      s0 = g.fma(FloatVector.fromArray(SPECIES, x, o0 + i), s0);
      s1 = g.fma(FloatVector.fromArray(SPECIES, x, o1 + i), s1);
      s2 = g.fma(FloatVector.fromArray(SPECIES, x, o2 + i), s2);
    }
    s0.add(FloatVector.fromArray(SPECIES, sums, at)).intoArray(sums, at);
    if (tap + 1 <= end) {
      s1.add(FloatVector.fromArray(SPECIES, sums, at + width)).intoArray(sums, at + width);
    }
    if (tap + 2 <= end) {
      s2.add(FloatVector.fromArray(SPECIES, sums, at + 2 * width)).intoArray(sums, at + 2 * width);
    }
  }
}
