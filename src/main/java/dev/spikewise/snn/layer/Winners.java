package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import java.util.Arrays;

/** Which input of a window gave its output, at each time step: where the gradient goes. */
final class Winners {

  /** Of a window whose gradient goes nowhere. */
  static final int NOBODY = -1;

  private final Signal in;
  private final Signal out;
  private final int kept;

  /** By sample, step and output: place of the input in its frame. */
  private final int[] places;

  /**
   * @param kept samples whose places are kept: all of a batch, or those of one call
   */
  Winners(Signal in, Signal out, int kept) {
    this.in = in;
    this.out = out;
    this.kept = kept;
    places = new int[Math.multiplyExact(kept * in.steps, out.frame.size())];
  }

  /** Where the outputs of a sample and step have their places. */
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
