package dev.spikewise.snn.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The values of padded frames that are not 0, row by row: what a kernel visits when little is
 * active. The events of a window's row are neighbours, because channels come last.
 */
final class Events {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int frameSize;
  private final int pixels;
  private final int[] countOfFrame;
  private final int maxFrames;

  /** Whether window rows are neighbours in memory: no dilation along a row, no groups. */
  private final boolean possible;

  /**
   * By event: its place, counted over all frames; and its value. Frame f's events start at f *
   * frameSize.
   */
  int[] places = {};

  float[] values = {};

  /** By pixel of each frame, and one past its last: the first event at it or later. */
  private int[] starts = {};

  private double density = 1;

  Events(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    this.maxFrames = maxFrames;
    frameSize = shape.paddedSize();
    pixels = shape.paddedH() * shape.paddedW();
    possible = shape.dilationW() == 1 && shape.groups() == 1;
    countOfFrame = new int[possible ? maxFrames : 0];
  }

  /** Share of the values that are not 0, padding counted; 1 where events are of no use. */
  double density() {
    return density;
  }

  /** Measures density, and lists the events where it is below {@code limit}. */
  void collect(float[] x, int at, int frames, double limit) {
    if (!possible) {
      return;
    }
    parallel.run(frames, f -> countOfFrame[f] = count(x, at + f * frameSize));
    long count = 0;
    for (int f = 0; f < frames; f++) {
      count += countOfFrame[f];
    }
    density = (double) count / ((double) frames * frameSize);
    if (density >= limit) {
      return;
    }
    if (starts.length == 0) {
      places = new int[maxFrames * frameSize];
      values = new float[maxFrames * frameSize];
      starts = new int[maxFrames * (pixels + 1)];
    }
    parallel.run(frames, f -> list(x, at + f * frameSize, f));
  }

  private int count(float[] x, int at) {
    int count = 0;
    int i = 0;
    for (; i + SPECIES.length() <= frameSize; i += SPECIES.length()) {
      count += FloatVector.fromArray(SPECIES, x, at + i).compare(VectorOperators.NE, 0).trueCount();
    }
    for (; i < frameSize; i++) {
      count += x[at + i] != 0 ? 1 : 0;
    }
    return count;
  }

  private void list(float[] x, int at, int f) {
    int channels = shape.inC();
    int next = f * frameSize;
    int place = next;
    for (int pixel = 0; pixel < pixels; pixel++) {
      starts[f * (pixels + 1) + pixel] = next;
      for (int c = 0; c < channels; c++, place++, at++) {
        // Written always, kept only where it counts: cheaper than a branch that cannot be foreseen.
        places[next] = place;
        values[next] = x[at];
        next += x[at] != 0 ? 1 : 0;
      }
    }
    starts[f * (pixels + 1) + pixels] = next;
  }

  int frameStart(int f) {
    return starts[f * (pixels + 1)];
  }

  int frameEnd(int f) {
    return starts[f * (pixels + 1) + pixels];
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
   * What is added to an event's place to get its tap in the window that starts at {@code origin}.
   */
  int toTap(int origin, int ky) {
    return (ky * shape.kW() - ky * shape.dilationH() * shape.paddedW()) * shape.inC() - origin;
  }
}
