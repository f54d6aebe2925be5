package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.snn.neuron.NeuronModel;
import dev.spikewise.snn.neuron.Trained;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * A layer of N neurons of one model. Without recurrence each neuron is computed over all time steps
 * independently.
 */
public final class Neurons extends UnaryLayer implements SpikeCount {

  /** Number of neurons per task; a multiple of every vector length. */
  private static final int CHUNK = 1024;

  private final NeuronSpec spec;
  private NeuronModel model;
  private final List<Parameter> parameters;

  private final List<TrainedConstant> constants = new ArrayList<>();
  private final Kernels kernels;
  private final Frame frame;
  private final int neurons;
  private final int timeSteps;
  private final int kept;
  private final float[] u;
  private final float[] current;
  private final float[] v;
  private final float[] synapticCurrent;
  private final float[] b;
  private final float[] bBefore;
  private final @Nullable Recurrence recurrence;
  private final @Nullable PoolShape pool;
  private final int @Nullable [] windows;
  private final double[] counts;
  private final double[] uncounted;
  private final NeuronRange[] ranges;
  private final float[] rateGradient;

  /** First of the samples that the state belongs to; others start from rest. */
  private int stateOf;

  private boolean inLoss;
  private Neuron neuron;

  /**
   * @param shape shape of the neurons in PyTorch
   * @param pool a sum pool that is computed with the neurons, whose output {@code out} is then
   */
  public Neurons(
      String name,
      NeuronSpec spec,
      Shape shape,
      @Nullable PoolShape pool,
      Signal in,
      Signal out,
      Extent extent,
      Kernels kernels) {
    super(name, in, out);
    this.spec = spec;
    model = NeuronModel.of(spec);
    this.kernels = kernels;
    timeSteps = extent.timeSteps();
    this.pool = pool;
    windows = pool == null ? null : pool.windows();
    frame = pool == null ? out.frame : in.frame;
    neurons = frame.size();
    parameters = new ArrayList<>();
    SequencedMap<String, Shape> shapes = spec.parameters(shape);
    for (Trained trained : model.trained()) {
      Shape its = Objects.requireNonNull(shapes.get(trained.name()));
      var constant = new TrainedConstant(name, trained, !spec.trainConstants(), its, frame);
      constants.add(constant);
      parameters.add(constant.parameter());
    }
    recurrence =
        spec instanceof NeuronSpec.Recurrent recurrent
            ? new Recurrence(name, neurons, recurrent.recurrentBias(), extent, kernels)
            : null;
    if (recurrence != null) {
      parameters.addAll(recurrence.parameters());
    }
    neuron = neuron();
    kept = extent.kept();
    int size = Math.multiplyExact(kept * timeSteps, neurons);
    u = new float[size];
    current = neuron.keepsCurrent() ? new float[size] : new float[0];
    v = new float[extent.block() * neurons];
    synapticCurrent = neuron.synaptic() ? new float[v.length] : new float[0];
    b = neuron.adapts() ? new float[v.length] : new float[0];
    bBefore = neuron.adapts() ? new float[size] : new float[0];
    counts = new double[neurons];
    uncounted = new double[kept < extent.samples() ? neurons : 0];
    rateGradient = new float[neurons];
    int chunk = chunk(pool);
    ranges = new NeuronRange[(neurons + chunk - 1) / chunk];
    for (int r = 0; r < ranges.length; r++) {
      ranges[r] = range(r * chunk, Math.min(neurons, (r + 1) * chunk));
    }
  }

  /**
   * Number of neurons per task; with a pool, as many complete rows of windows as contain about that
   * many.
   */
  private static int chunk(@Nullable PoolShape pool) {
    if (pool == null) {
      return CHUNK;
    }
    int row = pool.kH() * pool.inW() * pool.channels();
    return Math.max(1, CHUNK / row) * row;
  }

  private NeuronRange range(int from, int to) {
    var r = new NeuronRange();
    r.from = from;
    r.to = to;
    r.neurons = neurons;
    r.steps = recurrence == null ? timeSteps : 1;
    r.u = u;
    r.current = current;
    r.v = v;
    r.synapticCurrent = synapticCurrent;
    r.b = b;
    r.bBefore = bBefore;
    r.s = out.data;
    r.sStep = recurrence == null ? out.frame.size() : neurons;
    r.pool = pool;
    r.windows = windows;
    r.x = in.data;
    r.xStep = in.stride();
    if (recurrence != null) {
      r.x = recurrence.current;
      r.gs = recurrence.gSpikes;
      r.gx = recurrence.current;
      r.gxStep = neurons;
      r.gv = recurrence.gv;
      r.gCurrent = recurrence.gCurrent;
    }
    return r;
  }

  /**
   * Takes thresholds, reset values and bounds from {@code other} from the next {@link #reset} on;
   * from the layer's own definition if null.
   */
  public void use(@Nullable NeuronSpec other) {
    model = NeuronModel.of(other == null ? spec : other);
  }

  /** The neuron model with the current values of the constants. */
  private Neuron neuron() {
    @Nullable PerNeuron[] trained = new PerNeuron[Neuron.CONSTANTS];
    for (TrainedConstant constant : constants) {
      constant.update();
      trained[constant.place()] = constant.value();
    }
    return model.with(trained, given -> TrainedConstant.inEngineOrder(given, frame));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean spikes() {
    return neuron.spikes();
  }

  @Override
  public double[] counts() {
    return counts;
  }

  @Override
  public float[] firstRaster() {
    if (pool != null) {
      throw new IllegalStateException("layer " + name + " keeps only the sums of its windows");
    }
    return Arrays.copyOf(out.data, timeSteps * neurons);
  }

  @Override
  public int[] torchOrder() {
    return frame.torchOrder();
  }

  /** Membrane potentials of the latest block after its last step, [samples, N]. */
  public float[] potentials() {
    return v;
  }

  @Override
  public void addToLoss(float[] perNeuron) {
    inLoss = true;
    for (int n = 0; n < neurons; n++) {
      rateGradient[n] += perNeuron[n];
    }
  }

  @Override
  public @Nullable Synaptic recurrence() {
    return recurrence;
  }

  @Override
  public List<double[]> wholeSums() {
    return recurrence == null ? List.of() : List.of(recurrence.wholeSum());
  }

  @Override
  public void measure(int from, int to) {
    if (recurrence != null) {
      recurrence.measure(from, to, out);
    }
  }

  @Override
  public boolean skipsSilent() {
    return pool != null && pool.skipsSilent();
  }

  @Override
  public boolean needsOutputGradient() {
    return inLoss || recurrence != null && recurrence.inLoss();
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public void draw(TorchRandom random) {
    constants.forEach(constant -> constant.draw(random));
    if (recurrence != null) {
      recurrence.draw(random);
    }
  }

  @Override
  public void reset() {
    if (recurrence != null) {
      recurrence.reset();
    }
    forgetState(v.length / neurons);
    stateOf = 0;
    Arrays.fill(counts, 0);
    if (inLoss) {
      Arrays.fill(rateGradient, 0);
    }
    inLoss = false;
    neuron = neuron();
  }

  private void forgetState(int samples) {
    for (float[] state : List.of(v, synapticCurrent, b)) {
      if (state.length > 0) {
        Arrays.fill(state, 0, samples * neurons, 0);
      }
    }
  }

  /** A sum pool's windows are added to. */
  private void clearSums(int from, int to) {
    if (pool != null) {
      Arrays.fill(out.data, out.at(from), out.at(to), 0);
    }
  }

  @Override
  public void forward(int from, int to) {
    if (again || from != stateOf) {
      forgetState(to - from);
      stateOf = from;
    }
    clearSums(from, to);
    if (recurrence == null) {
      forward(from, to, 0);
    } else {
      for (int t = 0; t < timeSteps; t++) {
        recurrence.forward(from, to, t, in, out, again);
        forward(from, to, t);
      }
    }
  }

  /** Computes all time steps, or step {@code t} of recurrent neurons. */
  private void forward(int from, int to, int t) {
    kernels
        .parallel()
        .run(
            ranges.length,
            task -> {
              NeuronRange r = ranges[task];
              r.counts = again ? uncounted : counts;
              for (int sample = from; sample < to; sample++) {
                place(r, sample, from, t);
                r.xAt = recurrence == null ? in.at(sample) : (sample - from) * neurons;
                r.sAt = out.at(sample) + t * neurons;
                kernels.neuronForward(neuron, r);
              }
            });
  }

  @Override
  public void restore(int from, int to) {
    if (neuron.adapts()) {
      return;
    }
    clearSums(from, to);
    int calls = recurrence == null ? 1 : timeSteps;
    kernels
        .parallel()
        .run(
            ranges.length,
            task -> {
              NeuronRange r = ranges[task];
              for (int sample = from; sample < to; sample++) {
                for (int t = 0; t < calls; t++) {
                  place(r, sample, from, t);
                  r.sAt = out.at(sample) + t * neurons;
                  kernels.neuronOutput(neuron, r);
                }
              }
            });
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    for (NeuronRange r : ranges) {
      r.gRate = inLoss ? rateGradient : null;
    }
    constants.forEach(constant -> constant.startBackward(ranges));
    if (recurrence == null) {
      backward(from, to, 0, gOut, gIn);
    } else {
      recurrence.startBackward();
      for (int t = timeSteps - 1; t >= 0; t--) {
        recurrence.addOutputGradient(from, to, t, gOut);
        backward(from, to, t, gOut, gIn);
        recurrence.backward(from, to, t, out, gIn);
      }
      recurrence.endBackward(from, to, out, gIn);
    }
    constants.forEach(constant -> constant.addGradient(ranges));
  }

  private void backward(int from, int to, int t, Signal gOut, Signal gIn) {
    kernels
        .parallel()
        .run(
            ranges.length,
            task -> {
              NeuronRange r = ranges[task];
              if (recurrence == null) {
                r.gs = gOut.data;
                r.gx = gIn.data;
                r.gxStep = gIn.stride();
              }
              for (int sample = from; sample < to; sample++) {
                place(r, sample, from, t);
                r.sAt = out.at(sample) + t * neurons;
                int inBlock = (sample - from) * neurons;
                r.hasEarlier = t > 0;
                r.gvAt = inBlock;
                r.gsAt = recurrence == null ? gOut.at(sample) : inBlock;
                r.gxAt = recurrence == null ? gIn.at(sample) : inBlock;
                kernels.neuronBackward(neuron, r);
              }
            });
  }

  private void place(NeuronRange r, int sample, int from, int t) {
    r.uAt = (sample % kept * timeSteps + t) * neurons;
    r.vAt = (sample - from) * neurons;
  }
}
