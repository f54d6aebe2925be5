package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of event-driven convolutions: each value that is not 0 is multiplied by a row
 * of weights.
 */
final class ConvEvents {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** Channels of a wide tile: 4 or 8 sums hide the latency of a multiply-add. */
  static final int WIDE = (LANES > 8 ? 4 : 8) * LANES;

  /** Events that share the gradients they are multiplied with. */
  static final int GROUP = 8;

  private final ConvShape shape;
  private final Events events;

  /** By window of every frame: where it starts, from the first padded frame on. */
  private final int[] origins;

  private final int groupIn;
  private final int groupOut;
  private final WindowIndex reach;

  ConvEvents(ConvShape shape, Events events, int[] origins, WindowIndex reach) {
    this.shape = shape;
    this.events = events;
    this.origins = origins;
    this.reach = reach;
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
  }

  /** y of the windows {@code first..last-1}. */
  void forward(float[] w, float[] bias, float[] y, int yAt, int first, int last) {
    int c = 0;
    for (; c + WIDE <= groupOut; c += WIDE) {
      for (int r = first; r < last; r++) {
        if (LANES > 8) {
          forward1x4(w, c, bias, y, yAt + r * groupOut + c, r);
        } else {
          forward1x8(w, c, bias, y, yAt + r * groupOut + c, r);
        }
      }
    }
    for (; c + 2 * LANES <= groupOut; c += 2 * LANES) {
      for (int r = first; r < last; r++) {
        forward1x2(w, c, bias, y, yAt + r * groupOut + c, r);
      }
    }
    for (; c < groupOut; c += LANES) {
      for (int r = first; r < last; r++) {
        forward1x1(w, c, bias, y, yAt + r * groupOut + c, r, groupOut - c);
      }
    }
  }

  private void forward1x8(float[] w, int channel, float[] bias, float[] y, int yAt, int r) {
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    FloatVector y2 = FloatVector.fromArray(SPECIES, bias, channel + 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(SPECIES, bias, channel + 3 * LANES);
    FloatVector y4 = FloatVector.fromArray(SPECIES, bias, channel + 4 * LANES);
    FloatVector y5 = FloatVector.fromArray(SPECIES, bias, channel + 5 * LANES);
    FloatVector y6 = FloatVector.fromArray(SPECIES, bias, channel + 6 * LANES);
    FloatVector y7 = FloatVector.fromArray(SPECIES, bias, channel + 7 * LANES);
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
        y2 = v.fma(FloatVector.fromArray(SPECIES, w, at + 2 * LANES), y2);
        y3 = v.fma(FloatVector.fromArray(SPECIES, w, at + 3 * LANES), y3);
        y4 = v.fma(FloatVector.fromArray(SPECIES, w, at + 4 * LANES), y4);
        y5 = v.fma(FloatVector.fromArray(SPECIES, w, at + 5 * LANES), y5);
        y6 = v.fma(FloatVector.fromArray(SPECIES, w, at + 6 * LANES), y6);
        y7 = v.fma(FloatVector.fromArray(SPECIES, w, at + 7 * LANES), y7);
      }
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + LANES);
    y2.intoArray(y, yAt + 2 * LANES);
    y3.intoArray(y, yAt + 3 * LANES);
    y4.intoArray(y, yAt + 4 * LANES);
    y5.intoArray(y, yAt + 5 * LANES);
    y6.intoArray(y, yAt + 6 * LANES);
    y7.intoArray(y, yAt + 7 * LANES);
  }

  private void forward1x4(float[] w, int channel, float[] bias, float[] y, int yAt, int r) {
    FloatVector y0 = FloatVector.fromArray(SPECIES, bias, channel);
    FloatVector y1 = FloatVector.fromArray(SPECIES, bias, channel + LANES);
    FloatVector y2 = FloatVector.fromArray(SPECIES, bias, channel + 2 * LANES);
    FloatVector y3 = FloatVector.fromArray(SPECIES, bias, channel + 3 * LANES);
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
        y2 = v.fma(FloatVector.fromArray(SPECIES, w, at + 2 * LANES), y2);
        y3 = v.fma(FloatVector.fromArray(SPECIES, w, at + 3 * LANES), y3);
      }
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + LANES);
    y2.intoArray(y, yAt + 2 * LANES);
    y3.intoArray(y, yAt + 3 * LANES);
  }

  private void forward1x2(float[] w, int channel, float[] bias, float[] y, int yAt, int r) {
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

  private void forward1x1(
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

  /**
   * Computes the input gradient at the events of one frame; other inputs keep the gradient 0. The
   * number of output channels must be a multiple of a vector.
   *
   * @param sums memory for 8 vectors
   */
  void input(float[] gy, int gyAt, float[] w, float[] gx, int gxAt, int f, float[] sums) {
    Arrays.fill(gx, gxAt, gxAt + shape.inSize(), 0);
    for (int pixel = 0; pixel < shape.inH() * shape.inW(); pixel++) {
      int row = pixel / shape.inW() + shape.padH();
      int place = row * shape.paddedW() + pixel % shape.inW() + shape.padW();
      int channel0 = f * shape.paddedSize() + place * groupIn;
      int last = events.start(f, place + 1) - 1;
      for (int e = events.start(f, place); e <= last; e += GROUP) {
        input8(gy, gyAt, w, pixel, channel0, e, last, sums);
        int to = gxAt + pixel * groupIn - channel0;
        for (int i = 0; i < GROUP && e + i <= last; i++) {
          gx[to + events.places[e + i]] =
              Lanes.sum(FloatVector.fromArray(SPECIES, sums, i * LANES));
        }
      }
    }
  }

  /** The events {@code e..min(e + 8, last + 1)-1} of a pixel, lane by lane. */
  private void input8(
      float[] gy, int gyAt, float[] w, int pixel, int channel0, int e, int last, float[] sums) {
    int[] places = events.places;
    int w0 = (places[e] - channel0) * groupOut;
    int w1 = (places[Math.min(e + 1, last)] - channel0) * groupOut;
    int w2 = (places[Math.min(e + 2, last)] - channel0) * groupOut;
    int w3 = (places[Math.min(e + 3, last)] - channel0) * groupOut;
    int w4 = (places[Math.min(e + 4, last)] - channel0) * groupOut;
    int w5 = (places[Math.min(e + 5, last)] - channel0) * groupOut;
    int w6 = (places[Math.min(e + 6, last)] - channel0) * groupOut;
    int w7 = (places[Math.min(e + 7, last)] - channel0) * groupOut;
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    FloatVector s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    int[] windows = reach.windows();
    int[] positions = reach.positions();
    int n = groupOut;
    int tap = groupIn * n;
    int end = reach.starts()[pixel + 1];
    for (int i = reach.starts()[pixel]; i < end; i++) {
      int g = gyAt + windows[i] * n;
      for (int o = 0, at = positions[i] * tap; o < n; o += LANES, at += LANES) {
        FloatVector v = FloatVector.fromArray(SPECIES, gy, g + o);
        s0 = v.fma(FloatVector.fromArray(SPECIES, w, at + w0), s0);
        s1 = v.fma(FloatVector.fromArray(SPECIES, w, at + w1), s1);
        s2 = v.fma(FloatVector.fromArray(SPECIES, w, at + w2), s2);
        s3 = v.fma(FloatVector.fromArray(SPECIES, w, at + w3), s3);
        s4 = v.fma(FloatVector.fromArray(SPECIES, w, at + w4), s4);
        s5 = v.fma(FloatVector.fromArray(SPECIES, w, at + w5), s5);
        s6 = v.fma(FloatVector.fromArray(SPECIES, w, at + w6), s6);
        s7 = v.fma(FloatVector.fromArray(SPECIES, w, at + w7), s7);
      }
    }
    s0.intoArray(sums, 0);
    s1.intoArray(sums, LANES);
    s2.intoArray(sums, 2 * LANES);
    s3.intoArray(sums, 3 * LANES);
    s4.intoArray(sums, 4 * LANES);
    s5.intoArray(sums, 5 * LANES);
    s6.intoArray(sums, 6 * LANES);
    s7.intoArray(sums, 7 * LANES);
  }

  /** Adds what window {@code r} gives to the weights' gradients. */
  void weights(float[] gy, int gyAt, float[] sums, int sumsAt, int r) {
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
