package dev.spikewise.snn.network;

import dev.spikewise.snn.layer.Signal;
import java.util.Arrays;

/** Output of the last layer over time in PyTorch's order, and its gradients. */
final class Output {

  private final Signal output;
  private final int timeSteps;

  Output(Signal output, int timeSteps) {
    this.output = output;
    this.timeSteps = timeSteps;
  }

  /** Number of outputs per time step. */
  int size() {
    return output.frame.size();
  }

  /** Output of the last layer summed over time: [samples, outputs], in PyTorch's order. */
  void sum(int samples, float[] sums) {
    int n = output.frame.size();
    int[] order = output.frame.torchOrder();
    int repeats = timeSteps / output.steps;
    Arrays.fill(sums, 0, samples * n, 0);
    for (int b = 0; b < samples; b++) {
      for (int t = 0; t < output.steps; t++) {
        for (int i = 0; i < n; i++) {
          sums[b * n + order[i]] += repeats * output.data[output.at(b) + t * n + i];
        }
      }
    }
  }

  /** Output of the last layer at each step: [samples, T, outputs], in PyTorch's order. */
  void steps(int samples, float[] into) {
    int n = output.frame.size();
    int[] order = output.frame.torchOrder();
    int repeats = timeSteps / output.steps;
    for (int b = 0; b < samples; b++) {
      for (int t = 0; t < timeSteps; t++) {
        int from = output.at(b) + t / repeats * n;
        int to = (b * timeSteps + t) * n;
        for (int i = 0; i < n; i++) {
          into[to + order[i]] = output.data[from + i];
        }
      }
    }
  }

  /** Largest output of the last layer over time: [samples, outputs], in PyTorch's order. */
  void max(int samples, float[] peaks) {
    int n = output.frame.size();
    int[] order = output.frame.torchOrder();
    for (int b = 0; b < samples; b++) {
      for (int i = 0; i < n; i++) {
        peaks[b * n + order[i]] = output.data[output.at(b) + peak(b, i) * n + i];
      }
    }
  }

  /** First time step at which output {@code i} has its maximum. */
  private int peak(int sample, int i) {
    int n = output.frame.size();
    int best = 0;
    for (int t = 1; t < output.steps; t++) {
      int at = output.at(sample) + i;
      best = output.data[at + t * n] > output.data[at + best * n] ? t : best;
    }
    return best;
  }

  /** dL/d(output at every step), [samples, outputs], added to all time steps of {@code g}. */
  void spread(float[] outputGradient, int from, int to, Signal g) {
    int n = g.frame.size();
    int[] order = g.frame.torchOrder();
    int repeats = timeSteps / g.steps;
    for (int b = from; b < to; b++) {
      for (int t = 0; t < g.steps; t++) {
        for (int i = 0; i < n; i++) {
          g.data[g.at(b) + t * n + i] = repeats * outputGradient[b * n + order[i]];
        }
      }
    }
  }

  /** Adds dL/d(output at each step), [samples, T, outputs]. */
  void addSteps(float[] stepGradient, int from, int to, Signal g) {
    int n = g.frame.size();
    int[] order = g.frame.torchOrder();
    int repeats = timeSteps / g.steps;
    for (int b = from; b < to; b++) {
      for (int t = 0; t < timeSteps; t++) {
        int into = g.at(b) + t / repeats * n;
        int row = (b * timeSteps + t) * n;
        for (int i = 0; i < n; i++) {
          g.data[into + i] += stepGradient[row + order[i]];
        }
      }
    }
  }

  /** Adds dL/d(largest output over time) at the time step of the maximum. */
  void addAtPeaks(float[] peakGradient, int from, int to, Signal g) {
    int n = g.frame.size();
    int[] order = g.frame.torchOrder();
    for (int b = from; b < to; b++) {
      for (int i = 0; i < n; i++) {
        g.data[g.at(b) + peak(b, i) * n + i] += peakGradient[b * n + order[i]];
      }
    }
  }
}
