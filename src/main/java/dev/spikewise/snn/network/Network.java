package dev.spikewise.snn.network;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.layer.BatchNorm;
import dev.spikewise.snn.layer.Dropout;
import dev.spikewise.snn.layer.FrameNorm;
import dev.spikewise.snn.layer.Join;
import dev.spikewise.snn.layer.Layer;
import dev.spikewise.snn.layer.MaxPool;
import dev.spikewise.snn.layer.Neurons;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.layer.Pool;
import dev.spikewise.snn.layer.Rearrangement;
import dev.spikewise.snn.layer.Rectifier;
import dev.spikewise.snn.layer.Signal;
import dev.spikewise.snn.layer.SpikingMaxPool;
import dev.spikewise.snn.layer.Synapses;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.layer.UnaryLayer;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.ReducedPoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A network for batches of up to B samples over T steps. A batch goes through in blocks of samples
 * whose activations fit a processor's cache; only what the backward pass needs is kept for the
 * whole batch, or, with {@link Purpose#CHECKPOINTED_TRAINING}, for the block alone.
 */
public final class Network {

  private final List<Layer> layers = new ArrayList<>();
  private final List<Parameter> parameters = new ArrayList<>();
  private final List<Parameter> state = new ArrayList<>();
  private final long[] sampleSeeds;
  private final Purpose purpose;
  private long activeOutputs;
  private final Signal input;
  private final Signal output;
  private final List<Signal> blockSignals = new ArrayList<>();
  private final Plan plan;
  private final Map<Plan.Value, Signal> signals = new HashMap<>();

  /** The layers as the definition lists them. */
  private final List<Layer> definition;

  private final float[][] gradients;

  /** A gradient that is added to another one. */
  private final float[] scratch;

  /** What the backward pass of a block has written gradients of. */
  private final Set<Plan.Value> reached = new HashSet<>();

  private final int block;
  private final int timeSteps;

  /**
   * @param batchSize B
   * @param timeSteps T
   * @param constantInput whether the input is the same at every step; it is then given once a
   *     sample
   */
  public Network(
      ModelSpec spec, int batchSize, int timeSteps, boolean constantInput, Kernels kernels) {
    this(spec, batchSize, timeSteps, constantInput, Purpose.TRAINING, kernels);
  }

  public Network(
      ModelSpec spec,
      int batchSize,
      int timeSteps,
      boolean constantInput,
      Purpose purpose,
      Kernels kernels) {
    this.timeSteps = timeSteps;
    this.purpose = purpose;
    plan = new Plan(spec.graph(), batchSize, timeSteps, constantInput, purpose, kernels::fuses);
    block = plan.block();
    sampleSeeds = new long[batchSize];
    for (Plan.Value value : plan.values()) {
      var signal = new Signal(value.frame, value.steps, value.samples());
      signals.put(value, signal);
      if (value.samples() < batchSize) {
        blockSignals.add(signal);
      }
    }
    input = signal(plan.input());
    output = signal(plan.output());
    for (Plan.Step step : plan.steps()) {
      layers.add(layer(step, batchSize, kernels));
    }
    var inDefinition = new TreeMap<Integer, Layer>();
    for (int i = 0; i < layers.size(); i++) {
      inDefinition.put(plan.steps().get(i).layer().index(), layers.get(i));
    }
    definition = List.copyOf(inDefinition.values());
    for (Layer layer : definition) {
      parameters.addAll(layer.parameters());
      state.addAll(layer.parameters());
      state.addAll(layer.buffers());
    }
    gradients = plan.slots().stream().map(float[]::new).toArray(float[][]::new);
    scratch = new float[plan.scratch()];
  }

  private Signal signal(Plan.Value value) {
    return Objects.requireNonNull(signals.get(value));
  }

  private Layer layer(Plan.Step step, int batchSize, Kernels kernels) {
    String name = step.layer().name();
    long salt = step.layer().index();
    var ins = step.inputs().stream().map(this::signal).toList();
    Signal in = ins.getFirst();
    Signal out = signal(step.output());
    int kept = plan.kept();
    return switch (step.layer().spec()) {
      case SynapticSpec s -> synapses(step, s, in, out, kernels);
      case PoolSpec p -> pool(name, p, in, out, kernels);
      case ReducedPoolSpec p -> pool(name, p.asPool2d(step.layer().inputShape()), in, out, kernels);
      case NeuronSpec n ->
          new Neurons(
              name,
              n,
              step.layer().shape(),
              step.pool(),
              in,
              out,
              batchSize,
              kept,
              block,
              timeSteps,
              kernels);
      case RectifierSpec r ->
          new Rectifier(name, r, salt, in, out, sampleSeeds, timeSteps, kernels.parallel());
      case NormSpec.Batch n ->
          new BatchNorm(
              name,
              n,
              step.layer().inputShape(),
              in,
              out,
              batchSize,
              timeSteps,
              kernels.parallel());
      case NormSpec.Frame n ->
          new FrameNorm(name, n, step.layer().inputShape(), in, out, kernels.parallel());
      case DropoutSpec d -> new Dropout(name, d, salt, in, out, sampleSeeds, kernels.parallel());
      case JoinSpec j -> new Join(name, j, ins, out, kernels.parallel());
      case ShapeSpec.Upsample _ -> Rearrangement.upsample(name, in, out, kernels.parallel());
      case ShapeSpec _ -> Rearrangement.reshape(name, in, out, kernels.parallel());
    };
  }

  private Layer pool(String name, PoolSpec spec, Signal in, Signal out, Kernels kernels) {
    return switch (spec) {
      case PoolSpec.SpikingMaxPooling2dLayer p ->
          new SpikingMaxPool(name, p, in, out, plan.kept(), kernels.parallel());
      case PoolSpec.MaxPool2d p -> new MaxPool(name, p, in, out, plan.kept(), kernels.parallel());
      case PoolSpec.SumPool2d _, PoolSpec.AvgPool2d _ -> new Pool(name, spec, in, out, kernels);
    };
  }

  private Synapses synapses(
      Plan.Step step, SynapticSpec spec, Signal in, Signal out, Kernels kernels) {
    Plan.Value input = step.inputs().getFirst();
    return new Synapses(
        step.layer().name(),
        Synapses.wiring(spec, in.frame, out.frame),
        spec.weightShape(step.layer().inputShape()).dims().stream().mapToInt(d -> d).toArray(),
        spec.bias(),
        step.layer().spikesPerUnit(),
        !input.needsGradient(),
        skipsSilent(input),
        in,
        out,
        block,
        timeSteps,
        kernels);
  }

  /** Whether the layer that puts a value out throws away dL/dvalue where the value is 0. */
  private boolean skipsSilent(Plan.Value value) {
    // What is left out of one of several gradients would be missing in their sum.
    if (value.producer() == null || value.isShared()) {
      return false;
    }
    return switch (layers.get(plan.steps().indexOf(value.producer()))) {
      case Pool pool -> pool.skipsSilent();
      case Neurons neurons -> neurons.skipsSilent();
      case Synapses _,
          MaxPool _,
          SpikingMaxPool _,
          Rearrangement _,
          Rectifier _,
          BatchNorm _,
          FrameNorm _,
          Dropout _,
          Join _ ->
          false;
    };
  }

  /** Bytes that a network of this kind, its kernels and its optimiser take, to about a fifth. */
  public static long estimateMemory(
      ModelSpec spec, int batchSize, int timeSteps, boolean constantInput, Purpose purpose) {
    // Most kernels compute such a pool with the neurons.
    return new Plan(spec.graph(), batchSize, timeSteps, constantInput, purpose, PoolShape::tiles)
        .bytes();
  }

  public int timeSteps() {
    return timeSteps;
  }

  /** Where a batch's input goes: [B, T or 1, H, W, C]. */
  public float[] input() {
    return input.data;
  }

  /** Values of one sample in {@link #input}. */
  public int inputSize() {
    return input.at(1);
  }

  /** By position in a frame of {@link #input}: the position in PyTorch's (C, H, W) order. */
  public int[] inputOrder() {
    return input.frame.torchOrder();
  }

  /** Names of the layers that compute, in their order; a fused pool belongs to its neurons. */
  public List<String> layerNames() {
    return layers.stream().map(layer -> layer.name).toList();
  }

  /** Everything that causes synaptic operations, in the order of the layers. */
  public List<Synaptic> synapses() {
    var all = new ArrayList<Synaptic>();
    for (Layer layer : layers) {
      if (layer instanceof Synapses synapses) {
        all.add(synapses);
      } else if (layer instanceof Neurons neurons && neurons.recurrence() != null) {
        all.add(neurons.recurrence());
      }
    }
    return all;
  }

  /** The layers of neurons, spiking or not. */
  public List<Neurons> neurons() {
    return layers.stream().filter(Neurons.class::isInstance).map(Neurons.class::cast).toList();
  }

  /** The layers without a state whose output may stand for spikes. */
  public List<Rectifier> rectifiers() {
    return layers.stream().filter(Rectifier.class::isInstance).map(Rectifier.class::cast).toList();
  }

  /** Where the seeds of a batch's samples go, from which layers draw while training. */
  public long[] sampleSeeds() {
    return sampleSeeds;
  }

  /** Whether layers behave as while training, or, at first, as in use; PyTorch's train and eval. */
  public void train(boolean training) {
    layers.forEach(layer -> layer.training = training);
  }

  private void measure(Layer layer, int from, int to) {
    layer.measure(from, to);
    if (layer instanceof Neurons || layer instanceof Rectifier) {
      activeOutputs += layer.active(from, to) * timeSteps / layer.out.steps;
    }
  }

  /** Share of zeros in what neurons and activation layers put out since the last reset. */
  public double activationSparsity(int samples) {
    double all = 0;
    for (Layer layer : layers) {
      if (layer instanceof Neurons || layer instanceof Rectifier) {
        all += (double) samples * timeSteps * layer.out.frame.size();
      }
    }
    return all == 0 ? 0 : 1 - activeOutputs / all;
  }

  /** Bytes of parameters and buffers. */
  public long footprintBytes() {
    return state.stream().mapToLong(p -> (long) Float.BYTES * p.values().length).sum();
  }

  public List<Parameter> parameters() {
    return parameters;
  }

  /** Draws all weights as PyTorch does after {@code torch.manual_seed(seed)}. */
  public void draw(long seed) {
    var random = new TorchRandom(seed);
    definition.forEach(layer -> layer.draw(random));
  }

  /**
   * Takes over weights.
   *
   * @throws InvalidSpecException naming every tensor that is missing, unknown or of another shape
   */
  public void load(StateDict weights) {
    var mistakes = new Mistakes();
    var known = new ArrayList<String>();
    for (Parameter p : state) {
      known.add(p.name());
      Tensor tensor = weights.tensors().get(p.name());
      if (tensor == null) {
        mistakes.in(p.name()).add("is missing from the weights");
      } else if (tensor.data().length != p.values().length
          || (tensor.shape().length > 1 && !Arrays.equals(tensor.shape(), p.shape()))) {
        mistakes
            .in(p.name())
            .add(
                "must have shape "
                    + Arrays.toString(p.shape())
                    + ", has "
                    + Arrays.toString(tensor.shape()));
      } else {
        p.load(tensor.data());
      }
    }
    for (String name : weights.tensors().keySet()) {
      mistakes.require(known.contains(name), name, "is no parameter of this model: " + known);
    }
    mistakes.throwIfAny();
  }

  public StateDict stateDict() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (Parameter p : state) {
      tensors.put(p.name(), p.toTorch(p.values()));
    }
    return new StateDict(tensors);
  }

  /** Forgets state, counts and loss of the last batch. */
  public void reset() {
    layers.forEach(Layer::reset);
    activeOutputs = 0;
  }

  /** Sends the first {@code samples} samples of {@link #input} through. */
  public void forward(int samples) {
    forward(samples, () -> {});
  }

  /**
   * Sends the first {@code samples} samples of {@link #input} through.
   *
   * @param beforeLayer called again and again; what it throws ends the batch, and {@link #reset}
   *     forgets it
   */
  public void forward(int samples, Runnable beforeLayer) {
    for (int from = 0; from < samples; from += block) {
      startBlock(from);
      forward(from, Math.min(samples, from + block), false, beforeLayer);
    }
  }

  /**
   * @param again whether to bring back what an earlier forward pass of the block left, without
   *     counting it twice
   */
  private void forward(int from, int to, boolean again, Runnable beforeLayer) {
    for (Layer layer : layers) {
      beforeLayer.run();
      layer.again = again;
      layer.forward(from, to);
      if (purpose == Purpose.MEASURING) {
        measure(layer, from, to);
      }
    }
  }

  /** Output of the last layer summed over time: [samples, outputs], in PyTorch's order. */
  public void sumOutput(int samples, float[] sums) {
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

  /** Largest output of the last layer over time: [samples, outputs], in PyTorch's order. */
  public void maxOutput(int samples, float[] peaks) {
    int n = output.frame.size();
    int[] order = output.frame.torchOrder();
    for (int b = 0; b < samples; b++) {
      for (int i = 0; i < n; i++) {
        peaks[b * n + order[i]] = output.data[output.at(b) + peak(b, i) * n + i];
      }
    }
  }

  /** The first step where output {@code i} is at its largest. */
  private int peak(int sample, int i) {
    int n = output.frame.size();
    int best = 0;
    for (int t = 1; t < output.steps; t++) {
      int at = output.at(sample) + i;
      best = output.data[at + t * n] > output.data[at + best * n] ? t : best;
    }
    return best;
  }

  /** Outputs of the last layer. */
  public int outputs() {
    return output.frame.size();
  }

  /** As {@link #backward(int, float[], float[], Runnable)}, to its end. */
  public void backward(
      int samples, float @Nullable [] outputGradient, float @Nullable [] peakGradient) {
    backward(samples, outputGradient, peakGradient, () -> {});
  }

  /**
   * Adds to the gradients of all parameters that the loss depends on.
   *
   * @param outputGradient dL/d(output at every step), [samples, outputs] in PyTorch's order; null
   *     where the loss does not look at the output
   * @param peakGradient dL/d(largest output over time), likewise
   * @param beforeLayer as in {@link #forward(int, Runnable)}
   */
  public void backward(
      int samples,
      float @Nullable [] outputGradient,
      float @Nullable [] peakGradient,
      Runnable beforeLayer) {
    parameters.forEach(Parameter::zeroGradient);
    boolean again = samples > plan.kept();
    for (int from = 0; from < samples; from += block) {
      startBlock(from);
      int to = Math.min(samples, from + block);
      if (again) {
        forward(from, to, true, beforeLayer);
      }
      backward(from, to, outputGradient, peakGradient, beforeLayer);
    }
  }

  private void backward(
      int from,
      int to,
      float @Nullable [] outputGradient,
      float @Nullable [] peakGradient,
      Runnable beforeLayer) {
    reached.clear();
    Plan.Value last = plan.output();
    if (outputGradient != null || peakGradient != null) {
      Signal g = gradient(last, from);
      if (outputGradient != null) {
        spread(outputGradient, from, to, g);
      } else {
        clear(g, from, to);
      }
      if (peakGradient != null) {
        addAtPeaks(peakGradient, from, to, g);
      }
      reached.add(last);
    }
    for (int i = layers.size() - 1; i >= 0; i--) {
      beforeLayer.run();
      Plan.Step step = plan.steps().get(i);
      if (step.isTrained()) {
        backward(layers.get(i), step, from, to);
      }
    }
  }

  private void backward(Layer layer, Plan.Step step, int from, int to) {
    Signal gOut = gradient(step.output(), from);
    if (layer.needsOutputGradient() && reached.add(step.output())) {
      clear(gOut, from, to);
    }
    boolean here = reached.contains(step.output());
    switch (layer) {
      case Join join -> {
        for (int k = 0; here && k < step.inputs().size(); k++) {
          Plan.Value in = step.inputs().get(k);
          if (in.hasSlot()) {
            join.backward(from, to, gOut, k, gradient(in, from), !reached.add(in));
          }
        }
      }
      case UnaryLayer unary -> {
        Plan.Value in = step.inputs().getFirst();
        Signal gIn = gradient(in, from);
        if (here) {
          if (in.hasSlot() && !reached.add(in)) {
            var part = new Signal(in.frame, in.steps, scratch);
            part.startAt(from);
            unary.backward(from, to, gOut, part);
            add(part, gIn, from, to);
          } else {
            unary.backward(from, to, gOut, gIn);
          }
        }
        if (unary instanceof Synapses synapses && synapses.inLoss()) {
          if (reached.add(in)) {
            clear(gIn, from, to);
          }
          synapses.addSynopsGradient(from, to, gIn);
        }
      }
    }
  }

  private static void add(Signal part, Signal sum, int from, int to) {
    int at = sum.at(from);
    int n = sum.at(to) - at;
    for (int i = 0; i < n; i++) {
      sum.data[at + i] += part.data[at + i];
    }
  }

  /** Where the gradient of a value is computed; nowhere if nothing needs it. */
  private Signal gradient(Plan.Value of, int from) {
    var signal = new Signal(of.frame, of.steps, of.hasSlot() ? gradients[of.slot()] : new float[0]);
    signal.startAt(from);
    return signal;
  }

  private static void clear(Signal g, int from, int to) {
    Arrays.fill(g.data, g.at(from), g.at(to), 0);
  }

  private void spread(float[] outputGradient, int from, int to, Signal g) {
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

  private void addAtPeaks(float[] peakGradient, int from, int to, Signal g) {
    int n = g.frame.size();
    int[] order = g.frame.torchOrder();
    for (int b = from; b < to; b++) {
      for (int i = 0; i < n; i++) {
        g.data[g.at(b) + peak(b, i) * n + i] += peakGradient[b * n + order[i]];
      }
    }
  }

  private void startBlock(int from) {
    for (Signal signal : blockSignals) {
      signal.startAt(from);
    }
  }
}
