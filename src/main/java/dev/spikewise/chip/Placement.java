package dev.spikewise.chip;

import dev.spikewise.chip.Deployability.CoreLayer;
import dev.spikewise.chip.Deployability.Failure;
import dev.spikewise.chip.Deployability.Layer;
import dev.spikewise.chip.Deployability.Role;
import dev.spikewise.chip.Deployability.Rule;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
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
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Goes through a network layer by layer, gathers them into cores, and notes every broken rule. */
final class Placement {

  private static final int MAX_BIAS = 1024;

  /** In the order of computing; a chain. */
  private final List<Graph.Vertex> order;

  private final Chip chip;
  private final List<Draft> drafts = new ArrayList<>();
  private final List<Layer> layers = new ArrayList<>();
  private final List<Failure> failures = new ArrayList<>();

  /** Of the input before its first weights. */
  private int cameraPooling = 1;

  /** What the layer at hand takes, (C, H, W): a Flatten does not move anything on the chip. */
  private Shape map;

  /** A core that is being filled. */
  private static final class Draft {
    final int weights;
    final Shape input;
    final SynapticSpec.Conv2d conv;
    final Shape output;
    boolean bias;
    @Nullable Integer neurons;
    final List<String> pools = new ArrayList<>();
    int pooling = 1;

    Draft(int weights, Shape input, SynapticSpec.Conv2d conv, Shape output) {
      this.weights = weights;
      this.input = input;
      this.conv = conv;
      this.output = output;
      bias = conv.bias();
    }

    long kernelMemory() {
      int area = conv.kernelSize().h() * conv.kernelSize().w();
      return (long) input.dim(0) << log2(area) + log2(output.dim(0));
    }

    long neuronMemory() {
      return (long) output.dim(0) << log2(output.dim(1)) + log2(output.dim(2));
    }

    long biasMemory() {
      return bias ? output.dim(0) : 0;
    }

    /** Rounded up. */
    private static int log2(int value) {
      return Integer.SIZE - Integer.numberOfLeadingZeros(value - 1);
    }
  }

  /** A layer's failures and notes while they are found. */
  private static final class Findings {
    final List<Failure> failures = new ArrayList<>();
    final List<String> notes = new ArrayList<>();

    void require(boolean holds, Rule rule, String detail) {
      if (!holds) {
        failures.add(new Failure(rule, detail));
      }
    }
  }

  Placement(ModelSpec model, Chip chip) {
    this.chip = chip;
    Graph graph = model.graph();
    order = graph.order();
    map = spatial(graph.inputShape());
    if (order.stream().anyMatch(layer -> layer.spec() instanceof JoinSpec)) {
      refuseBranches(graph);
      return;
    }
    for (int i = 0; i < order.size(); i++) {
      var findings = new Findings();
      if (i == 0) {
        findings.require(
            map.dim(1) <= Chip.MAX_INPUT && map.dim(2) <= Chip.MAX_INPUT,
            Rule.INPUT_SIZE,
            "the input may be at most 128 x 128 but was " + size(map));
      }
      Shape output = order.get(i).shape();
      LayerSpec layer = order.get(i).spec();
      Role role = place(i, layer, output, findings);
      boolean inCore = role != Role.NONE && role != Role.IMPOSSIBLE && !drafts.isEmpty();
      layers.add(
          new Layer(
              name(i),
              layer.typeName(),
              role,
              inCore ? drafts.size() - 1 : null,
              findings.failures,
              findings.notes));
      if (layer instanceof SynapticSpec.Linear || output.rank() > 1) {
        map = spatial(output);
      }
    }
    requireNeurons("must be followed by IAF neurons because a core outputs spikes");
  }

  /**
   * A core's spikes can go to two others, and two sources into one, but the limits of that are not
   * modelled here: a wrong yes would be worse than none.
   */
  private void refuseBranches(Graph graph) {
    for (Graph.Vertex layer : order) {
      var findings = new Findings();
      int readers = graph.consumers(layer.index()).size();
      findings.require(
          !(layer.spec() instanceof JoinSpec),
          Rule.BRANCHES,
          "joins the outputs of several layers; only chains of layers are placed");
      findings.require(
          readers <= 1,
          Rule.BRANCHES,
          "is read by " + readers + " layers; only chains of layers are placed");
      layers.add(
          new Layer(
              layer.name(),
              layer.spec().typeName(),
              findings.failures.isEmpty() ? Role.NONE : Role.IMPOSSIBLE,
              null,
              findings.failures,
              findings.notes));
    }
    failures.add(
        new Failure(
            Rule.BRANCHES, "the network has branches; only chains of layers are placed on cores"));
  }

  private String name(int i) {
    return order.get(i).name();
  }

  private static Shape spatial(Shape shape) {
    return switch (shape.rank()) {
      case 1 -> Shape.of(shape.dim(0), 1, 1);
      case 2 -> Shape.of(shape.dim(0), 1, shape.dim(1));
      default -> shape;
    };
  }

  private Role place(int i, LayerSpec layer, Shape output, Findings findings) {
    return switch (layer) {
      case ShapeSpec.FlattenTime _,
          ShapeSpec.UnflattenTime _,
          ShapeSpec.Identity _,
          DropoutSpec _ ->
          Role.NONE;
      case ShapeSpec.Flatten _ -> {
        findings.require(
            output.rank() == 1, Rule.LAYER_TYPE, "must join all dimensions, to one feature map");
        yield output.rank() == 1 ? Role.NONE : Role.IMPOSSIBLE;
      }
      case SynapticSpec.Conv2d conv -> weights(i, conv, output, findings);
      case SynapticSpec.Linear linear ->
          weights(
              i,
              new SynapticSpec.Conv2d(
                  null,
                  linear.outFeatures(),
                  new Size2(map.dim(1), map.dim(2)),
                  Size2.ONE,
                  Size2.ZERO,
                  Size2.ONE,
                  1,
                  linear.bias()),
              spatial(output),
              findings);
      case NormSpec.BatchNorm2d _ -> batchNorm(findings);
      case PoolSpec.SumPool2d pool -> pool(i, pool, findings);
      case PoolSpec.AvgPool2d pool -> {
        Role role = pool(i, pool, findings);
        int area = pool.kernelSize().h() * pool.kernelSize().w();
        findings.notes.add(
            "is computed as a sum; the next weights are divided by "
                + area
                + " before they are discretised");
        yield role;
      }
      case NeuronSpec.IAF iaf -> neurons(i, iaf, findings);
      case JoinSpec _ -> {
        findings.require(false, Rule.LAYER_TYPE, "the chip has no " + layer.typeName());
        yield Role.IMPOSSIBLE;
      }
      case RectifierSpec _ -> {
        findings.require(
            false,
            Rule.NEURON,
            "neurons must be IAF but was "
                + layer.typeName()
                + "; convert the network into its spiking twin first");
        yield impossibleNeurons(i);
      }
      case NeuronSpec _ -> {
        findings.require(false, Rule.NEURON, "neurons must be IAF but was " + layer.typeName());
        yield impossibleNeurons(i);
      }
      case PoolSpec.SpikingMaxPooling2dLayer _, PoolSpec.MaxPool2d _, ReducedPoolSpec _ -> {
        findings.require(
            false,
            Rule.POOLING,
            "spikes can only be summed over windows of fixed size; use SumPool2d but was "
                + layer.typeName());
        yield Role.IMPOSSIBLE;
      }
      case SynapticSpec.Conv1d _, SynapticSpec.ConvTranspose2d _ -> {
        findings.require(
            false,
            Rule.LAYER_TYPE,
            "weights must be those of a Conv2d or Linear but was " + layer.typeName());
        yield Role.IMPOSSIBLE;
      }
      case NormSpec _, ShapeSpec.Upsample _ -> {
        findings.require(
            false,
            Rule.LAYER_TYPE,
            "a core computes only weights, neurons and sums, but was " + layer.typeName());
        yield Role.IMPOSSIBLE;
      }
    };
  }

  /** A core with the wrong neurons is missing none: one failure a mistake. */
  private Role impossibleNeurons(int i) {
    if (!drafts.isEmpty() && drafts.getLast().neurons == null) {
      drafts.getLast().neurons = i;
    }
    return Role.IMPOSSIBLE;
  }

  private Role weights(int i, SynapticSpec.Conv2d conv, Shape output, Findings findings) {
    requireNeurons("must have IAF neurons between it and the next weights");
    Size2 kernel = conv.kernelSize();
    boolean linear = order.get(i).spec() instanceof SynapticSpec.Linear;
    findings.require(
        kernel.h() == kernel.w() && kernel.h() <= Chip.MAX_KERNEL,
        Rule.KERNEL_SIZE,
        (linear ? "the input map of a Linear becomes its kernel, which" : "a kernel")
            + " must be square and at most 16 x 16 but was "
            + kernel.h()
            + " x "
            + kernel.w());
    findings.require(
        Chip.STRIDES.contains(conv.stride().h()) && Chip.STRIDES.contains(conv.stride().w()),
        Rule.STRIDE,
        "a stride must be 1, 2, 4 or 8 but was " + conv.stride());
    findings.require(
        Math.max(conv.padding().h(), conv.padding().w()) <= Chip.MAX_PADDING,
        Rule.PADDING,
        "a padding may be at most 7 but was " + conv.padding());
    findings.require(
        conv.dilation().equals(Size2.ONE),
        Rule.DILATION,
        "dilation must be 1 but was " + conv.dilation());
    findings.require(conv.groups() == 1, Rule.GROUPS, "groups must be 1 but was " + conv.groups());
    int channels = Math.max(map.dim(0), output.dim(0));
    findings.require(
        channels <= Chip.MAX_CHANNELS,
        Rule.CHANNELS,
        "a layer may have at most 1024 channels but was "
            + map.dim(0)
            + " in and "
            + output.dim(0)
            + " out");
    findings.require(
        Math.max(output.dim(1), output.dim(2)) <= Chip.MAX_MAP,
        Rule.MAP_SIZE,
        "a map of neurons may be at most 64 x 64 but was " + size(output));
    var draft = new Draft(i, map, conv, output);
    findings.require(
        channels > Chip.MAX_CHANNELS || !possibleCores(draft).isEmpty(),
        Rule.MEMORY,
        "no core holds %d words of kernels and %d of neurons; there are %s"
            .formatted(draft.kernelMemory(), draft.neuronMemory(), rooms()));
    drafts.add(draft);
    return Role.WEIGHTS;
  }

  private String rooms() {
    return chip.cores().stream()
        .distinct()
        .map(core -> core.kernelKi() + " Ki and " + core.neuronKi() + " Ki")
        .collect(Collectors.joining(", "));
  }

  private List<Integer> possibleCores(Draft draft) {
    var possible = new ArrayList<Integer>();
    for (int core = 0; core < chip.cores().size(); core++) {
      if (chip.cores().get(core).holds(draft.kernelMemory(), draft.neuronMemory())
          && draft.biasMemory() <= MAX_BIAS) {
        possible.add(core);
      }
    }
    return possible;
  }

  /** The weights that are still without neurons, or null. */
  private @Nullable Draft open() {
    return drafts.isEmpty() || drafts.getLast().neurons != null ? null : drafts.getLast();
  }

  private void requireNeurons(String detail) {
    Draft open = open();
    if (open != null) {
      layers.get(open.weights).failures().add(new Failure(Rule.ORDER, detail));
    }
  }

  private Role batchNorm(Findings findings) {
    Draft open = open();
    if (open == null
        || order.get(open.weights).spec() instanceof SynapticSpec.Linear
        || !open.pools.isEmpty()) {
      findings.require(
          false, Rule.ORDER, "can only be merged into a Conv2d, which must stand right before it");
      return Role.IMPOSSIBLE;
    }
    open.bias = true;
    return Role.MERGED;
  }

  private Role neurons(int i, NeuronSpec.IAF iaf, Findings findings) {
    findings.require(
        iaf.spikeThreshold().uniform() != null,
        Rule.NEURON,
        "must have one spike_threshold for all neurons but was " + iaf.spikeThreshold());
    findings.require(
        iaf.tauSyn() == null, Rule.NEURON, "must have no tau_syn but was " + iaf.tauSyn());
    Double value = iaf.resetFn().value();
    boolean subtract = iaf.resetFn().kind() == ResetFn.Kind.SUBTRACT;
    findings.require(
        value == null || value.equals(subtract ? iaf.spikeThreshold().uniform() : (Double) 0.0),
        Rule.RESET,
        "must subtract the threshold or reset to 0 but was "
            + (subtract ? "subtract " : "reset to ")
            + value);
    if (!iaf.spikeFn().equals(SpikeFn.MULTI)) {
      findings.notes.add("spikes as often as its potential allows, whatever spike_fn says");
    }
    Draft open = open();
    if (open == null) {
      findings.require(false, Rule.ORDER, "must follow the Conv2d or Linear that shares its core");
      return Role.IMPOSSIBLE;
    }
    findings.require(
        open.pools.isEmpty(), Rule.ORDER, "must precede the pools because a core pools spikes");
    open.neurons = i;
    return Role.NEURONS;
  }

  private Role pool(int i, PoolSpec pool, Findings findings) {
    Size2 kernel = pool.kernelSize();
    boolean plain =
        !pool.ceilMode()
            && kernel.h() == kernel.w()
            && pool.stride().equals(kernel)
            && pool.padding().equals(Size2.ZERO);
    findings.require(
        plain,
        Rule.POOLING,
        "must sum over squares that do not overlap but was kernel_size "
            + kernel
            + ", stride "
            + pool.stride()
            + ", padding "
            + pool.padding());
    int before = drafts.isEmpty() ? cameraPooling : drafts.getLast().pooling;
    int pooling = plain ? (int) Math.min((long) before * kernel.h(), Integer.MAX_VALUE) : before;
    findings.require(
        Chip.POOLINGS.contains(pooling),
        Rule.POOLING,
        "squares must be 1, 2 or 4 wide"
            + (before > 1 ? ", together with the pools before" : "")
            + " but was "
            + pooling);
    if (drafts.isEmpty()) {
      findings.require(
          map.dim(0) <= 2,
          Rule.ORDER,
          "before the first weights, only the camera's 2 channels can be pooled but was "
              + map.dim(0));
      findings.notes.add("is done by the chip's camera stage");
      cameraPooling = pooling;
    } else {
      drafts.getLast().pools.add(name(i));
      drafts.getLast().pooling = pooling;
      if (order.subList(i + 1, order.size()).stream()
          .map(Graph.Vertex::spec)
          .noneMatch(SynapticSpec.class::isInstance)) {
        findings.notes.add(
            "must be done by the reader of the output: the chip pools only the input of a next"
                + " core");
      }
    }
    return Role.POOLING;
  }

  private static String size(Shape map) {
    return map.dim(1) + " x " + map.dim(2);
  }

  Deployability result() {
    List<List<Integer>> possible = drafts.stream().map(this::possibleCores).toList();
    var matching = new CoreMatching(possible, chip.cores().size());
    if (drafts.size() > chip.cores().size()) {
      failures.add(
          new Failure(
              Rule.CORES,
              "there are %d layers of weights, but %d cores"
                  .formatted(drafts.size(), chip.cores().size())));
    } else if (matching.bottleneck() != null) {
      failures.add(
          new Failure(
              Rule.CORES,
              "layers %s fit only cores %s, which are too few"
                  .formatted(
                      matching.bottleneck().layers().stream()
                          .map(layer -> name(drafts.get(layer).weights))
                          .collect(Collectors.joining(", ")),
                      matching.bottleneck().cores().stream()
                          .map(String::valueOf)
                          .collect(Collectors.joining(", ")))));
    }
    if (drafts.isEmpty() && failures.isEmpty()) {
      failures.add(new Failure(Rule.CORES, "there is no Conv2d or Linear for any core"));
    }
    var coreLayers = new ArrayList<CoreLayer>();
    for (int i = 0; i < drafts.size(); i++) {
      coreLayers.add(coreLayer(drafts.get(i), possible.get(i), matching.coreOf(i)));
    }
    boolean deployable =
        failures.isEmpty() && layers.stream().allMatch(layer -> layer.failures().isEmpty());
    return new Deployability(chip, deployable, layers, coreLayers, failures);
  }

  private CoreLayer coreLayer(Draft draft, List<Integer> possible, @Nullable Integer core) {
    Size2 kernel = draft.conv.kernelSize();
    return new CoreLayer(
        name(draft.weights),
        draft.neurons == null ? null : name(draft.neurons),
        draft.pools,
        draft.input.dims(),
        List.of(kernel.h(), kernel.w()),
        draft.output.dims(),
        draft.pooling,
        draft.kernelMemory(),
        draft.neuronMemory(),
        draft.biasMemory(),
        possible,
        core);
  }
}
