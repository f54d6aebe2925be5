package dev.spikewise.snn.graph;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.PoolShape;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.layer.Join;
import dev.spikewise.snn.layer.Pool;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.snn.layer.Synapses;
import dev.spikewise.spec.Graph;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A graph compiled for a batch of B samples over T steps: which layers compute together, which
 * values exist, for how many samples each is stored, and which gradients may share memory. The
 * network allocates memory according to the plan, and the memory estimate is derived from it.
 */
public final class Plan {

  /**
   * Maximum size of a block's largest activation in bytes, so that it fits a core's share of the
   * last-level cache.
   */
  private static final int BLOCK_BYTES = 4 << 20;

  /**
   * Number of floats per trained parameter: value, gradient, order and two moments of the
   * optimiser; partial gradients are counted separately.
   */
  private static final long PARAMETER = 5;

  /**
   * Overhead of large arrays: G1 allocates whole regions for each, and the rest of the last region
   * is unused.
   */
  private static final double AROUND_ARRAYS = 1.05;

  private static final int NO_SLOT = -1;

  private final int batchSize;
  private final int timeSteps;
  private final int block;
  private final int kept;
  private final Value input;
  private final Value output;
  private final List<Step> steps = new ArrayList<>();
  private final List<Value> values = new ArrayList<>();
  private final List<Integer> slots = new ArrayList<>();
  private int scratch;

  /** Output of a step, or the model's input. */
  public static final class Value {
    public final Frame frame;

    /** Number of time steps; 1 when all time steps are equal. */
    public final int steps;

    private final List<Step> consumers = new ArrayList<>();
    private @Nullable Step producer;
    private int samples;
    private int slot = NO_SLOT;
    private boolean needsGradient;

    private Value(Frame frame, int steps) {
      this.frame = frame;
      this.steps = steps;
    }

    /** Number of samples stored at a time: the whole batch or one block. */
    public int samples() {
      return samples;
    }

    /** Whether a parameter before this value depends on its gradient. */
    public boolean needsGradient() {
      return needsGradient;
    }

    /** Whether its gradient is computed. */
    public boolean hasSlot() {
      return slot != NO_SLOT;
    }

    /** Index of the array that holds its gradient. */
    public int slot() {
      return slot;
    }

    /** Whether several steps read it, so that their gradients add up. */
    public boolean isShared() {
      return consumers.size() > 1;
    }

    /** The step that computes this value; null for the model's input. */
    public @Nullable Step producer() {
      return producer;
    }

    private long size() {
      return (long) steps * frame.size();
    }
  }

  /**
   * A layer of the engine: a layer of the definition, or neurons together with the pool that
   * follows them.
   *
   * @param pool the sum pool that is computed with the neurons, if any
   */
  public record Step(
      Graph.Vertex layer, @Nullable PoolShape pool, List<Value> inputs, Value output) {

    /** Whether the step takes part in the backward pass. */
    public boolean isTrained() {
      return output.needsGradient;
    }

    private boolean hasParameters() {
      return !layer.spec().parameters(layer.inputShape()).isEmpty();
    }
  }

  /**
   * @param constantInput whether the input is the same at every step
   * @param fuses whether the kernels compute neurons together with such a pool
   */
  public Plan(
      Graph graph,
      int batchSize,
      int timeSteps,
      boolean constantInput,
      Purpose purpose,
      Predicate<PoolShape> fuses) {
    this.batchSize = batchSize;
    this.timeSteps = timeSteps;
    long largest = graph.shapes().stream().mapToLong(Shape::size).max().orElseThrow();
    block = block(graph, largest);
    kept = purpose.kept(batchSize, block);
    input = new Value(Frame.of(graph.inputShape()), constantInput ? 1 : timeSteps);
    values.add(input);
    // Measuring needs single spikes, which are not available when neurons are computed together
    // with their pool.
    Predicate<PoolShape> fused = purpose == Purpose.MEASURING ? _ -> false : fuses;
    output = addSteps(graph, fused);
    for (Value value : values) {
      value.samples = samples(value);
    }
    assignSlots();
  }

  /**
   * Estimated memory of a network with its kernels and optimiser in bytes, accurate to about 20 %.
   */
  public static long estimateMemory(
      ModelSpec spec, int batchSize, int timeSteps, boolean constantInput, Purpose purpose) {
    // Most kernels compute such a pool with the neurons.
    return new Plan(spec.graph(), batchSize, timeSteps, constantInput, purpose, PoolShape::tiles)
        .bytes();
  }

  /** Number of samples per block; the whole batch when a layer needs all samples together. */
  private int block(Graph graph, long largest) {
    return graph.order().stream().anyMatch(v -> v.spec() instanceof NormSpec.Batch)
        ? batchSize
        : (int) Math.clamp(BLOCK_BYTES / (Float.BYTES * timeSteps * largest), 1, batchSize);
  }

  private Value addSteps(Graph graph, Predicate<PoolShape> fuses) {
    Map<Integer, Value> byLayer = new HashMap<>();
    byLayer.put(Graph.INPUT_INDEX, input);
    Set<Integer> done = new HashSet<>();
    for (Graph.Vertex layer : graph.order()) {
      if (done.contains(layer.index())) {
        continue;
      }
      var inputs =
          layer.inputs().stream().map(i -> Objects.requireNonNull(byLayer.get(i))).toList();
      Value in = inputs.getFirst();
      Value out =
          switch (layer.spec()) {
            case ShapeSpec s when s.leavesValues() -> in;
            case NeuronSpec _ -> {
              Graph.Vertex behind = poolBehind(graph, layer);
              PoolShape pool = behind == null ? null : pool(layer, behind);
              if (behind != null && pool != null && fuses.test(pool)) {
                done.add(behind.index());
                Value pooled =
                    addStep(layer, pool, inputs, new Value(Frame.of(behind.shape()), timeSteps));
                byLayer.put(behind.index(), pooled);
                yield pooled;
              }
              yield addStep(layer, null, inputs, new Value(in.frame, timeSteps));
            }
            case SynapticSpec _, PoolSpec _, ReducedPoolSpec _, ShapeSpec _ ->
                addStep(layer, null, inputs, new Value(Frame.of(layer.shape()), in.steps));
            case RectifierSpec _, NormSpec _, DropoutSpec _ ->
                addStep(layer, null, inputs, new Value(in.frame, in.steps));
            case JoinSpec join ->
                addStep(
                    layer,
                    null,
                    inputs,
                    new Value(
                        Join.frame(join, inputs.stream().map(value -> value.frame).toList()),
                        inputs.stream().mapToInt(value -> value.steps).max().orElseThrow()));
          };
      byLayer.put(layer.index(), out);
    }
    return Objects.requireNonNull(byLayer.get(graph.output().index()));
  }

  private Value addStep(
      Graph.Vertex layer, @Nullable PoolShape pool, List<Value> inputs, Value out) {
    var step = new Step(layer, pool, inputs, out);
    inputs.forEach(value -> value.consumers.add(step));
    out.producer = step;
    out.needsGradient = step.hasParameters() || inputs.stream().anyMatch(Value::needsGradient);
    steps.add(step);
    values.add(out);
    return out;
  }

  /**
   * The sum pool that is the only reader of the neurons {@code layer}; null for recurrent neurons.
   */
  private static Graph.@Nullable Vertex poolBehind(Graph graph, Graph.Vertex layer) {
    List<Graph.Vertex> consumers = graph.consumers(layer.index());
    return !(layer.spec() instanceof NeuronSpec.Recurrent)
            && layer.spec() instanceof NeuronSpec neurons
            && fusable(neurons)
            && consumers.size() == 1
            && consumers.getFirst().spec() instanceof PoolSpec.SumPool2d
        ? consumers.getFirst()
        : null;
  }

  private static boolean fusable(NeuronSpec neurons) {
    return neurons instanceof NeuronSpec.IAF || neurons instanceof NeuronSpec.LIF;
  }

  private static PoolShape pool(Graph.Vertex neurons, Graph.Vertex pool) {
    return Pool.shape((PoolSpec) pool.spec(), Frame.of(neurons.shape()), Frame.of(pool.shape()));
  }

  /** Number of samples stored at a time: the whole batch when the loss reads the value. */
  private int samples(Value value) {
    if (value == output || value == input) {
      return batchSize;
    }
    return isKept(value) ? kept : block;
  }

  /**
   * Whether the backward pass of the step that computes a value, or of one that reads it, needs the
   * value.
   */
  private static boolean isKept(Value value) {
    Step producer = Objects.requireNonNull(value.producer);
    if (followsFromPotential(producer.layer().spec())) {
      return false;
    }
    return producer.pool() != null
        || readsOutput(producer.layer().spec())
        || value.consumers.stream().anyMatch(step -> readsInput(step.layer().spec()));
  }

  /** Whether the output is computed again from the potentials, which are kept in any case. */
  private static boolean followsFromPotential(LayerSpec layer) {
    return layer instanceof NeuronSpec && !(layer instanceof NeuronSpec.Adaptive);
  }

  private static boolean readsOutput(LayerSpec layer) {
    return layer instanceof PoolSpec.SumPool2d || layer instanceof NeuronSpec.Recurrent;
  }

  private static boolean readsInput(LayerSpec layer) {
    return switch (layer) {
      case SynapticSpec _, NormSpec _ -> true;
      case NeuronSpec _,
          RectifierSpec _,
          PoolSpec _,
          ReducedPoolSpec _,
          DropoutSpec _,
          ShapeSpec _,
          JoinSpec _ ->
          false;
    };
  }

  /** Lifetime of a gradient in steps of the backward pass, from the first write to the read. */
  private record Lifetime(Value value, int from, int to) {}

  /** Assigns the same memory to gradients with disjoint lifetimes. */
  private void assignSlots() {
    Map<Step, Integer> place = new HashMap<>();
    steps.forEach(step -> place.put(step, steps.size() - place.size()));
    var lifetimes = new ArrayList<Lifetime>();
    for (Value value : values) {
      int from =
          value == output
              ? 0
              : value.consumers.stream()
                  .filter(step -> step.isTrained() && writes(step, value))
                  .mapToInt(step -> Objects.requireNonNull(place.get(step)))
                  .min()
                  .orElse(NO_SLOT);
      if (from != NO_SLOT) {
        Step producer = value.producer;
        int to = producer == null ? steps.size() + 1 : Objects.requireNonNull(place.get(producer));
        lifetimes.add(new Lifetime(value, from, to));
      }
    }
    lifetimes.sort(Comparator.comparingInt(Lifetime::from));
    var freeAfter = new ArrayList<Integer>();
    for (Lifetime lifetime : lifetimes) {
      int slot = 0;
      while (slot < slots.size() && freeAfter.get(slot) >= lifetime.from()) {
        slot++;
      }
      Value value = lifetime.value();
      int size = Math.toIntExact(block * value.size());
      if (slot == slots.size()) {
        slots.add(size);
        freeAfter.add(lifetime.to());
      } else {
        slots.set(slot, Math.max(slots.get(slot), size));
        freeAfter.set(slot, lifetime.to());
      }
      value.slot = slot;
      scratch = value.isShared() ? Math.max(scratch, size) : scratch;
    }
  }

  /** Whether a step computes the gradient of its input. */
  private static boolean writes(Step step, Value input) {
    return input.needsGradient || !(step.layer().spec() instanceof SynapticSpec);
  }

  public int block() {
    return block;
  }

  /** Number of samples whose activations are kept for the backward pass. */
  public int kept() {
    return kept;
  }

  public Value input() {
    return input;
  }

  public Value output() {
    return output;
  }

  /** Steps in the order of computation. */
  public List<Step> steps() {
    return steps;
  }

  public List<Value> values() {
    return values;
  }

  /** Lengths of the arrays that gradients share. */
  public List<Integer> slots() {
    return slots;
  }

  /** Length of the array for gradients that are added to others; 0 without such gradients. */
  public int scratch() {
    return scratch;
  }

  /**
   * Estimated memory of the network, its kernels and its optimiser in bytes, accurate to about 20
   * %.
   */
  public long bytes() {
    long floats = scratch;
    for (int slot : slots) {
      floats += slot;
    }
    for (Value value : values) {
      floats += value.samples * value.size();
    }
    for (Step step : steps) {
      floats += ofStep(step);
    }
    return (long) (AROUND_ARRAYS * Float.BYTES * floats);
  }

  /** Number of floats per trained parameter. */
  private long parameter() {
    return PARAMETER + SampleChunks.levels(batchSize);
  }

  /** Number of floats that a step stores in addition to its output. */
  private long ofStep(Step step) {
    Value in = step.inputs().getFirst();
    Shape inShape = step.layer().inputShape();
    long out = step.layer().shape().size();
    return switch (step.layer().spec()) {
      case SynapticSpec s ->
          parameter() * s.weightShape(inShape).size()
              + Synapses.wiring(s, in.frame, step.output().frame)
                  .simplified()
                  .scratch(block * in.steps, in.needsGradient);
      case PoolSpec.SpikingMaxPooling2dLayer _, PoolSpec.MaxPool2d _, ReducedPoolSpec.MaxPool1d _ ->
          kept * in.steps * out;
      case NeuronSpec n -> {
        // Potential, current and adaptation over time; what is counted in double.
        long arrays =
            1 + (n.normInput() || n.tauSyn() != null ? 1 : 0) + (n.tauAdapt() != null ? 1 : 0);
        long floats = arrays * ((long) kept * timeSteps + block) * out + 9 * out;
        // Constants that differ: value and gradient by neuron, and what is trained.
        for (var constant : n.parameters(inShape).entrySet()) {
          boolean differs =
              constant.getValue().rank() > 0 && !constant.getKey().startsWith("rec_connect");
          floats += differs ? 4 * out + parameter() * constant.getValue().size() : 0;
        }
        if (n instanceof NeuronSpec.Recurrent) {
          ConvShape shape = ConvShape.linear((int) out, (int) out);
          floats +=
              parameter() * out * out
                  + shape.scratch(Math.max(block, timeSteps), true)
                  + 5 * block * out;
        }
        yield floats;
      }
      // A bit for each value.
      case RectifierSpec _ -> kept * (in.steps * out / Float.SIZE + 2);
      case DropoutSpec _ -> batchSize * out;
      // Sums of each frame in double.
      case NormSpec.Batch _ -> 4L * batchSize * in.steps * inShape.dim(0);
      // Parts and weights by value, their gradients in double, and sums of each frame.
      case NormSpec.Frame f -> 6 * out + 4L * block * in.steps * f.parts(inShape);
      // Where each input's values go.
      case JoinSpec _ -> 2 * out;
      case PoolSpec.SumPool2d _, PoolSpec.AvgPool2d _, ReducedPoolSpec _, ShapeSpec _ -> 0;
    };
  }
}
