package dev.spikewise.snn.network;

import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.layer.Activity;
import dev.spikewise.snn.layer.Join;
import dev.spikewise.snn.layer.Layer;
import dev.spikewise.snn.layer.Neurons;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.layer.Signal;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.layer.Synapses;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.layer.UnaryLayer;
import dev.spikewise.snn.optim.GradientClip;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.OptimizerSpec;
import dev.spikewise.spec.Pruning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A network for batches of up to B samples over T steps. A batch is processed in blocks of samples
 * whose activations fit the processor's cache. Only values that the backward pass needs are kept,
 * for the whole batch or, with {@link Purpose#CHECKPOINTED_TRAINING}, for one block.
 */
public final class CpuExecutor implements Executor {

  private final List<Layer> layers;
  private final Parameters parameters;
  private final Counts counts;
  private final long[] sampleSeeds;
  private final Purpose purpose;
  private long activeOutputs;

  /** Empty unless synops are counted per sample and time step. */
  private double[] stepCounts = {};

  private SampleChunks chunks = new SampleChunks(1);
  private final Signal input;
  private final Output output;
  private final List<Signal> blockSignals = new ArrayList<>();
  private final Plan plan;
  private final float[][] gradients;

  /** A gradient that is added to another one. */
  private final float[] scratch;

  /** Values whose gradients the backward pass of a block has written. */
  private final Set<Plan.Value> reached = new HashSet<>();

  private final Parallel parallel;
  private final int block;
  private final int timeSteps;
  private final Ranks ranks;
  private final GradientSum gradientSum;

  /**
   * @param batchSize B
   * @param timeSteps T
   * @param constantInput whether the input is equal at every time step; it is then given once per
   *     sample
   */
  public CpuExecutor(
      ModelSpec spec, int batchSize, int timeSteps, boolean constantInput, Kernels kernels) {
    this(spec, batchSize, timeSteps, constantInput, Purpose.TRAINING, kernels);
  }

  public CpuExecutor(
      ModelSpec spec,
      int batchSize,
      int timeSteps,
      boolean constantInput,
      Purpose purpose,
      Kernels kernels) {
    this(spec, batchSize, timeSteps, constantInput, purpose, kernels, Ranks.ALONE);
  }

  /**
   * @param ranks the processes that share each batch
   */
  public CpuExecutor(
      ModelSpec spec,
      int batchSize,
      int timeSteps,
      boolean constantInput,
      Purpose purpose,
      Kernels kernels,
      Ranks ranks) {
    this.ranks = ranks;
    this.timeSteps = timeSteps;
    this.purpose = purpose;
    parallel = kernels.parallel();
    int most = ranks.mostSamples(batchSize);
    plan = new Plan(spec.graph(), most, timeSteps, constantInput, purpose, kernels::fuses);
    block = plan.block();
    sampleSeeds = new long[most];
    Map<Plan.Value, Signal> signals = new HashMap<>();
    for (Plan.Value value : plan.values()) {
      var signal = new Signal(value.frame, value.steps, value.samples());
      signals.put(value, signal);
      if (value.samples() < most) {
        blockSignals.add(signal);
      }
    }
    input = Objects.requireNonNull(signals.get(plan.input()));
    output = new Output(Objects.requireNonNull(signals.get(plan.output())), timeSteps);
    layers = new Layers(plan, signals, timeSteps, sampleSeeds, kernels).all();
    layers.forEach(layer -> layer.ranks = ranks);
    parameters = new Parameters(inDefinition(), kernels);
    gradientSum = new GradientSum(layers, ranks);
    counts = counts(layers);
    gradients = plan.slots().stream().map(float[]::new).toArray(float[][]::new);
    scratch = new float[plan.scratch()];
  }

  /** The layers as the definition lists them. */
  private List<Layer> inDefinition() {
    var byIndex = new TreeMap<Integer, Layer>();
    for (int i = 0; i < layers.size(); i++) {
      byIndex.put(plan.steps().get(i).layer().index(), layers.get(i));
    }
    return List.copyOf(byIndex.values());
  }

  private static Counts counts(List<Layer> layers) {
    var synapses = new ArrayList<Synaptic>();
    var neurons = new ArrayList<SpikeCount>();
    var rectifiers = new ArrayList<Activity>();
    for (Layer layer : layers) {
      if (layer instanceof Synaptic counting) {
        synapses.add(counting);
      }
      if (layer instanceof SpikeCount counting) {
        neurons.add(counting);
        if (counting.recurrence() != null) {
          synapses.add(counting.recurrence());
        }
      }
      if (layer instanceof Activity counting) {
        rectifiers.add(counting);
      }
    }
    return new Counts(List.copyOf(synapses), List.copyOf(neurons), List.copyOf(rectifiers));
  }

  @Override
  public Ranks ranks() {
    return ranks;
  }

  @Override
  public int timeSteps() {
    return timeSteps;
  }

  @Override
  public float[] input() {
    return input.data;
  }

  @Override
  public int inputSize() {
    return input.at(1);
  }

  @Override
  public int[] inputOrder() {
    return input.frame.torchOrder();
  }

  /** Names of the layers in the order of computation; a fused pool is part of its neurons. */
  public List<String> layerNames() {
    return layers.stream().map(layer -> layer.name).toList();
  }

  @Override
  public long[] sampleSeeds() {
    return sampleSeeds;
  }

  @Override
  public void train(boolean training) {
    layers.forEach(layer -> layer.training = training);
    if (stepCounts.length > 0) {
      counts.synapses().forEach(layer -> layer.countSteps(training ? null : stepCounts));
    }
  }

  private void measure(Layer layer, int from, int to) {
    layer.measure(from, to);
    if (layer instanceof SpikeCount || layer instanceof Activity) {
      activeOutputs += layer.active(from, to) * timeSteps / layer.out.steps;
    }
  }

  @Override
  public double activationSparsity(int samples) {
    double all = 0;
    for (Layer layer : layers) {
      if (layer instanceof SpikeCount || layer instanceof Activity) {
        all += (double) samples * timeSteps * layer.out.frame.size();
      }
    }
    return all == 0 ? 0 : 1 - activeOutputs / all;
  }

  /** Trained parameters in the order of the definition. */
  public List<Parameter> parameters() {
    return parameters.trained();
  }

  @Override
  public Counts counts() {
    return counts;
  }

  @Override
  public void draw(long seed) {
    parameters.draw(seed);
  }

  @Override
  public void load(StateDict weights) {
    parameters.load(weights);
  }

  @Override
  public void cover(Overlay overlay) {
    parameters.cover(overlay.tensors());
    for (Layer layer : layers) {
      if (layer instanceof Neurons neurons) {
        neurons.use(overlay.neurons().get(layer.name));
      }
    }
  }

  @Override
  public void uncover() {
    parameters.uncover();
    for (Layer layer : layers) {
      if (layer instanceof Neurons neurons) {
        neurons.use(null);
      }
    }
  }

  @Override
  public StateDict stateDict() {
    return parameters.stateDict();
  }

  @Override
  public void optimize(OptimizerSpec how, GradientClip clip) {
    parameters.optimize(how, clip);
  }

  @Override
  public void prune(Pruning how, int epoch, int epochs) {
    List<String> names =
        counts.synapses().stream()
            .map(Synaptic::name)
            .filter(name -> how.layers() == null || how.layers().contains(name))
            .map(name -> name + ".weight")
            .toList();
    parameters.prune(how, names, epoch, epochs);
  }

  @Override
  public double weightNorm(List<String> names, int p) {
    return parameters.weightNorm(names, p);
  }

  @Override
  public void addWeightNorm(List<String> names, int p, double weight) {
    parameters.addWeightNorm(names, p, weight);
  }

  @Override
  public void accumulate() {
    parameters.accumulate();
  }

  @Override
  public void step(double learningRate, @Nullable Double momentum) {
    parameters.step(learningRate, momentum);
  }

  @Override
  public StateDict optimizerState() {
    return parameters.optimizerState();
  }

  @Override
  public void restoreOptimizer(StateDict state) {
    parameters.restoreOptimizer(state);
  }

  @Override
  public boolean isFinite() {
    return parameters.areFinite();
  }

  @Override
  public boolean hasGradient() {
    return parameters.haveGradient();
  }

  @Override
  public void sumOutput(int samples, float[] sums) {
    output.sum(samples, sums);
  }

  @Override
  public void maxOutput(int samples, float[] peaks) {
    output.max(samples, peaks);
  }

  @Override
  public void stepOutput(int samples, float[] outputs) {
    output.steps(samples, outputs);
  }

  @Override
  public double[] countSteps() {
    if (stepCounts.length == 0) {
      stepCounts = new double[sampleSeeds.length * timeSteps];
      counts.synapses().forEach(layer -> layer.countSteps(stepCounts));
    }
    return stepCounts;
  }

  @Override
  public void reset() {
    layers.forEach(Layer::reset);
    Arrays.fill(stepCounts, 0);
    activeOutputs = 0;
  }

  @Override
  public void forward(int samples, Runnable beforeLayer) {
    chunks = ranks.share(samples);
    if (!ranks.alone()) {
      ranks.begin(chunks);
    }
    layers.forEach(layer -> layer.chunks = chunks);
    for (int from = 0, to; from < chunks.size(); from = to) {
      to = chunks.endOfBlock(from, block);
      startBlock(from);
      forward(from, to, false, beforeLayer);
    }
    if (!ranks.alone()) {
      if (chunks.size() == 0) {
        startBlock(0);
        layers.stream().filter(Layer::looksAtWholeBatch).forEach(layer -> layer.forward(0, 0));
      }
      ranks.complete(samples, layers.stream().flatMap(layer -> layer.sums().stream()).toList());
      ranks.addWhole(layers.stream().flatMap(layer -> layer.wholeSums().stream()).toList());
    }
  }

  /**
   * @param again whether to repeat an earlier forward pass of the block without counting it twice
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

  @Override
  public int outputs() {
    return output.size();
  }

  @Override
  public void backward(int samples, OutputGradients gradients, Runnable beforeLayer) {
    parameters.zeroGradients();
    boolean again = chunks.size() > plan.kept();
    boolean severalBlocks = chunks.endOfBlock(0, block) < chunks.size();
    for (int from = 0, to; from < chunks.size(); from = to) {
      to = chunks.endOfBlock(from, block);
      startBlock(from);
      if (again) {
        forward(from, to, true, beforeLayer);
      } else if (severalBlocks) {
        int end = to;
        int start = from;
        layers.forEach(layer -> layer.restore(start, end));
      }
      backward(from, to, gradients, beforeLayer);
    }
    if (!ranks.alone()) {
      if (chunks.size() == 0) {
        backward(0, 0, gradients, beforeLayer);
      }
      gradientSum.complete(samples);
    }
  }

  private void backward(int from, int to, OutputGradients gradients, Runnable beforeLayer) {
    reached.clear();
    Plan.Value last = plan.output();
    if (!gradients.isEmpty()) {
      Signal g = gradient(last, from);
      if (gradients.sum() != null) {
        output.spread(gradients.sum(), from, to, g);
      } else {
        clear(g, from, to);
      }
      if (gradients.peak() != null) {
        output.addAtPeaks(gradients.peak(), from, to, g);
      }
      if (gradients.steps() != null) {
        output.addSteps(gradients.steps(), from, to, g);
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
    if (from == to && !layer.looksAtWholeBatch()) {
      reachWithoutSamples(layer, step);
      return;
    }
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
            backward(unary, from, to, gOut, part);
            add(part, gIn, from, to);
          } else {
            backward(unary, from, to, gOut, gIn);
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

  /** Where this process has no samples: goes the way that it would go with some. */
  private void reachWithoutSamples(Layer layer, Plan.Step step) {
    if (layer.needsOutputGradient()) {
      reached.add(step.output());
    }
    if (reached.contains(step.output())) {
      step.inputs().stream().filter(Plan.Value::hasSlot).forEach(reached::add);
    }
    if (layer instanceof Synapses synapses && synapses.inLoss()) {
      reached.add(step.inputs().getFirst());
    }
  }

  private void backward(UnaryLayer layer, int from, int to, Signal gOut, Signal gIn) {
    if (layer.endsChunks() || layer.parameters().isEmpty()) {
      layer.backward(from, to, gOut, gIn);
    } else {
      layer.forEachChunk(
          from, to, parallel, (first, last) -> layer.backward(first, last, gOut, gIn));
    }
  }

  private static void add(Signal part, Signal sum, int from, int to) {
    int at = sum.at(from);
    int n = sum.at(to) - at;
    for (int i = 0; i < n; i++) {
      sum.data[at + i] += part.data[at + i];
    }
  }

  /** Memory of the gradient of a value; empty if nothing needs it. */
  private Signal gradient(Plan.Value of, int from) {
    var signal = new Signal(of.frame, of.steps, of.hasSlot() ? gradients[of.slot()] : new float[0]);
    signal.startAt(from);
    return signal;
  }

  private static void clear(Signal g, int from, int to) {
    Arrays.fill(g.data, g.at(from), g.at(to), 0);
  }

  private void startBlock(int from) {
    for (Signal signal : blockSignals) {
      signal.startAt(from);
    }
  }
}
