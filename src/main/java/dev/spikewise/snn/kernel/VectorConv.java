package dev.spikewise.snn.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Convolution on the Vector API. Dense: tiles of eight windows by two vectors of output channels
 * stay in registers while the taps go by; two tables, where windows start and how far their taps
 * lie, describe every geometry. Event-driven: where the input is mostly zeros only its other values
 * are visited. Both add in the same order, so they agree bit for bit forward.
 */
final class VectorConv implements Kernels.Conv {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final int TILE = 8;

  /** Windows of a task. A constant, so that results do not depend on the number of threads. */
  private static final int CHUNK = 64;

  /** Partial sums of an event-driven weight gradient, for the same reason. */
  private static final int PARTS = 4;

  /**
   * Below these densities visiting events is faster than visiting everything (measured, see
   * src/bench).
   */
  private static final double SPARSE_FORWARD = 0.15;

  private static final double SPARSE_WEIGHTS = 0.25;
  private static final double SPARSE_INPUT = 0.13;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int taps;
  private final int windows;
  private final int groupIn;
  private final int groupOut;
  private final int[] tapOffsets;

  /** By window of every frame: where it starts, from the first padded frame on. */
  private final int[] origins;

  private final float @Nullable [] padded;
  private final float[] noBias;
  private final Events events;
  private final int maxFrames;
  private @Nullable Backward backward;
  private float @Nullable [] partialWeights;

  VectorConv(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.maxFrames = maxFrames;
    taps = shape.taps();
    windows = shape.windows();
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    tapOffsets = shape.tapOffsets();
    int[] starts = shape.windowStarts();
    origins = new int[maxFrames * windows];
    for (int i = 0; i < origins.length; i++) {
      origins[i] = i / windows * shape.paddedSize() + starts[i % windows];
    }
    noBias = new float[shape.outC()];
    padded = shape.padded() ? new float[maxFrames * shape.paddedSize()] : null;
    events = new Events(shape, maxFrames, parallel);
  }

  /** What only the backward pass needs. */
  private static final class Backward {
    final ConvShape transposed;
    final VectorConv conv;
    final float[] spread;
    final float[] turned;

    /** By input row: the taps that find a gradient there; all others only meet zeros. */
    final int[] firstTap;

    final int[] lastTap;

    Backward(ConvShape shape, int maxFrames, Parallel parallel) {
      transposed = shape.transposed();
      conv = new VectorConv(transposed, maxFrames, parallel);
      spread = new float[maxFrames * transposed.inSize()];
      turned = new float[shape.weights()];
      firstTap = new int[shape.inH()];
      lastTap = new int[shape.inH()];
      int tapsOfRow = shape.kW() * transposed.inCPerGroup();
      int span = shape.dilationH() * (shape.kH() - 1) - shape.padH();
      for (int iy = 0; iy < shape.inH(); iy++) {
        firstTap[iy] = transposed.taps();
        for (int ky = 0; ky < shape.kH(); ky++) {
          int at = iy + ky * shape.dilationH() - span;
          if (at >= 0 && at % shape.strideH() == 0 && at / shape.strideH() < shape.outH()) {
            firstTap[iy] = Math.min(firstTap[iy], ky * tapsOfRow);
            lastTap[iy] = (ky + 1) * tapsOfRow;
          }
        }
      }
    }
  }

  @Override
  public void forward(
      float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    events.collect(from, at, frames, SPARSE_FORWARD);
    int rows = frames * windows;
    int chunks = (rows + CHUNK - 1) / CHUNK;
    boolean sparse = events.density() < SPARSE_FORWARD;
    float[] start = bias == null ? noBias : bias;
    parallel.run(
        chunks,
        chunk -> {
          int first = chunk * CHUNK;
          int last = Math.min(rows, first + CHUNK);
          if (sparse) {
            sparseForward(w, start, y, yAt, first, last);
          } else {
            denseForward(from, at, w, start, y, yAt, first, last);
          }
        });
  }

  /** The frames with zeros around them, or {@code x} itself where no padding is asked for. */
  private float[] pad(float[] x, int xAt, int frames) {
    float[] to = padded;
    if (to == null) {
      return x;
    }
    int row = shape.inW() * shape.inC();
    parallel.run(
        frames,
        f -> {
          for (int iy = 0; iy < shape.inH(); iy++) {
            int pixel = (iy + shape.padH()) * shape.paddedW() + shape.padW();
            System.arraycopy(
                x,
                xAt + f * shape.inSize() + iy * row,
                to,
                f * shape.paddedSize() + pixel * shape.inC(),
                row);
          }
        });
    return to;
  }

  private void denseForward(
      float[] x, int xAt, float[] w, float[] bias, float[] y, int yAt, int first, int last) {
    dense(x, xAt, w, bias, y, yAt, first, last, 0, taps);
  }

  /** Sums the taps {@code from..to-1} of the windows {@code first..last-1}. */
  private void dense(
      float[] x,
      int xAt,
      float[] w,
      float[] bias,
      float[] y,
      int yAt,
      int first,
      int last,
      int from,
      int to) {
    for (int g = 0; g < shape.groups(); g++) {
      int xGroup = xAt + g * groupIn;
      int wGroup = g * taps * groupOut;
      int c = 0;
      for (; c + 2 * LANES <= groupOut; c += 2 * LANES) {
        int channel = g * groupOut + c;
        int r = first;
        for (; r + TILE <= last; r += TILE) {
          tile8x2(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to);
        }
        for (; r < last; r++) {
          tile1x2(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to);
        }
      }
      for (; c + LANES <= groupOut; c += LANES) {
        int channel = g * groupOut + c;
        int r = first;
        for (; r + TILE <= last; r += TILE) {
          tile8x1(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to);
        }
        for (; r + TILE / 2 <= last; r += TILE / 2) {
          tile4x1(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to);
        }
        for (; r < last; r++) {
          tile1x1(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to, LANES);
        }
      }
      if (c < groupOut) {
        int channel = g * groupOut + c;
        int lanes = groupOut - c;
        int r = first;
        for (; r + TILE / 2 <= last; r += TILE / 2) {
          tail4x1(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to, lanes);
        }
        for (; r < last; r++) {
          tile1x1(x, xGroup, w, wGroup + c, bias, channel, y, yAt, r, from, to, lanes);
        }
      }
    }
  }

  private void tile8x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to) {
    FloatVector b0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector b1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r + 1];
    int x2 = xAt + origins[r + 2];
    int x3 = xAt + origins[r + 3];
    int x4 = xAt + origins[r + 4];
    int x5 = xAt + origins[r + 5];
    int x6 = xAt + origins[r + 6];
    int x7 = xAt + origins[r + 7];
    FloatVector y00 = b0, y10 = b0, y20 = b0, y30 = b0, y40 = b0, y50 = b0, y60 = b0, y70 = b0;
    FloatVector y01 = b1, y11 = b1, y21 = b1, y31 = b1, y41 = b1, y51 = b1, y61 = b1, y71 = b1;
    int[] offsets = tapOffsets;
    for (int k = from; k < to; k++) {
      int o = offsets[k];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut);
      FloatVector w1 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[x0 + o]);
      y00 = v.fma(w0, y00);
      y01 = v.fma(w1, y01);
      v = FloatVector.broadcast(SPECIES, x[x1 + o]);
      y10 = v.fma(w0, y10);
      y11 = v.fma(w1, y11);
      v = FloatVector.broadcast(SPECIES, x[x2 + o]);
      y20 = v.fma(w0, y20);
      y21 = v.fma(w1, y21);
      v = FloatVector.broadcast(SPECIES, x[x3 + o]);
      y30 = v.fma(w0, y30);
      y31 = v.fma(w1, y31);
      v = FloatVector.broadcast(SPECIES, x[x4 + o]);
      y40 = v.fma(w0, y40);
      y41 = v.fma(w1, y41);
      v = FloatVector.broadcast(SPECIES, x[x5 + o]);
      y50 = v.fma(w0, y50);
      y51 = v.fma(w1, y51);
      v = FloatVector.broadcast(SPECIES, x[x6 + o]);
      y60 = v.fma(w0, y60);
      y61 = v.fma(w1, y61);
      v = FloatVector.broadcast(SPECIES, x[x7 + o]);
      y70 = v.fma(w0, y70);
      y71 = v.fma(w1, y71);
    }
    int stride = shape.outC();
    int at = yAt + r * stride + channel;
    y00.intoArray(y, at);
    y01.intoArray(y, at + LANES);
    y10.intoArray(y, at += stride);
    y11.intoArray(y, at + LANES);
    y20.intoArray(y, at += stride);
    y21.intoArray(y, at + LANES);
    y30.intoArray(y, at += stride);
    y31.intoArray(y, at + LANES);
    y40.intoArray(y, at += stride);
    y41.intoArray(y, at + LANES);
    y50.intoArray(y, at += stride);
    y51.intoArray(y, at + LANES);
    y60.intoArray(y, at += stride);
    y61.intoArray(y, at + LANES);
    y70.intoArray(y, at += stride);
    y71.intoArray(y, at + LANES);
  }

  private void tile1x2(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to) {
    FloatVector b0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector b1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    int x0 = xAt + origins[r];
    for (int k = from; k < to; k++) {
      FloatVector v = FloatVector.broadcast(SPECIES, x[x0 + tapOffsets[k]]);
      b0 = v.fma(FloatVector.fromArray(SPECIES, w, wAt + k * groupOut), b0);
      b1 = v.fma(FloatVector.fromArray(SPECIES, w, wAt + k * groupOut + LANES), b1);
    }
    b0.intoArray(y, yAt + r * shape.outC() + channel);
    b1.intoArray(y, yAt + r * shape.outC() + channel + LANES);
  }

  private void tile8x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to) {
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r + 1];
    int x2 = xAt + origins[r + 2];
    int x3 = xAt + origins[r + 3];
    int x4 = xAt + origins[r + 4];
    int x5 = xAt + origins[r + 5];
    int x6 = xAt + origins[r + 6];
    int x7 = xAt + origins[r + 7];
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y2 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y3 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y4 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y5 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y6 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y7 = FloatVector.fromArray(SPECIES, bias, channel);
    int[] offsets = tapOffsets;
    for (int k = from; k < to; k++) {
      int o = offsets[k];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut);
      y0 = w0.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), y0);
      y1 = w0.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), y1);
      y2 = w0.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), y2);
      y3 = w0.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), y3);
      y4 = w0.fma(FloatVector.broadcast(SPECIES, x[x4 + o]), y4);
      y5 = w0.fma(FloatVector.broadcast(SPECIES, x[x5 + o]), y5);
      y6 = w0.fma(FloatVector.broadcast(SPECIES, x[x6 + o]), y6);
      y7 = w0.fma(FloatVector.broadcast(SPECIES, x[x7 + o]), y7);
    }
    int stride = shape.outC();
    int at = yAt + r * stride + channel;
    y0.intoArray(y, at);
    y1.intoArray(y, at += stride);
    y2.intoArray(y, at += stride);
    y3.intoArray(y, at += stride);
    y4.intoArray(y, at += stride);
    y5.intoArray(y, at += stride);
    y6.intoArray(y, at += stride);
    y7.intoArray(y, at += stride);
  }

  private void tile4x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to) {
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r + 1];
    int x2 = xAt + origins[r + 2];
    int x3 = xAt + origins[r + 3];
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y2 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y3 = FloatVector.fromArray(SPECIES, bias, channel);
    int[] offsets = tapOffsets;
    for (int k = from; k < to; k++) {
      int o = offsets[k];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut);
      y0 = w0.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), y0);
      y1 = w0.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), y1);
      y2 = w0.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), y2);
      y3 = w0.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), y3);
    }
    int stride = shape.outC();
    int at = yAt + r * stride + channel;
    y0.intoArray(y, at);
    y1.intoArray(y, at += stride);
    y2.intoArray(y, at += stride);
    y3.intoArray(y, at += stride);
  }

  private void tail4x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to,
      int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int x0 = xAt + origins[r];
    int x1 = xAt + origins[r + 1];
    int x2 = xAt + origins[r + 2];
    int x3 = xAt + origins[r + 3];
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    FloatVector y2 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    FloatVector y3 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    int[] offsets = tapOffsets;
    for (int k = from; k < to; k++) {
      int o = offsets[k];
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut, mask);
      y0 = w0.fma(FloatVector.broadcast(SPECIES, x[x0 + o]), y0);
      y1 = w0.fma(FloatVector.broadcast(SPECIES, x[x1 + o]), y1);
      y2 = w0.fma(FloatVector.broadcast(SPECIES, x[x2 + o]), y2);
      y3 = w0.fma(FloatVector.broadcast(SPECIES, x[x3 + o]), y3);
    }
    int stride = shape.outC();
    int at = yAt + r * stride + channel;
    y0.intoArray(y, at, mask);
    y1.intoArray(y, at += stride, mask);
    y2.intoArray(y, at += stride, mask);
    y3.intoArray(y, at += stride, mask);
  }

  private void tile1x1(
      float[] x,
      int xAt,
      float[] w,
      int wAt,
      float[] bias,
      int channel,
      float[] y,
      int yAt,
      int r,
      int from,
      int to,
      int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int x0 = xAt + origins[r];
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    for (int k = from; k < to; k++) {
      FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt + k * groupOut, mask);
      y0 = w0.fma(FloatVector.broadcast(SPECIES, x[x0 + tapOffsets[k]]), y0);
    }
    y0.intoArray(y, yAt + r * shape.outC() + channel, mask);
  }

  private void sparseForward(float[] w, float[] bias, float[] y, int yAt, int first, int last) {
    int c = 0;
    for (; c + 2 * LANES <= groupOut; c += 2 * LANES) {
      for (int r = first; r < last; r++) {
        sparse1x2(w, c, bias, y, yAt + r * groupOut + c, r);
      }
    }
    for (; c < groupOut; c += LANES) {
      for (int r = first; r < last; r++) {
        sparse1x1(w, c, bias, y, yAt + r * groupOut + c, r, groupOut - c);
      }
    }
  }

  private void sparse1x2(float[] w, int channel, float[] bias, float[] y, int yAt, int r) {
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    int[] places = events.places;
    float[] values = events.values;
    for (int ky = 0; ky < shape.kH(); ky++) {
      int toWeight = events.toTap(origins[r], ky);
      int end = events.rowEnd(origins[r], ky);
      for (int e = events.rowStart(origins[r], ky); e < end; e++) {
        int at = channel + (places[e] + toWeight) * groupOut;
        FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
        y0 = v.fma(FloatVector.fromArray(SPECIES, w, at), y0);
        y1 = v.fma(FloatVector.fromArray(SPECIES, w, at + LANES), y1);
      }
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + LANES);
  }

  private void sparse1x1(
      float[] w, int channel, float[] bias, float[] y, int yAt, int r, int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel, mask);
    int[] places = events.places;
    float[] values = events.values;
    for (int ky = 0; ky < shape.kH(); ky++) {
      int toWeight = events.toTap(origins[r], ky);
      int end = events.rowEnd(origins[r], ky);
      for (int e = events.rowStart(origins[r], ky); e < end; e++) {
        FloatVector wv =
            FloatVector.fromArray(SPECIES, w, channel + (places[e] + toWeight) * groupOut, mask);
        y0 = wv.fma(FloatVector.broadcast(SPECIES, values[e]), y0);
      }
    }
    y0.intoArray(y, yAt, mask);
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
    if (activeX != null) {
      events.collect(pad(activeX, xAt, frames), padded == null ? xAt : 0, frames, SPARSE_INPUT);
      if (events.density() < SPARSE_INPUT) {
        parallel.run(frames, f -> sparseInputGradient(gy, gyAt, w, gx, gxAt, f));
        return;
      }
    }
    Backward back = backward;
    if (back == null) {
      back = new Backward(shape, maxFrames, parallel);
      backward = back;
    }
    Backward b = back;
    parallel.run(shape.kH() * shape.kW() * shape.groups(), tap -> turn(w, b.turned, tap));
    parallel.run(
        frames, f -> spread(gy, gyAt + f * shape.outSize(), b.spread, f * b.transposed.inSize()));
    int width = shape.inW();
    parallel.run(
        frames,
        f -> {
          for (int iy = 0; iy < shape.inH(); iy++) {
            int row = (f * shape.inH() + iy) * width;
            int from = b.firstTap[iy];
            int to = Math.max(from, b.lastTap[iy]);
            b.conv.dense(
                b.spread, 0, b.turned, b.conv.noBias, gx, gxAt, row, row + width, from, to);
          }
        });
  }

  /** Turns the kernel around and swaps its input and output channels, one tap of one group. */
  private void turn(float[] w, float[] turned, int tap) {
    int area = shape.kH() * shape.kW();
    int from = tap * groupIn * groupOut;
    int to = (tap / area * area + area - 1 - tap % area) * groupIn * groupOut;
    for (int i = 0; i < groupIn; i++) {
      for (int o = 0; o < groupOut; o++) {
        turned[to + o * groupIn + i] = w[from + i * groupOut + o];
      }
    }
  }

  /**
   * Puts a gradient [H', W', Cout] where the transposed convolution looks for it; the places
   * between stay 0.
   */
  private void spread(float[] gy, int gyAt, float[] spread, int at) {
    int spanH = shape.dilationH() * (shape.kH() - 1) - shape.padH();
    int spanW = shape.dilationW() * (shape.kW() - 1) - shape.padW();
    int height = shape.inH() + spanH + shape.padH();
    int width = shape.inW() + spanW + shape.padW();
    for (int oy = 0; oy < shape.outH(); oy++) {
      int row = oy * shape.strideH() + spanH;
      for (int ox = 0; ox < shape.outW() && row >= 0 && row < height; ox++) {
        int column = ox * shape.strideW() + spanW;
        if (column >= 0 && column < width) {
          System.arraycopy(
              gy,
              gyAt + (oy * shape.outW() + ox) * shape.outC(),
              spread,
              at + (row * width + column) * shape.outC(),
              shape.outC());
        }
      }
    }
  }

  /** Gradients of the events of one frame; all others are left 0. */
  private void sparseInputGradient(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int f) {
    int base = gxAt + f * shape.inSize();
    Arrays.fill(gx, base, base + shape.inSize(), 0);
    int gyFrame = gyAt + f * shape.outSize();
    int end = events.frameEnd(f);
    for (int e = events.frameStart(f); e < end; e++) {
      int place = events.places[e] - f * shape.paddedSize();
      int c = place % shape.inC();
      int iy = place / shape.inC() / shape.paddedW();
      int ix = place / shape.inC() % shape.paddedW();
      FloatVector sum = FloatVector.zero(SPECIES);
      float tail = 0;
      for (int ky = 0; ky < shape.kH(); ky++) {
        int top = iy - ky * shape.dilationH();
        if (top < 0 || top % shape.strideH() != 0 || top / shape.strideH() >= shape.outH()) {
          continue;
        }
        int row = gyFrame + top / shape.strideH() * shape.outW() * groupOut;
        for (int kx = 0; kx < shape.kW(); kx++) {
          int left = ix - kx;
          if (left < 0 || left % shape.strideW() != 0 || left / shape.strideW() >= shape.outW()) {
            continue;
          }
          int g = row + left / shape.strideW() * groupOut;
          int at = ((ky * shape.kW() + kx) * groupIn + c) * groupOut;
          int o = 0;
          for (; o + LANES <= groupOut; o += LANES) {
            sum =
                FloatVector.fromArray(SPECIES, gy, g + o)
                    .fma(FloatVector.fromArray(SPECIES, w, at + o), sum);
          }
          for (; o < groupOut; o++) {
            tail += gy[g + o] * w[at + o];
          }
        }
      }
      int pixel = (iy - shape.padH()) * shape.inW() + ix - shape.padW();
      gx[base + pixel * shape.inC() + c] = Lanes.sum(sum) + tail;
    }
  }

  @Override
  public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    float[] from = pad(x, xAt, frames);
    int at = padded == null ? xAt : 0;
    events.collect(from, at, frames, SPARSE_WEIGHTS);
    if (events.density() < SPARSE_WEIGHTS) {
      sparseWeightGradient(gy, gyAt, gw, frames);
      return;
    }
    int rows = frames * windows;
    int tiles = (taps + TILE - 1) / TILE;
    parallel.run(
        tiles * shape.groups(),
        task -> {
          int g = task / tiles;
          int first = task % tiles * TILE;
          denseWeights(
              from, at + g * groupIn, gy, gyAt, gw, g, first, Math.min(taps, first + TILE), rows);
        });
  }

  private void denseWeights(
      float[] x, int xAt, float[] gy, int gyAt, float[] gw, int g, int first, int last, int rows) {
    int c = 0;
    for (; c + 2 * LANES <= groupOut && last - first == TILE; c += 2 * LANES) {
      weights8x2(
          x, xAt, gy, gyAt + g * groupOut + c, gw, (g * taps + first) * groupOut + c, first, rows);
    }
    for (; c < groupOut; c += LANES) {
      int lanes = groupOut - c;
      int k = first;
      if (last - first == TILE) {
        weights8x1(
            x, xAt, gy, gyAt + g * groupOut + c, gw, (g * taps + k) * groupOut + c, k, rows, lanes);
        k = last;
      }
      for (; k < last; k++) {
        weights1x1(
            x, xAt, gy, gyAt + g * groupOut + c, gw, (g * taps + k) * groupOut + c, k, rows, lanes);
      }
    }
  }

  private void weights8x2(
      float[] x, int xAt, float[] gy, int gyAt, float[] gw, int wAt, int k, int rows) {
    int o0 = xAt + tapOffsets[k];
    int o1 = xAt + tapOffsets[k + 1];
    int o2 = xAt + tapOffsets[k + 2];
    int o3 = xAt + tapOffsets[k + 3];
    int o4 = xAt + tapOffsets[k + 4];
    int o5 = xAt + tapOffsets[k + 5];
    int o6 = xAt + tapOffsets[k + 6];
    int o7 = xAt + tapOffsets[k + 7];
    FloatVector w00 = FloatVector.fromArray(SPECIES, gw, wAt);
    FloatVector w01 = FloatVector.fromArray(SPECIES, gw, wAt + LANES);
    FloatVector w10 = FloatVector.fromArray(SPECIES, gw, wAt + groupOut);
    FloatVector w11 = FloatVector.fromArray(SPECIES, gw, wAt + groupOut + LANES);
    FloatVector w20 = FloatVector.fromArray(SPECIES, gw, wAt + 2 * groupOut);
    FloatVector w21 = FloatVector.fromArray(SPECIES, gw, wAt + 2 * groupOut + LANES);
    FloatVector w30 = FloatVector.fromArray(SPECIES, gw, wAt + 3 * groupOut);
    FloatVector w31 = FloatVector.fromArray(SPECIES, gw, wAt + 3 * groupOut + LANES);
    FloatVector w40 = FloatVector.fromArray(SPECIES, gw, wAt + 4 * groupOut);
    FloatVector w41 = FloatVector.fromArray(SPECIES, gw, wAt + 4 * groupOut + LANES);
    FloatVector w50 = FloatVector.fromArray(SPECIES, gw, wAt + 5 * groupOut);
    FloatVector w51 = FloatVector.fromArray(SPECIES, gw, wAt + 5 * groupOut + LANES);
    FloatVector w60 = FloatVector.fromArray(SPECIES, gw, wAt + 6 * groupOut);
    FloatVector w61 = FloatVector.fromArray(SPECIES, gw, wAt + 6 * groupOut + LANES);
    FloatVector w70 = FloatVector.fromArray(SPECIES, gw, wAt + 7 * groupOut);
    FloatVector w71 = FloatVector.fromArray(SPECIES, gw, wAt + 7 * groupOut + LANES);
    int stride = shape.outC();
    for (int r = 0; r < rows; r++) {
      int o = origins[r];
      FloatVector g0 = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride);
      FloatVector g1 = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[o0 + o]);
      w00 = v.fma(g0, w00);
      w01 = v.fma(g1, w01);
      v = FloatVector.broadcast(SPECIES, x[o1 + o]);
      w10 = v.fma(g0, w10);
      w11 = v.fma(g1, w11);
      v = FloatVector.broadcast(SPECIES, x[o2 + o]);
      w20 = v.fma(g0, w20);
      w21 = v.fma(g1, w21);
      v = FloatVector.broadcast(SPECIES, x[o3 + o]);
      w30 = v.fma(g0, w30);
      w31 = v.fma(g1, w31);
      v = FloatVector.broadcast(SPECIES, x[o4 + o]);
      w40 = v.fma(g0, w40);
      w41 = v.fma(g1, w41);
      v = FloatVector.broadcast(SPECIES, x[o5 + o]);
      w50 = v.fma(g0, w50);
      w51 = v.fma(g1, w51);
      v = FloatVector.broadcast(SPECIES, x[o6 + o]);
      w60 = v.fma(g0, w60);
      w61 = v.fma(g1, w61);
      v = FloatVector.broadcast(SPECIES, x[o7 + o]);
      w70 = v.fma(g0, w70);
      w71 = v.fma(g1, w71);
    }
    w00.intoArray(gw, wAt);
    w01.intoArray(gw, wAt + LANES);
    w10.intoArray(gw, wAt + groupOut);
    w11.intoArray(gw, wAt + groupOut + LANES);
    w20.intoArray(gw, wAt + 2 * groupOut);
    w21.intoArray(gw, wAt + 2 * groupOut + LANES);
    w30.intoArray(gw, wAt + 3 * groupOut);
    w31.intoArray(gw, wAt + 3 * groupOut + LANES);
    w40.intoArray(gw, wAt + 4 * groupOut);
    w41.intoArray(gw, wAt + 4 * groupOut + LANES);
    w50.intoArray(gw, wAt + 5 * groupOut);
    w51.intoArray(gw, wAt + 5 * groupOut + LANES);
    w60.intoArray(gw, wAt + 6 * groupOut);
    w61.intoArray(gw, wAt + 6 * groupOut + LANES);
    w70.intoArray(gw, wAt + 7 * groupOut);
    w71.intoArray(gw, wAt + 7 * groupOut + LANES);
  }

  private void weights8x1(
      float[] x, int xAt, float[] gy, int gyAt, float[] gw, int wAt, int k, int rows, int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int o0 = xAt + tapOffsets[k];
    int o1 = xAt + tapOffsets[k + 1];
    int o2 = xAt + tapOffsets[k + 2];
    int o3 = xAt + tapOffsets[k + 3];
    int o4 = xAt + tapOffsets[k + 4];
    int o5 = xAt + tapOffsets[k + 5];
    int o6 = xAt + tapOffsets[k + 6];
    int o7 = xAt + tapOffsets[k + 7];
    FloatVector w0 = FloatVector.fromArray(SPECIES, gw, wAt, mask);
    FloatVector w1 = FloatVector.fromArray(SPECIES, gw, wAt + groupOut, mask);
    FloatVector w2 = FloatVector.fromArray(SPECIES, gw, wAt + 2 * groupOut, mask);
    FloatVector w3 = FloatVector.fromArray(SPECIES, gw, wAt + 3 * groupOut, mask);
    FloatVector w4 = FloatVector.fromArray(SPECIES, gw, wAt + 4 * groupOut, mask);
    FloatVector w5 = FloatVector.fromArray(SPECIES, gw, wAt + 5 * groupOut, mask);
    FloatVector w6 = FloatVector.fromArray(SPECIES, gw, wAt + 6 * groupOut, mask);
    FloatVector w7 = FloatVector.fromArray(SPECIES, gw, wAt + 7 * groupOut, mask);
    int stride = shape.outC();
    for (int r = 0; r < rows; r++) {
      int o = origins[r];
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + r * stride, mask);
      w0 = g.fma(FloatVector.broadcast(SPECIES, x[o0 + o]), w0);
      w1 = g.fma(FloatVector.broadcast(SPECIES, x[o1 + o]), w1);
      w2 = g.fma(FloatVector.broadcast(SPECIES, x[o2 + o]), w2);
      w3 = g.fma(FloatVector.broadcast(SPECIES, x[o3 + o]), w3);
      w4 = g.fma(FloatVector.broadcast(SPECIES, x[o4 + o]), w4);
      w5 = g.fma(FloatVector.broadcast(SPECIES, x[o5 + o]), w5);
      w6 = g.fma(FloatVector.broadcast(SPECIES, x[o6 + o]), w6);
      w7 = g.fma(FloatVector.broadcast(SPECIES, x[o7 + o]), w7);
    }
    w0.intoArray(gw, wAt, mask);
    w1.intoArray(gw, wAt + groupOut, mask);
    w2.intoArray(gw, wAt + 2 * groupOut, mask);
    w3.intoArray(gw, wAt + 3 * groupOut, mask);
    w4.intoArray(gw, wAt + 4 * groupOut, mask);
    w5.intoArray(gw, wAt + 5 * groupOut, mask);
    w6.intoArray(gw, wAt + 6 * groupOut, mask);
    w7.intoArray(gw, wAt + 7 * groupOut, mask);
  }

  private void weights1x1(
      float[] x, int xAt, float[] gy, int gyAt, float[] gw, int wAt, int k, int rows, int lanes) {
    VectorMask<Float> mask = SPECIES.indexInRange(0, lanes);
    int at = xAt + tapOffsets[k];
    FloatVector sum = FloatVector.fromArray(SPECIES, gw, wAt, mask);
    for (int r = 0; r < rows; r++) {
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + r * shape.outC(), mask);
      sum = g.fma(FloatVector.broadcast(SPECIES, x[at + origins[r]]), sum);
    }
    sum.intoArray(gw, wAt, mask);
  }

  private void sparseWeightGradient(float[] gy, int gyAt, float[] gw, int frames) {
    float[] partial = partialWeights;
    if (partial == null) {
      partial = new float[PARTS * gw.length];
      partialWeights = partial;
    }
    float[] sums = partial;
    int rows = frames * windows;
    parallel.run(
        PARTS,
        part -> {
          Arrays.fill(sums, part * gw.length, (part + 1) * gw.length, 0);
          int last = (int) ((long) rows * (part + 1) / PARTS);
          for (int r = (int) ((long) rows * part / PARTS); r < last; r++) {
            sparseWeights(gy, gyAt + r * groupOut, sums, part * gw.length, r);
          }
        });
    for (int part = 0; part < PARTS; part++) {
      for (int i = 0; i < gw.length; i++) {
        gw[i] += sums[part * gw.length + i];
      }
    }
  }

  private void sparseWeights(float[] gy, int gyAt, float[] sums, int sumsAt, int r) {
    int[] places = events.places;
    float[] values = events.values;
    int c = 0;
    for (; c + 2 * LANES <= groupOut; c += 2 * LANES) {
      FloatVector g0 = FloatVector.fromArray(SPECIES, gy, gyAt + c);
      FloatVector g1 = FloatVector.fromArray(SPECIES, gy, gyAt + c + LANES);
      for (int ky = 0; ky < shape.kH(); ky++) {
        int toWeight = events.toTap(origins[r], ky);
        int end = events.rowEnd(origins[r], ky);
        for (int e = events.rowStart(origins[r], ky); e < end; e++) {
          int at = sumsAt + (places[e] + toWeight) * groupOut + c;
          FloatVector v = FloatVector.broadcast(SPECIES, values[e]);
          v.fma(g0, FloatVector.fromArray(SPECIES, sums, at)).intoArray(sums, at);
          v.fma(g1, FloatVector.fromArray(SPECIES, sums, at + LANES)).intoArray(sums, at + LANES);
        }
      }
    }
    for (; c < groupOut; c += LANES) {
      VectorMask<Float> mask = SPECIES.indexInRange(c, groupOut);
      FloatVector g = FloatVector.fromArray(SPECIES, gy, gyAt + c, mask);
      for (int ky = 0; ky < shape.kH(); ky++) {
        int toWeight = events.toTap(origins[r], ky);
        int end = events.rowEnd(origins[r], ky);
        for (int e = events.rowStart(origins[r], ky); e < end; e++) {
          int at = sumsAt + (places[e] + toWeight) * groupOut + c;
          FloatVector old = FloatVector.fromArray(SPECIES, sums, at, mask);
          g.fma(FloatVector.broadcast(SPECIES, values[e]), old).intoArray(sums, at, mask);
        }
      }
    }
  }
}
