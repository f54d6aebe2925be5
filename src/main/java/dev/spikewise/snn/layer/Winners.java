package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;

/**
 * Index of the input that determined the output of each window at each time step, to which the
 * gradient goes.
 */
final class Winners {

  /** Marks a window whose gradient is dropped. */
  static final int NOBODY = -1;

  private final Signal in;
  private final Signal out;
  private final int kept;

  /** For each sample, step and output, the index of the input in its frame. */
  private final int[] places;

  /**
   * @param kept number of samples whose indices are stored: all of a batch or those of one call
   */
  Winners(Signal in, Signal out, int kept) {
    this.in = in;
    this.out = out;
    this.kept = kept;
    places = new int[Math.multiplyExact(kept * in.steps, out.frame.size())];
  }

  /** Offset of the indices of a sample and time step. */
  int at(int sample, int t) {
    return (sample % kept * in.steps + t) * out.frame.size();
  }

  void set(int at, int place) {
    places[at] = place;
  }

  void backward(int from, int to, Signal gOut, Signal gIn, Parallel parallel) {
    int outSize = out.frame.size();
    parallel.run(
        to - from,
        i -> {
          int sample = from + i;
          Arrays.fill(gIn.data, gIn.at(sample), gIn.at(sample + 1), 0);
          for (int t = 0; t < in.steps; t++) {
            int inAt = gIn.at(sample) + t * in.frame.size();
            int outAt = gOut.at(sample) + t * outSize;
            int at = at(sample, t);
            for (int o = 0; o < outSize; o++) {
              int place = places[at + o];
              if (place != NOBODY) {
                gIn.data[inAt + place] += gOut.data[outAt + o];
              }
            }
          }
        });
  }
}
