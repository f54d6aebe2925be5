package dev.spikewise.chip;

import dev.spikewise.chip.Deployability.CoreLayer;
import dev.spikewise.chip.Deployability.Destination;
import dev.spikewise.chip.Deployability.Failure;
import dev.spikewise.chip.Deployability.Layer;
import dev.spikewise.chip.Deployability.Role;
import dev.spikewise.chip.Deployability.Rule;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
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
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Assigns the layers of a network to cores in the order of computation and records every rule that
 * is broken. Rules for branches are those of sinabs' {@code connectivity_specs} and of "Available
 * Network Architecture" in its documentation.
 */
final class Placement {

  private final Graph graph;

  /** In the order of computing. */
  private final List<Graph.Vertex> order;

  private final Chip chip;
  private final List<CoreDraft> drafts = new ArrayList<>();
  private final List<Layer> layers = new ArrayList<>();
  private final List<Failure> failures = new ArrayList<>();
  private final Map<Integer, Signal> signals = new HashMap<>();

  /** Cores that read the camera. */
  private final List<Destination> camera = new ArrayList<>();

  Placement(ModelSpec model, Chip chip) {
    this.chip = chip;
    graph = model.graph();
    order = graph.order();
    Shape input = spatial(graph.inputShape());
    signals.put(
        Graph.INPUT_INDEX,
        new Signal(input, List.of(new Signal.Source(Signal.CAMERA, 1)), null, false));
    for (int i = 0; i < order.size(); i++) {
      Graph.Vertex vertex = order.get(i);
      var findings = new Findings();
      if (i == 0) {
        findings.require(
            input.dim(1) <= Chip.MAX_INPUT && input.dim(2) <= Chip.MAX_INPUT,
            Rule.INPUT_SIZE,
            "the input may be at most 128 x 128 but was " + CoreRules.size(input));
      }
      Placed placed = place(i, vertex, findings);
      Signal out = placed.signal();
      Shape shape = vertex.shape();
      if (vertex.spec() instanceof SynapticSpec.Linear || shape.rank() > 1) {
        out = out.withMap(spatial(shape));
      }
      requireOneReader(vertex, out, findings);
      signals.put(vertex.index(), out);
      layers.add(
          new Layer(
              vertex.name(),
              vertex.spec().typeName(),
              placed.role(),
              core(placed),
              findings.failures,
              findings.notes));
    }
    drafts.stream()
        .filter(draft -> draft.neurons == null)
        .forEach(
            draft ->
                requireNeurons(
                    draft, "must be followed by IAF neurons because a core outputs spikes"));
    if (signal(graph.output().index()).added()) {
      fail(
          place(graph.output()),
          Rule.BRANCHES,
          "must be followed by a Conv2d or Linear, whose core adds the spikes that it receives");
    }
    requireDestinations();
  }

  /**
   * A layer in its place.
   *
   * @param signal what it puts out
   */
  private record Placed(Role role, Signal signal) {}

  private static @Nullable Integer core(Placed placed) {
    Role role = placed.role();
    List<Signal.Source> sources = placed.signal().sources();
    return role == Role.NONE
            || role == Role.IMPOSSIBLE
            || sources.size() > 1
            || placed.signal().isCamera()
        ? null
        : (Integer) sources.getFirst().core();
  }

  private Signal signal(int index) {
    return Objects.requireNonNull(signals.get(index));
  }

  private String name(int place) {
    return order.get(place).name();
  }

  /** Place of a layer in the order of computing. */
  private int place(Graph.Vertex vertex) {
    return order.indexOf(vertex);
  }

  private void fail(int place, Rule rule, String detail) {
    layers.get(place).failures().add(new Failure(rule, detail));
  }

  private static Shape spatial(Shape shape) {
    return switch (shape.rank()) {
      case 1 -> Shape.of(shape.dim(0), 1, 1);
      case 2 -> Shape.of(shape.dim(0), 1, shape.dim(1));
      default -> shape;
    };
  }

  private Placed place(int i, Graph.Vertex vertex, Findings findings) {
    Signal in = signal(vertex.input());
    Shape output = vertex.shape();
    LayerSpec layer = vertex.spec();
    return switch (layer) {
      case ShapeSpec.FlattenTime _,
          ShapeSpec.UnflattenTime _,
          ShapeSpec.Identity _,
          DropoutSpec _ ->
          new Placed(Role.NONE, in);
      case ShapeSpec.Flatten _ -> {
        findings.require(
            output.rank() == 1, Rule.LAYER_TYPE, "must join all dimensions, to one feature map");
        yield new Placed(output.rank() == 1 ? Role.NONE : Role.IMPOSSIBLE, in);
      }
      case SynapticSpec.Conv2d conv -> weights(i, in, conv, output, findings);
      case SynapticSpec.Linear linear ->
          weights(
              i,
              in,
              new SynapticSpec.Conv2d(
                  null,
                  linear.outFeatures(),
                  new Size2(in.map().dim(1), in.map().dim(2)),
                  Size2.ONE,
                  Size2.ZERO,
                  Size2.ONE,
                  1,
                  linear.bias()),
              spatial(output),
              findings);
      case NormSpec.Batch norm -> batchNorm(in, norm, findings);
      case PoolSpec.SumPool2d pool -> pool(vertex, in, pool, findings);
      case PoolSpec.AvgPool2d pool -> {
        Placed placed = pool(vertex, in, pool, findings);
        int area = pool.kernelSize().h() * pool.kernelSize().w();
        findings.notes.add(
            "is computed as a sum; the next weights are divided by "
                + area
                + " before they are discretised");
        yield placed;
      }
      case NeuronSpec.IAF iaf -> neurons(i, in, iaf, findings);
      case JoinSpec.Add _ -> add(vertex, findings);
      case JoinSpec.Concat _ ->
          refused(
              in,
              findings,
              Rule.BRANCHES,
              "joins channels, for which sinabs does not configure the chip; only Add joins"
                  + " layers");
      case RectifierSpec _ ->
          impossibleNeurons(
              i,
              in,
              findings,
              "neurons must be IAF but was "
                  + layer.typeName()
                  + "; convert the network into its spiking twin first");
      case NeuronSpec _ ->
          impossibleNeurons(i, in, findings, "neurons must be IAF but was " + layer.typeName());
      case PoolSpec.SpikingMaxPooling2dLayer _, PoolSpec.MaxPool2d _, ReducedPoolSpec _ ->
          refused(
              in,
              findings,
              Rule.POOLING,
              "spikes can only be summed over windows of fixed size; use SumPool2d but was "
                  + layer.typeName());
      case SynapticSpec.Conv1d _, SynapticSpec.ConvTranspose2d _ ->
          refused(
              in,
              findings,
              Rule.LAYER_TYPE,
              "weights must be those of a Conv2d or Linear but was " + layer.typeName());
      case NormSpec _, ShapeSpec.Upsample _ ->
          refused(
              in,
              findings,
              Rule.LAYER_TYPE,
              "a core computes only weights, neurons and sums, but was " + layer.typeName());
    };
  }

  /** A layer that the chip cannot compute. */
  private static Placed refused(Signal in, Findings findings, Rule rule, String detail) {
    findings.require(false, rule, detail);
    return new Placed(Role.IMPOSSIBLE, in);
  }

  /** Neurons of the wrong kind. Their core is not also reported to have none. */
  private static Placed impossibleNeurons(int i, Signal in, Findings findings, String detail) {
    CoreDraft open = in.open();
    if (open != null && open.neurons == null) {
      open.neurons = i;
    }
    return refused(new Signal(in.map(), in.sources(), null, false), findings, Rule.NEURON, detail);
  }

  private Placed weights(
      int i, Signal in, SynapticSpec.Conv2d conv, Shape output, Findings findings) {
    if (in.open() != null) {
      requireNeurons(in.open(), "must have IAF neurons between it and the next weights");
    }
    var draft = new CoreDraft(i, in.map(), conv, output);
    CoreRules.weights(chip, draft, order.get(i).spec() instanceof SynapticSpec.Linear, findings);
    int index = drafts.size();
    drafts.add(draft);
    var seen = new HashSet<Integer>();
    for (Signal.Source source : in.sources()) {
      findings.require(
          seen.add(source.core()),
          Rule.BRANCHES,
          "receives the spikes of "
              + (source.core() == Signal.CAMERA
                  ? "the input"
                  : "`" + name(drafts.get(source.core()).weights) + "`")
              + " twice, but a core has one destination of each kind");
      (source.core() == Signal.CAMERA ? camera : drafts.get(source.core()).destinations)
          .add(new Destination(index, source.pooling()));
    }
    return new Placed(
        Role.WEIGHTS, new Signal(output, List.of(new Signal.Source(index, 1)), draft, false));
  }

  private void requireNeurons(CoreDraft open, String detail) {
    if (open.neurons == null) {
      List<Failure> its = layers.get(open.weights).failures();
      if (its.stream().noneMatch(failure -> failure.rule() == Rule.ORDER)) {
        its.add(new Failure(Rule.ORDER, detail));
      }
    }
  }

  private Placed batchNorm(Signal in, NormSpec.Batch norm, Findings findings) {
    CoreDraft open = in.open();
    if (open == null || !norm.mergesInto(order.get(open.weights).spec()) || !open.pools.isEmpty()) {
      return refused(
          in,
          findings,
          Rule.ORDER,
          "can only be merged into " + norm.mergeable() + ", which must stand right before it");
    }
    open.bias = true;
    return new Placed(Role.MERGED, in);
  }

  private Placed neurons(int i, Signal in, NeuronSpec.IAF iaf, Findings findings) {
    CoreRules.neurons(iaf, findings);
    CoreDraft open = in.open();
    if (open == null) {
      return refused(
          in, findings, Rule.ORDER, "must follow the Conv2d or Linear that shares its core");
    }
    findings.require(
        open.pools.isEmpty(), Rule.ORDER, "must precede the pools because a core pools spikes");
    open.neurons = i;
    return new Placed(Role.NEURONS, new Signal(in.map(), in.sources(), null, false));
  }

  /** Cores that share a destination add their spikes there. */
  private Placed add(Graph.Vertex vertex, Findings findings) {
    var sources = new ArrayList<Signal.Source>();
    Signal first = signal(vertex.input());
    for (int input : vertex.inputs()) {
      Signal in = signal(input);
      sources.addAll(in.sources());
      findings.require(
          in.open() == null,
          Rule.BRANCHES,
          "adds the currents of `"
              + graph.name(input)
              + "`, but cores exchange spikes only: put IAF neurons before the Add");
      findings.require(
          in.map().equals(first.map()),
          Rule.BRANCHES,
          "adds flat maps that were "
              + first.map()
              + " and "
              + in.map()
              + ", which a core reads in different order");
      findings.require(
          !in.isCamera() || in.map().dim(0) <= 2,
          Rule.BRANCHES,
          "adds the input, which only the camera's 2 channels allow, but it has "
              + in.map().dim(0));
    }
    return new Placed(
        findings.failures.isEmpty() ? Role.SUM : Role.IMPOSSIBLE,
        new Signal(first.map(), List.copyOf(sources), null, true));
  }

  private Placed pool(Graph.Vertex vertex, Signal in, PoolSpec pool, Findings findings) {
    boolean plain = CoreRules.plain(pool, findings);
    findings.require(
        !in.added(),
        Rule.BRANCHES,
        "pools a sum, which is formed only at the next core: put the pool before the Add");
    var sources = new ArrayList<Signal.Source>();
    for (Signal.Source source : in.sources()) {
      int before = source.pooling();
      int side =
          plain ? (int) Math.min((long) before * pool.kernelSize().h(), Integer.MAX_VALUE) : before;
      findings.require(
          Chip.POOLINGS.contains(side),
          Rule.POOLING,
          "squares must be 1, 2 or 4 wide"
              + (before > 1 ? ", together with the pools before" : "")
              + " but was "
              + side);
      sources.add(new Signal.Source(source.core(), side));
      if (source.core() != Signal.CAMERA) {
        CoreDraft draft = drafts.get(source.core());
        draft.pools.add(vertex.name());
        draft.pooling = Math.max(draft.pooling, side);
      }
    }
    if (in.isCamera()) {
      findings.require(
          in.map().dim(0) <= 2,
          Rule.ORDER,
          "before the first weights, only the camera's 2 channels can be pooled but was "
              + in.map().dim(0));
      findings.notes.add("is done by the chip's camera stage");
    } else if (!graph.isFollowedBy(vertex.index(), SynapticSpec.class::isInstance)) {
      findings.notes.add(
          "must be done by the reader of the output: the chip pools only the input of a next"
              + " core");
    }
    return new Placed(
        Role.POOLING, new Signal(in.map(), List.copyOf(sources), in.open(), in.added()));
  }

  /** Only spikes can go to several cores. */
  private void requireOneReader(Graph.Vertex vertex, Signal out, Findings findings) {
    int readers = graph.consumers(vertex.index()).size();
    findings.require(
        readers <= 1 || !out.added() && out.open() == null,
        Rule.BRANCHES,
        (out.added()
                ? "is a sum, which one core may read"
                : "holds currents, which its own neurons read")
            + ", but is read by "
            + readers
            + " layers");
  }

  private void requireDestinations() {
    for (CoreDraft draft : drafts) {
      var poolings =
          draft.destinations.stream().map(Destination::pooling).collect(Collectors.toSet());
      if (poolings.size() > 1 && poolings.contains(1)) {
        layers
            .get(Objects.requireNonNullElse(draft.neurons, draft.weights))
            .notes()
            .add(
                "are read by one core as they are and by another pooled, which the chip can do but"
                    + " sinabs 3.1.3 cannot configure");
      }
      if (draft.destinations.size() > Chip.MAX_DESTINATIONS) {
        fail(
            Objects.requireNonNullElse(draft.neurons, draft.weights),
            Rule.BRANCHES,
            "sends its spikes to " + destinations(draft.destinations));
      }
    }
    if (camera.size() > Chip.MAX_DESTINATIONS) {
      failures.add(new Failure(Rule.BRANCHES, "the input is sent to " + destinations(camera)));
    }
    if (camera.stream().map(Destination::pooling).distinct().count() > 1) {
      failures.add(
          new Failure(
              Rule.BRANCHES,
              "the input is pooled by "
                  + camera.stream()
                      .map(Destination::pooling)
                      .distinct()
                      .map(String::valueOf)
                      .collect(Collectors.joining(" and "))
                  + ", but the chip's camera stage pools for all its readers alike"));
    }
  }

  private String destinations(List<Destination> list) {
    return list.size()
        + " cores ("
        + list.stream()
            .map(destination -> name(drafts.get(destination.coreLayer()).weights))
            .collect(Collectors.joining(", "))
        + "); at most "
        + Chip.MAX_DESTINATIONS
        + " are possible";
  }

  Deployability result() {
    List<List<Integer>> possible = drafts.stream().map(draft -> draft.possibleCores(chip)).toList();
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

  private CoreLayer coreLayer(CoreDraft draft, List<Integer> possible, @Nullable Integer core) {
    Size2 kernel = draft.conv.kernelSize();
    return new CoreLayer(
        name(draft.weights),
        draft.neurons == null ? null : name(draft.neurons),
        draft.pools,
        draft.input.dims(),
        List.of(kernel.h(), kernel.w()),
        draft.output.dims(),
        draft.pooling,
        List.copyOf(draft.destinations),
        draft.kernelMemory(),
        draft.neuronMemory(),
        draft.biasMemory(),
        possible,
        core);
  }
}
