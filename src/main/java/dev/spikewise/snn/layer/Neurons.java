package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.NeuronParams;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.neuron.NeuronModel;
import java.util.Arrays;
import java.util.List;

/** A layer of N equal neurons, each on its own through time. */
public final class Neurons extends Layer {

  /** Neurons a task takes through all its time steps; a multiple of every vector length. */
  private static final int CHUNK = 1024;

  private final NeuronModel model;
  private final List<Parameter> parameters;
  private final Kernels kernels;
  private final int neurons;
  private final int timeSteps;
  private final float[] u;
  private final float[] current;
  private final float[] v;
  private final float[] synapticCurrent;
  private final double[] counts;
  private final NeuronRange[] ranges;
  private final float[] rateGradient;
  private boolean inLoss;
  private NeuronParams params;

  Neurons(String name, NeuronModel model, Signal in, Signal out, int samples, int timeSteps, Kernels kernels) {
    super(name, in, out);
    this.model = model;
    this.kernels = kernels;
    this.timeSteps = timeSteps;
    neurons = out.frame.size();
    parameters = model.timeConstants().keySet().stream().map(p -> scalar(name + "." + p)).toList();
    int i = 0;
    for (float value : model.timeConstants().values()) {
      parameters.get(i++).values()[0] = value;
    }
    params = model.params(values());
    int kept = Math.multiplyExact(samples * timeSteps, neurons);
    u = new float[kept];
    current = params.keepsCurrent() ? new float[kept] : new float[0];
    v = new float[samples * neurons];
    synapticCurrent = params.synaptic() ? new float[v.length] : new float[0];
    counts = new double[neurons];
    rateGradient = new float[neurons];
    ranges = new NeuronRange[(neurons + CHUNK - 1) / CHUNK];
    for (int r = 0; r < ranges.length; r++) {
      ranges[r] = range(r * CHUNK, Math.min(neurons, (r + 1) * CHUNK));
    }
  }

  private static Parameter scalar(String name) {
    return new Parameter(name, new int[0], new int[1]);
  }

  private NeuronRange range(int from, int to) {
    var r = new NeuronRange();
    r.from = from;
    r.to = to;
    r.neurons = neurons;
    r.steps = timeSteps;
    r.u = u;
    r.current = current;
    r.v = v;
    r.synapticCurrent = synapticCurrent;
    r.counts = counts;
    r.s = out.data;
    r.x = in.data;
    r.xStep = in.stride();
    return r;
  }

  private float[] values() {
    var values = new float[parameters.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = parameters.get(i).values()[0];
    }
    return values;
  }

  public String name() {
    return name;
  }

  public boolean spikes() {
    return params.spikes();
  }

  /** Spikes of each neuron since the last reset, summed over samples and time, in the engine's order. */
  public double[] counts() {
    return counts;
  }

  /** By neuron: its position in PyTorch's (C, H, W) order. */
  public int[] torchOrder() {
    return out.frame.torchOrder();
  }

  /** Membrane potentials after the last step, [B, N]. */
  public float[] potentials() {
    return v;
  }

  /**
   * Puts this layer's firing rates into the loss.
   *
   * @param perNeuron dL/d(spikes of one neuron at one step of one sample), in the engine's order; added up
   */
  public void addToLoss(float[] perNeuron) {
    inLoss = true;
    for (int n = 0; n < neurons; n++) {
      rateGradient[n] += perNeuron[n];
    }
  }

  boolean inLoss() {
    return inLoss;
  }

  @Override
  List<Parameter> parameters() {
    return parameters;
  }

  @Override
  void reset() {
    Arrays.fill(v, 0);
    Arrays.fill(synapticCurrent, 0);
    Arrays.fill(counts, 0);
    if (inLoss) {
      Arrays.fill(rateGradient, 0);
    }
    inLoss = false;
    params = model.params(values());
  }

  @Override
  void forward(int from, int to) {
    kernels
        .parallel()
        .run(
            ranges.length,
            task -> {
              NeuronRange r = ranges[task];
              for (int b = from; b < to; b++) {
                place(r, b);
                r.xAt = in.at(b);
                r.sAt = out.at(b);
                kernels.neuronForward(params, r);
              }
            });
  }

  @Override
  void backward(int from, int to, Signal gOut, Signal gIn) {
    kernels
        .parallel()
        .run(
            ranges.length,
            task -> {
              NeuronRange r = ranges[task];
              r.gs = gOut.data;
              r.gx = gIn.data;
              r.gxStep = gIn.stride();
              r.gRate = inLoss ? rateGradient : null;
              r.gAlphaMem = 0;
              r.gAlphaSyn = 0;
              for (int b = from; b < to; b++) {
                place(r, b);
                r.gsAt = gOut.at(b);
                r.gxAt = gIn.at(b);
                kernels.neuronBackward(params, r);
              }
            });
    if (!parameters.isEmpty()) {
      double gAlphaMem = 0;
      double gAlphaSyn = 0;
      for (NeuronRange r : ranges) {
        gAlphaMem += r.gAlphaMem;
        gAlphaSyn += r.gAlphaSyn;
      }
      float[] gradients = model.gradients(values(), params, gAlphaMem, gAlphaSyn);
      for (int i = 0; i < gradients.length; i++) {
        parameters.get(i).reach();
        parameters.get(i).gradient()[0] += gradients[i];
      }
    }
  }

  private void place(NeuronRange r, int sample) {
    r.uAt = sample * timeSteps * neurons;
    r.vAt = sample * neurons;
  }
}
