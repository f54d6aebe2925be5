package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Events of padded frames: the values that are not 0, row by row. Kernels visit only these when few
 * values are active. The events of a window's row are neighbours, because channels are the last
 * dimension.
 */
final class Events {

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final VectorSpecies<Integer> INTS = Species.INTS;
  private static final int LANES = SPECIES.length();

  private final ConvShape shape;
  private final Parallel parallel;
  private final int frameSize;
  private final int pixels;
  private final int maxFrames;

  final boolean possible;

  /**
   * Position of each event, counted over all frames, and its value. The events of frame f start at
   * f * frameSize.
   */
  int[] places = {};

  float[] values = {};

  /** By pixel of each frame, and one past its last: the first event at it or later. */
  private int[] starts = {};

  Events(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.maxFrames = maxFrames;
    frameSize = shape.paddedSize();
    pixels = shape.paddedH() * shape.paddedW();
    possible = suits(shape);
  }

  /** Whether window rows are neighbours in memory: no dilation along a row, no groups. */
  static boolean suits(ConvShape shape) {
    return shape.dilationW() == 1 && shape.groups() == 1;
  }

  /** Number of values other than 0 among {@code n} of {@code x} from {@code at} on. */
  static int count(float[] x, int at, int n) {
    int events = 0;
    int i = 0;
    for (; i <= n - LANES; i += LANES) {
      events +=
          FloatVector.fromArray(SPECIES, x, at + i).compare(VectorOperators.NE, 0).trueCount();
    }
    for (; i < n; i++) {
      events += x[at + i] != 0 ? 1 : 0;
    }
    return events;
  }

  void collect(float[] x, int at, int frames) {
    if (starts.length == 0) {
      places = new int[maxFrames * frameSize];
      values = new float[maxFrames * frameSize];
      starts = new int[maxFrames * (pixels + 1)];
    }
    parallel.run(frames, f -> list(x, at + f * frameSize, f));
  }

  private void list(float[] x, int at, int f) {
    int channels = shape.inC();
    int next = f * frameSize;
    int place = next;
    for (int pixel = 0; pixel < pixels; pixel++) {
      starts[f * (pixels + 1) + pixel] = next;
      next =
          channels % LANES == 0
              ? listVectors(x, at, place, channels, next)
              : listValues(x, at, place, channels, next);
      place += channels;
      at += channels;
    }
    starts[f * (pixels + 1) + pixels] = next;
  }

  private int listVectors(float[] x, int at, int place, int channels, int next) {
    for (int c = 0; c < channels; c += LANES) {
      FloatVector v = FloatVector.fromArray(SPECIES, x, at + c);
      VectorMask<Float> active = v.compare(VectorOperators.NE, 0);
      v.compress(active).intoArray(values, next);
      IntVector.broadcast(INTS, place + c)
          .addIndex(1)
          .compress(active.cast(INTS))
          .intoArray(places, next);
      next += active.trueCount();
    }
    return next;
  }

  private int listValues(float[] x, int at, int place, int channels, int next) {
    for (int c = 0; c < channels; c++) {
      // Writes every value and advances only for an event: faster than a branch that the processor
      // cannot predict.
      places[next] = place + c;
      values[next] = x[at + c];
      next += x[at + c] != 0 ? 1 : 0;
    }
    return next;
  }

  /** First event at a pixel of frame {@code f} or after it. */
  int start(int f, int pixel) {
    return starts[f * (pixels + 1) + pixel];
  }

  /** First event in row {@code ky} of the window that starts at {@code origin}. */
  int rowStart(int origin, int ky) {
    return starts[pixel(origin, ky)];
  }

  /** One past the last event in row {@code ky} of the window that starts at {@code origin}. */
  int rowEnd(int origin, int ky) {
    return starts[pixel(origin, ky) + shape.kW()];
  }

  private int pixel(int origin, int ky) {
    return origin / shape.inC() + origin / frameSize + ky * shape.dilationH() * shape.paddedW();
  }

  /**
   * Offset that is added to an event's position to get its tap in the window that starts at {@code
   * origin}.
   */
  int toTap(int origin, int ky) {
    return (ky * shape.kW() - ky * shape.dilationH() * shape.paddedW()) * shape.inC() - origin;
  }
}
