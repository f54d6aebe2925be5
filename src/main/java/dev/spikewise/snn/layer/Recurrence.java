package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.synops.Operations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Recurrent connections of a layer: at every step but the first, its neurons receive x_t + W
 * s_(t-1). Computes a block of samples one step at a time; its arrays are [samples of the block,
 * N].
 */
final class Recurrence implements Synaptic {

  private final String name;
  private final int neurons;
  private final Kernels.Conv conv;
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final float[] spikes;
  private final Operations operations = new Operations();

  /** The only number: synops of the batch, in whole numbers. */
  private final double[] synops = new double[1];

  private double @Nullable [] stepCounts;

  private boolean inLoss;
  private float synopsGradient;

  /** Input of the neurons at the current step; in the backward pass, its gradient. */
  final float[] current;

  /** Backward: dL/ds at the current step from all later steps. */
  final float[] gSpikes;

  /** Backward: gradients that one step passes to the preceding step. */
  final float[] gv;

  final float[] gCurrent;

  Recurrence(String layer, int neurons, boolean hasBias, Extent extent, Kernels kernels) {
    name = layer + ".rec_connect";
    this.neurons = neurons;
    int samples = extent.block();
    conv =
        kernels.conv(ConvShape.linear(neurons, neurons), Math.max(samples, extent.timeSteps() - 1));
    weight = new Parameter(name + ".weight", new int[] {neurons, neurons}, transposed(neurons));
    bias =
        hasBias
            ? new Parameter(name + ".bias", new int[] {neurons}, Synapses.identity(neurons))
            : null;
    spikes = new float[samples * neurons];
    current = new float[spikes.length];
    gSpikes = new float[spikes.length];
    gv = new float[spikes.length];
    gCurrent = new float[spikes.length];
  }

  private static int[] transposed(int n) {
    var order = new int[n * n];
    for (int i = 0; i < order.length; i++) {
      order[i] = i % n * n + i / n;
    }
    return order;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public double synops() {
    return synops[0];
  }

  @Override
  public void countSteps(double @Nullable [] counts) {
    stepCounts = counts;
  }

  @Override
  public Operations operations() {
    return operations;
  }

  /** Counts the operations caused by the spikes of all steps but the last. */
  void measure(int from, int to, Signal out) {
    for (int sample = from; sample < to; sample++) {
      operations.count(
          ConvShape.linear(neurons, neurons),
          weight.values(),
          out.data,
          out.at(sample),
          out.steps - 1,
          1);
    }
  }

  @Override
  public void addToLoss(double perSample) {
    inLoss = true;
    synopsGradient += (float) perSample * neurons;
  }

  double[] wholeSum() {
    return synops;
  }

  boolean inLoss() {
    return inLoss;
  }

  void reset() {
    synops[0] = 0;
    operations.reset();
    inLoss = false;
    synopsGradient = 0;
  }

  void draw(TorchRandom random) {
    float bound = (float) (1 / Math.sqrt(neurons));
    weight.draw(random, bound);
    if (bias != null) {
      bias.draw(random, bound);
    }
  }

  List<Parameter> parameters() {
    var all = new ArrayList<>(List.of(weight));
    if (bias != null) {
      all.add(bias);
    }
    return all;
  }

  /**
   * Computes the input of the neurons at step {@code t} into {@link #current}.
   *
   * @param again whether the step has already been counted
   */
  void forward(int from, int to, int t, Signal in, Signal out, boolean again) {
    int n = (to - from) * neurons;
    if (t == 0) {
      Arrays.fill(current, 0, n, 0);
    } else {
      collectSpikes(from, to, t - 1, out);
      if (!again) {
        count(from, t, n, out.steps);
      }
      conv.forward(
          spikes, 0, weight.values(), bias == null ? null : bias.values(), current, 0, to - from);
    }
    for (int b = from; b < to; b++) {
      int x = in.at(b) + t * in.stride();
      for (int i = 0; i < neurons; i++) {
        current[(b - from) * neurons + i] += in.data[x + i];
      }
    }
  }

  private void count(int from, int t, int n, int steps) {
    for (int i = 0; i < n; i++) {
      double operations = (double) spikes[i] * neurons;
      synops[0] += operations;
      if (stepCounts != null) {
        stepCounts[(from + i / neurons) * steps + t] += operations;
      }
    }
  }

  private void collectSpikes(int from, int to, int t, Signal out) {
    for (int b = from; b < to; b++) {
      System.arraycopy(out.data, out.at(b) + t * neurons, spikes, (b - from) * neurons, neurons);
    }
  }

  void startBackward() {
    Arrays.fill(gv, 0);
    Arrays.fill(gCurrent, 0);
    Arrays.fill(gSpikes, 0);
    conv.holdWeights(weight.values());
  }

  /** Adds to the weights' gradients, sample by sample over all steps at once. */
  void endBackward(int from, int to, Signal out, Signal gIn) {
    conv.releaseWeights();
    int steps = out.steps - 1;
    if (steps == 0) {
      return;
    }
    weight.reach();
    if (bias != null) {
      bias.reach();
    }
    for (int b = from; keepsSteps(gIn) && b < to; b++) {
      addWeightGradients(out.data, out.at(b), gIn.data, gIn.at(b) + neurons, steps);
    }
  }

  /** Whether dL/dx, which is dL/d({@link #current}), is there for every step. */
  private static boolean keepsSteps(Signal gIn) {
    return gIn.steps > 1;
  }

  private void addWeightGradients(float[] s, int sAt, float[] g, int gAt, int frames) {
    conv.weightGradient(s, sAt, g, gAt, weight.gradient(), frames);
    if (bias != null) {
      Synapses.addColumns(g, gAt, frames, bias.gradient());
    }
  }

  /** Adds dL/ds from the layers above, which completes {@link #gSpikes} for step {@code t}. */
  void addOutputGradient(int from, int to, int t, Signal gOut) {
    for (int b = from; b < to; b++) {
      int g = gOut.at(b) + t * neurons;
      for (int i = 0; i < neurons; i++) {
        gSpikes[(b - from) * neurons + i] += gOut.data[g + i];
      }
    }
  }

  /**
   * Computes dL/dx and dL/ds of the preceding step from dL/d({@link #current}) of step {@code t}.
   */
  void backward(int from, int to, int t, Signal out, Signal gIn) {
    for (int b = from; b < to; b++) {
      int x = gIn.at(b) + t * gIn.stride();
      boolean add = gIn.steps == 1 && t < out.steps - 1;
      for (int i = 0; i < neurons; i++) {
        float g = current[(b - from) * neurons + i];
        gIn.data[x + i] = add ? gIn.data[x + i] + g : g;
      }
    }
    if (t == 0) {
      return;
    }
    if (!keepsSteps(gIn)) {
      collectSpikes(from, to, t - 1, out);
      addWeightGradients(spikes, 0, current, 0, to - from);
    }
    conv.inputGradient(current, 0, weight.values(), gSpikes, 0, to - from, null, 0);
    for (int i = 0; i < (to - from) * neurons; i++) {
      gSpikes[i] += synopsGradient;
    }
  }
}
