package dev.spikewise.snn.layer;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.ReducedPoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A sequential network for batches of up to B samples over T steps. A batch goes through in blocks
 * of samples whose activations fit a processor's cache; only what the backward pass needs is kept
 * for the whole batch, or, with {@link Purpose#CHECKPOINTED_TRAINING}, for the block alone.
 */
public final class Network {

  /** Bytes of a block's largest activation: what a core's share of the last cache holds. */
  private static final int BLOCK_BYTES = 4 << 20;

  /** Numbers for each trained one: value, gradient, order, and two moments of the optimiser. */
  private static final long PARAMETER = 5;

  /** G1 gives large arrays regions of their own, and the end of the last one is lost. */
  private static final double AROUND_ARRAYS = 1.05;

  private final List<Layer> layers = new ArrayList<>();
  private final List<Parameter> parameters = new ArrayList<>();
  private final List<Parameter> state = new ArrayList<>();
  private final long[] sampleSeeds;
  private final Purpose purpose;
  private long activeOutputs;
  private final Signal input;
  private final Signal output;
  private final List<Signal> blockSignals = new ArrayList<>();
  private final float[][] gradients;
  private final int batchSize;
  private final int block;
  private final int kept;
  private final int timeSteps;

  /** What passes do besides computing, which takes its time or memory. */
  public enum Purpose {
    /** Forward passes keep what the backward pass needs, in B x T x activations. */
    TRAINING,
    /**
     * Activation checkpointing (Chen et al. 2016, arXiv:1604.06174): the backward pass computes the
     * activations of each block again, with the same bits, and they are kept for a block only.
     */
    CHECKPOINTED_TRAINING,
    /** Forward passes count operations and active outputs. */
    MEASURING;

    /** Samples whose activations are there at the backward pass. */
    private int kept(int batchSize, int block) {
      return this == CHECKPOINTED_TRAINING ? block : batchSize;
    }
  }

  /** A signal, and the spikes that a value of 1 in it stands for. */
  private record Step(Signal signal, int spikesPerUnit) {}

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
    this.batchSize = batchSize;
    this.timeSteps = timeSteps;
    this.purpose = purpose;
    List<Shape> shapes = spec.graph().plainShapes();
    int largest = shapes.stream().mapToInt(Shape::size).max().orElseThrow();
    block = block(spec, batchSize, timeSteps, largest);
    kept = purpose.kept(batchSize, block);
    sampleSeeds = new long[batchSize];
    input = new Signal(frame(shapes.getFirst(), null), constantInput ? 1 : timeSteps, batchSize);
    var step = new Step(input, 1);
    for (int i = 0; i < spec.layers().size(); i++) {
      step = add(spec.layers(), i, step, shapes, kernels);
    }
    output = step.signal();
    gradients = new float[2][block * timeSteps * largest];
  }

  /** Samples of a block; the whole batch where a layer looks at all samples together. */
  private static int block(ModelSpec spec, int batchSize, int timeSteps, long largest) {
    return spec.layers().stream().anyMatch(NormSpec.Batch.class::isInstance)
        ? batchSize
        : (int) Math.clamp(BLOCK_BYTES / (Float.BYTES * timeSteps * largest), 1, batchSize);
  }

  private Step add(List<LayerSpec> specs, int i, Step before, List<Shape> shapes, Kernels kernels) {
    String name = Integer.toString(i);
    Signal in = before.signal();
    Shape inShape = shapes.get(i);
    Shape shape = shapes.get(i + 1);
    return switch (specs.get(i)) {
      case JoinSpec _ -> throw new IllegalStateException("only a sequence can be computed");
      case ShapeSpec s when s.leavesValues() -> before;
      case ShapeSpec s -> {
        var out = signal(frame(shape, null), in.steps, samples(specs, i));
        layers.add(
            s instanceof ShapeSpec.Upsample
                ? Rearrangement.upsample(name, in, out, kernels.parallel())
                : Rearrangement.reshape(name, in, out, kernels.parallel()));
        yield new Step(out, before.spikesPerUnit());
      }
      case SynapticSpec s -> addSynapses(name, s, before, inShape, shape, specs, i, kernels);
      case PoolSpec.SpikingMaxPooling2dLayer p -> {
        var out = signal(frame(shape, null), in.steps, samples(specs, i));
        layers.add(new SpikingMaxPool(name, p, in, out, kept, kernels.parallel()));
        yield new Step(out, 1);
      }
      case PoolSpec _ when i > 0 && pool(specs, i - 1, shapes, kernels) != null -> before;
      case ReducedPoolSpec p -> addPool(name, p.asPool2d(inShape), before, shape, specs, i, kernels);
      case PoolSpec p -> addPool(name, p, before, shape, specs, i, kernels);
      case NeuronSpec n -> {
        PoolShape pool = pool(specs, i, shapes, kernels);
        var out =
            pool == null
                ? signal(frame(shape, in.frame), timeSteps, samples(specs, i))
                : signal(frame(shapes.get(i + 2), null), timeSteps, samples(specs, i + 1));
        add(new Neurons(name, n, shape, pool, in, out, batchSize, kept, block, timeSteps, kernels));
        yield new Step(out, 1);
      }
      case RectifierSpec r -> {
        var out = signal(in.frame, in.steps, samples(specs, i));
        layers.add(new Rectifier(name, r, in, out, sampleSeeds, timeSteps, kernels.parallel()));
        yield new Step(out, before.spikesPerUnit());
      }
      case NormSpec n -> {
        var out = signal(in.frame, in.steps, samples(specs, i));
        add(
            switch (n) {
              case NormSpec.Batch b ->
                  new BatchNorm(
                      name, b, inShape, in, out, batchSize, timeSteps, kernels.parallel());
              case NormSpec.Frame f ->
                  new FrameNorm(name, f, inShape, in, out, kernels.parallel());
            });
        yield new Step(out, 1);
      }
      case DropoutSpec d -> {
        var out = signal(in.frame, in.steps, samples(specs, i));
        layers.add(new Dropout(name, d, in, out, sampleSeeds, kernels.parallel()));
        yield new Step(out, before.spikesPerUnit());
      }
    };
  }

  private Step addPool(
      String name,
      PoolSpec spec,
      Step before,
      Shape shape,
      List<LayerSpec> specs,
      int i,
      Kernels kernels) {
    Signal in = before.signal();
    var out = signal(frame(shape, null), in.steps, samples(specs, i));
    if (spec instanceof PoolSpec.MaxPool2d max) {
      layers.add(new MaxPool(name, max, in, out, kept, kernels.parallel()));
      return new Step(out, before.spikesPerUnit());
    }
    var pool = new Pool(name, spec, in, out, kernels);
    layers.add(pool);
    return new Step(out, before.spikesPerUnit() * pool.spikesPerUnit());
  }

  /** The pool behind the neurons of layer {@code i}, if they are computed together. */
  private @Nullable PoolShape pool(
      List<LayerSpec> specs, int i, List<Shape> shapes, Kernels kernels) {
    // The single spikes are gone then, which measuring needs.
    PoolShape pool = purpose == Purpose.MEASURING ? null : poolBehind(specs, i, shapes);
    return pool != null && kernels.fuses(pool) ? pool : null;
  }

  /** The sum pool behind the neurons of layer {@code i}; none of recurrent ones. */
  private static @Nullable PoolShape poolBehind(List<LayerSpec> specs, int i, List<Shape> shapes) {
    return (specs.get(i) instanceof NeuronSpec.IAF || specs.get(i) instanceof NeuronSpec.LIF)
            && i + 1 < specs.size()
            && specs.get(i + 1) instanceof PoolSpec.SumPool2d spec
        ? Pool.shape(spec, frame(shapes.get(i + 1), null), frame(shapes.get(i + 2), null))
        : null;
  }

  /**
   * @param out of a ConvTranspose2d, whose sizes the input alone does not give
   */
  private static Wiring wiring(SynapticSpec spec, Frame in, Frame out) {
    return spec instanceof SynapticSpec.ConvTranspose2d c
        ? new Wiring(
            new ConvShape(
                out.h(),
                out.w(),
                out.c(),
                in.c(),
                c.kernelSize().h(),
                c.kernelSize().w(),
                c.stride().h(),
                c.stride().w(),
                c.padding().h(),
                c.padding().w(),
                c.dilation().h(),
                c.dilation().w(),
                c.groups()),
            true)
        : Wiring.of(geometry(spec, in));
  }

  private static ConvShape geometry(SynapticSpec spec, Frame in) {
    return switch (spec) {
      case SynapticSpec.ConvTranspose2d _ -> throw new IllegalArgumentException("no convolution");
      case SynapticSpec.Conv2d c ->
          new ConvShape(
              in.h(),
              in.w(),
              in.c(),
              c.outChannels(),
              c.kernelSize().h(),
              c.kernelSize().w(),
              c.stride().h(),
              c.stride().w(),
              c.padding().h(),
              c.padding().w(),
              c.dilation().h(),
              c.dilation().w(),
              c.groups());
      case SynapticSpec.Conv1d c -> geometry(c.asConv2d(), in);
      // A Linear after a Flatten is a kernel that covers the whole map: its weights keep the map's
      // order.
      case SynapticSpec.Linear l ->
          new ConvShape(
              in.h(), in.w(), in.c(), l.outFeatures(), in.h(), in.w(), 1, 1, 0, 0, 1, 1, 1);
    };
  }

  private Step addSynapses(
      String name,
      SynapticSpec spec,
      Step before,
      Shape inShape,
      Shape shape,
      List<LayerSpec> specs,
      int i,
      Kernels kernels) {
    Signal in = before.signal();
    var out = signal(frame(shape, null), in.steps, samples(specs, i));
    boolean activeOnly =
        !layers.isEmpty()
            && switch (layers.getLast()) {
              case Pool pool -> pool.skipsSilent();
              case Neurons neurons -> neurons.skipsSilent();
              default -> false;
            };
    add(
        new Synapses(
            name,
            wiring(spec, in.frame, out.frame),
            spec.weightShape(inShape).dims().stream().mapToInt(d -> d).toArray(),
            spec.bias(),
            before.spikesPerUnit(),
            parameters.isEmpty(),
            activeOnly,
            in,
            out,
            block,
            timeSteps,
            kernels));
    return new Step(out, 1);
  }

  private void add(Layer layer) {
    layers.add(layer);
    parameters.addAll(layer.parameters());
    state.addAll(layer.parameters());
    state.addAll(layer.buffers());
  }

  private static Frame frame(Shape shape, @Nullable Frame like) {
    if (like != null) {
      return like;
    }
    return switch (shape.rank()) {
      case 3 -> new Frame(shape.dim(1), shape.dim(2), shape.dim(0));
      case 2 -> new Frame(1, shape.dim(1), shape.dim(0));
      default -> new Frame(1, 1, shape.size());
    };
  }

  private Signal signal(Frame frame, int steps, int samples) {
    var signal = new Signal(frame, steps, samples);
    if (samples < batchSize) {
      blockSignals.add(signal);
    }
    return signal;
  }

  private int samples(List<LayerSpec> specs, int i) {
    return samples(specs, i, batchSize, kept, block);
  }

  /** Samples of layer {@code i}'s output that are there at a time: all where the loss reads it. */
  private static int samples(List<LayerSpec> specs, int i, int batchSize, int kept, int block) {
    if (next(specs, i) == specs.size()) {
      return batchSize;
    }
    return keeps(specs, i) ? kept : block;
  }

  /**
   * Whether the backward pass needs the output of layer {@code i}: as the input of the next one,
   * or, as in a sum pool and for a recurrent layer's spikes, for the layer itself.
   */
  private static boolean keeps(List<LayerSpec> specs, int i) {
    return switch (specs.get(next(specs, i))) {
      case SynapticSpec _, RectifierSpec _, NormSpec _ -> true;
      default ->
          specs.get(i) instanceof PoolSpec.SumPool2d
              || specs.get(i) instanceof NeuronSpec.Recurrent;
    };
  }

  private static int next(List<LayerSpec> specs, int i) {
    int next = i + 1;
    while (next < specs.size()
        && specs.get(next) instanceof ShapeSpec shape
        && shape.leavesValues()) {
      next++;
    }
    return next;
  }

  /** Bytes that a network of this kind, its kernels and its optimiser take, to about a fifth. */
  public static long estimateMemory(
      ModelSpec spec, int batchSize, int timeSteps, boolean constantInput, Purpose purpose) {
    List<Shape> shapes = spec.graph().plainShapes();
    long largest = shapes.stream().mapToInt(Shape::size).max().orElseThrow();
    int block = block(spec, batchSize, timeSteps, largest);
    int kept = purpose.kept(batchSize, block);
    long steps = constantInput ? 1 : timeSteps;
    boolean first = true;
    long floats = batchSize * steps * shapes.getFirst().size() + 2L * block * timeSteps * largest;
    for (int i = 0; i < spec.layers().size(); i++) {
      LayerSpec layer = spec.layers().get(i);
      Shape in = shapes.get(i);
      long out = shapes.get(i + 1).size();
      long samples = samples(spec.layers(), i, batchSize, kept, block);
      switch (layer) {
        case ShapeSpec s -> samples = s.leavesValues() ? 0 : samples;
        case SynapticSpec s -> {
          Wiring shape =
              wiring(s, frame(in, null), frame(shapes.get(i + 1), null)).simplified();
          floats += PARAMETER * s.weightShape(in).size() + shape.scratch(block * steps, !first);
          first = false;
        }
        case PoolSpec.SpikingMaxPooling2dLayer _,
            PoolSpec.MaxPool2d _,
            ReducedPoolSpec.MaxPool1d _ ->
            floats += kept * steps * out;
        case NeuronSpec n -> {
          steps = timeSteps;
          // Potential, current and adaptation over time; what is counted in double.
          long arrays =
              1 + (n.normInput() || n.tauSyn() != null ? 1 : 0) + (n.tauAdapt() != null ? 1 : 0);
          PoolShape pool = poolBehind(spec.layers(), i, shapes);
          // Most kernels compute such a pool with the neurons, and no single spike is stored.
          samples = pool != null && pool.tiles() ? 0 : samples;
          floats += arrays * (kept * steps + batchSize) * out + 9 * out;
          // Constants that differ: value and gradient by neuron, and what is trained.
          for (var constant : n.parameters(in).entrySet()) {
            boolean differs =
                constant.getValue().rank() > 0 && !constant.getKey().startsWith("rec_connect");
            floats += differs ? 4 * out + PARAMETER * constant.getValue().size() : 0;
          }
          if (n instanceof NeuronSpec.Recurrent) {
            ConvShape shape = ConvShape.linear((int) out, (int) out);
            floats += PARAMETER * out * out + shape.scratch(block, true) + 5 * block * out;
          }
        }
        case DropoutSpec _ -> floats += batchSize * out;
        // Sums of each frame in double.
        case NormSpec.Batch _ -> floats += 4L * batchSize * steps * in.dim(0);
        // Parts and weights by value, their gradients in double, and sums of each frame.
        case NormSpec.Frame f -> floats += 6 * out + 4L * block * steps * f.parts(in);
        case PoolSpec _, ReducedPoolSpec _, RectifierSpec _, JoinSpec _ -> {}
      }
      floats += samples * steps * out;
    }
    return (long) (AROUND_ARRAYS * Float.BYTES * floats);
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
    layers.forEach(layer -> layer.draw(random));
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
    boolean again = samples > kept;
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
    int turn = 0;
    boolean reached = outputGradient != null || peakGradient != null;
    Signal gOut = gradient(output, turn, from);
    if (outputGradient != null) {
      spread(outputGradient, from, to, gOut);
    } else if (peakGradient != null) {
      clear(gOut, from, to);
    }
    if (peakGradient != null) {
      addAtPeaks(peakGradient, from, to, gOut);
    }
    for (Layer layer : layers.reversed()) {
      beforeLayer.run();
      Signal gIn = gradient(layer.in, 1 - turn, from);
      boolean here = reached;
      if (layer instanceof Neurons neurons && neurons.inLoss() && !reached) {
        clear(gOut, from, to);
        here = true;
      }
      if (layer instanceof Synapses synapses && synapses.differenceInLoss() && !reached) {
        clear(gOut, from, to);
        here = true;
      }
      if (here) {
        layer.backward(from, to, gOut, gIn);
      }
      if (layer instanceof Synapses synapses && synapses.inLoss()) {
        if (!here) {
          clear(gIn, from, to);
        }
        synapses.addSynopsGradient(from, to, gIn);
        here = true;
      }
      reached = here;
      turn = 1 - turn;
      gOut = gIn;
    }
  }

  private Signal gradient(Signal of, int turn, int from) {
    var signal = new Signal(of.frame, of.steps, gradients[turn]);
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
