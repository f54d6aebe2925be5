package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.transform.Channels;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.spec.ChannelPruning;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Monitor;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Checks the spec, model, weights and data set of a training against each other. */
record SpecCheck(
    TrainingSpec spec,
    ModelSpec model,
    @Nullable StateDict weights,
    @Nullable Dataset dataset,
    Mistakes mistakes) {

  void run() {
    checkData();
    checkLayerNames();
    mistakes.require(
        !spec.activationCheckpointing()
            || model.layers().stream().noneMatch(NormSpec.Batch.class::isInstance),
        "activation_checkpointing",
        "saves no memory with a batch norm, which needs all samples of a batch together: leave it"
            + " out, or merge the layer");
    if (spec.quantize() != null) {
      Quantizer.check(model, mistakes.in("model"));
      Quantizer.check(model, spec.quantize(), mistakes.in("quantize"));
    }
    if (mistakes.isEmpty() && weights != null) {
      checkWeights(weights);
    }
  }

  private void checkData() {
    if (!(spec.input() instanceof InputSpec.FromDataset from) || dataset == null) {
      return;
    }
    new DataCheck(from, dataset, model, spec.batchSize(), spec.timeSteps()).run(mistakes);
    if (mistakes.isEmpty()
        && (spec.earlyExit() != null || spec.monitors().containsValue(Monitor.TEST_ACCURACY))) {
      checkTestSamples(from, dataset);
    }
    checkLabels(dataset);
    boolean classifies =
        spec.loss().stream()
            .anyMatch(
                t ->
                    switch (t) {
                      case LossTerm.CrossEntropy _,
                          LossTerm.StepCrossEntropy _,
                          LossTerm.MseMembrane _,
                          LossTerm.MseCount _,
                          LossTerm.MaxMembraneCrossEntropy _ ->
                          true;
                      case LossTerm.Synops _,
                          LossTerm.FiringRate _,
                          LossTerm.L1 _,
                          LossTerm.Distillation _,
                          LossTerm.WeightNorm _,
                          LossTerm.InputDifference _ ->
                          false;
                    });
    int classes = Arrays.stream(dataset.labels()).max().orElse(0) + 1;
    int outputs = model.graph().output().shape().size();
    if (classifies && outputs < classes) {
      mistakes
          .in("model")
          .add(
              "has "
                  + outputs
                  + " outputs, but "
                  + dataset.name()
                  + " has labels 0 to "
                  + (classes - 1));
    }
  }

  /** Reports terms and options that need one label per sample where there is one per time step. */
  private void checkLabels(Dataset dataset) {
    if (!dataset.hasLabelsPerStep()) {
      return;
    }
    String reason =
        " requires one label per sample, but data set `"
            + dataset.name()
            + "` has one per time step";
    for (int i = 0; i < spec.loss().size(); i++) {
      String term =
          switch (spec.loss().get(i)) {
            case LossTerm.CrossEntropy _ -> "cross_entropy";
            case LossTerm.MaxMembraneCrossEntropy _ -> "max_membrane_cross_entropy";
            case LossTerm.MseCount _ -> "mse_count";
            case LossTerm.Distillation _ -> "distillation";
            default -> null;
          };
      if (term != null) {
        mistakes.in("loss").in(i).add(term + reason + ": use step_cross_entropy");
      }
    }
    mistakes.require(spec.earlyExit() == null, "early_exit", reason.trim() + ": leave it out");
  }

  private void checkTestSamples(InputSpec.FromDataset from, Dataset dataset) {
    var feed = new Feed(from, dataset, model, spec.batchSize(), spec.timeSteps(), spec.seed());
    if (feed.testSize() == 0) {
      mistakes.require(
          spec.earlyExit() == null,
          "early_exit",
          "needs test samples: raise test_fraction of the input");
      spec.monitors()
          .forEach(
              (place, monitor) -> {
                if (monitor == Monitor.TEST_ACCURACY) {
                  mistakes
                      .in(place)
                      .in("monitor")
                      .add("test_accuracy needs test samples: raise test_fraction of the input");
                }
              });
    }
  }

  private void checkLayerNames() {
    List<String> synaptic = names(SynapticSpec.class);
    List<String> spiking = names(NeuronSpec.Spiking.class);
    names(NeuronSpec.Recurrent.class).forEach(name -> synaptic.add(name + ".rec_connect"));
    if (synaptic.isEmpty()) {
      mistakes
          .in("model")
          .add("has no layer with weights (Conv2d, Conv1d, Linear): there is nothing to train");
    }
    if (spec.prune() != null) {
      var at = mistakes.in("prune");
      checkNames(at, spec.prune().layers(), synaptic, "layer with weights");
      at.require(
          !spec.prune().keepZeros() || weights != null,
          "keep_zeros",
          "requires trained weights, in which some are 0: start from a stored model or a job");
    }
    if (spec.pruneChannels() != null) {
      checkChannels(spec.pruneChannels());
    }
    for (int i = 0; i < spec.loss().size(); i++) {
      switch (spec.loss().get(i)) {
        case LossTerm.Synops s -> checkNames(i, s.layers(), synaptic, "layer with weights");
        case LossTerm.FiringRate f -> checkNames(i, f.layers(), spiking, "spiking layer");
        case LossTerm.L1 l -> checkNames(i, l.layers(), spiking, "spiking layer");
        case LossTerm.WeightNorm w -> checkNames(i, w.layers(), synaptic, "layer with weights");
        case LossTerm.InputDifference d ->
            checkNames(i, d.layers(), names(SynapticSpec.class), "layer with weights");
        case LossTerm.MaxMembraneCrossEntropy _, LossTerm.MseMembrane _ -> checkPotential(i);
        case LossTerm.CrossEntropy _,
            LossTerm.StepCrossEntropy _,
            LossTerm.MseCount _,
            LossTerm.Distillation _ -> {}
      }
    }
  }

  /** Reports a teacher that cannot teach this network. */
  void checkTeacher(@Nullable ModelSpec teacher, boolean trained) {
    Integer index = spec.distillation();
    if (index == null || teacher == null) {
      return;
    }
    var at = mistakes.in("loss").in(index);
    at.require(
        trained,
        "teacher",
        "must have trained weights, but the model has none: train it, or upload its weights");
    Shape input = teacher.graph().inputShape();
    at.require(
        input.equals(model.graph().inputShape()),
        "teacher",
        "must have the input shape of the model, "
            + model.graph().inputShape()
            + " but has "
            + input);
    int outputs = teacher.graph().output().shape().size();
    at.require(
        outputs == model.graph().output().shape().size(),
        "teacher",
        "must have as many outputs as the model, "
            + model.graph().output().shape().size()
            + " but has "
            + outputs);
  }

  private void checkChannels(ChannelPruning how) {
    var at = mistakes.in("prune_channels");
    var channels = new Channels(model);
    var layers = names(SynapticSpec.class);
    if (how.layers() == null) {
      at.require(
          !channels.removable().isEmpty(),
          "layers",
          "has no layer whose channels can be removed: "
              + layers.stream()
                  .map(name -> "those of " + name + " must stay because " + channels.reason(name))
                  .collect(Collectors.joining("; ")));
      return;
    }
    for (int i = 0; i < how.layers().size(); i++) {
      String name = how.layers().get(i);
      if (!layers.contains(name)) {
        at.in("layers").in(i).add("must name a layer with weights, one of " + layers);
      } else if (channels.reason(name) != null) {
        at.in("layers")
            .in(i)
            .add(
                "must name a layer whose channels can be removed, one of "
                    + channels.removable()
                    + ", but those of "
                    + name
                    + " must stay because "
                    + channels.reason(name));
      }
    }
  }

  private void checkPotential(int term) {
    Graph graph = model.graph();
    Graph.Vertex last = graph.output();
    while (last.spec() instanceof ShapeSpec.UnflattenTime && last.input() != Graph.INPUT_INDEX) {
      last = graph.layer(last.input());
    }
    boolean spikes = last.spec() instanceof NeuronSpec.Spiking;
    if (spikes) {
      mistakes
          .in("loss")
          .in(term)
          .add(
              "requires membrane potentials, but the last layer outputs spikes: end the model with"
                  + " ExpLeak");
    }
  }

  private void checkNames(int term, @Nullable List<String> used, List<String> known, String kind) {
    checkNames(mistakes.in("loss").in(term), used, known, kind);
  }

  private static void checkNames(
      Mistakes at, @Nullable List<String> used, List<String> known, String kind) {
    for (int j = 0; used != null && j < used.size(); j++) {
      if (!known.contains(used.get(j))) {
        at.in("layers").in(j).add("must name a " + kind + ", one of " + known);
      }
    }
  }

  private List<String> names(Class<? extends LayerSpec> kind) {
    var names = new ArrayList<String>();
    for (Graph.Vertex layer : model.graph().order()) {
      if (kind.isInstance(layer.spec())) {
        names.add(layer.name());
      }
    }
    return names;
  }

  private void checkWeights(StateDict weights) {
    try (var engine = Engine.create(1)) {
      engine.executor(model, 1, 1, true, Purpose.TRAINING).load(weights);
    } catch (InvalidSpecException e) {
      e.mistakes()
          .forEach(m -> mistakes.in("model").add(m.pointer().substring(1) + " " + m.detail()));
    }
  }

  /**
   * Checks that every target given as a multiple of the baseline has a baseline to multiply. A
   * layer whose input is silent with the initial weights causes no synops, and a target of 0 can be
   * neither divided by nor trained towards.
   *
   * @param baseline synops per sample of each parameter layer with the initial weights
   */
  static void checkBaseline(List<LossTerm> loss, Map<String, Double> baseline, Mistakes mistakes) {
    for (int i = 0; i < loss.size(); i++) {
      if (!(loss.get(i) instanceof LossTerm.Synops term)
          || term.target().baselineMultiple() == null) {
        continue;
      }
      var at = mistakes.in("loss").in(i).in("target").in("baseline_multiple");
      var counted = new LinkedHashMap<>(baseline);
      if (term.layers() != null) {
        counted.keySet().retainAll(term.layers());
      }
      switch (term.scope()) {
        case LAYER -> counted.forEach((name, synops) -> checkBaseline(List.of(name), synops, at));
        case MODEL ->
            checkBaseline(
                List.copyOf(counted.keySet()),
                counted.values().stream().mapToDouble(Double::doubleValue).sum(),
                at);
      }
    }
  }

  private static void checkBaseline(List<String> layers, double synops, Mistakes at) {
    String cause =
        layers.size() == 1
            ? "layer " + layers.getFirst() + " causes "
            : "layers " + String.join(", ", layers) + " together cause ";
    if (synops == 0) {
      at.add(
          "requires a baseline above 0: "
              + cause
              + "0 synops with the initial weights, because no spike arrives there. Give a target"
              + " value, leave silent layers out of `layers`, or start from weights that fire");
    } else if (!Double.isFinite(synops)) {
      at.add(
          "requires a finite baseline: "
              + cause
              + synops
              + " synops with the initial weights. Start from smaller weights or inputs");
    }
  }

  static boolean hasTargetToCheck(TrainingSpec spec) {
    return spec.loss().stream().anyMatch(LossTerm.Synops.class::isInstance);
  }

  /**
   * Reports multiples of a baseline that is 0 or not finite, and targets that no training can
   * reach.
   */
  void checkTargets(Statistics baseline) {
    var synops = Baseline.synopsByLayer(baseline);
    checkBaseline(spec.loss(), synops, mistakes);
    checkReachable(synops);
  }

  /**
   * Reports targets below the synops that the raw input alone causes, which training cannot reduce.
   */
  private void checkReachable(Map<String, Double> synops) {
    Graph graph = model.graph();
    graph.order().stream()
        .filter(layer -> layer.spec() instanceof SynapticSpec)
        .filter(layer -> !graph.isBehind(layer.index(), SpecCheck::changesSynops))
        .map(Graph.Vertex::name)
        .forEach(first -> checkReachable(first, synops));
  }

  private static boolean changesSynops(LayerSpec layer) {
    return layer instanceof SynapticSpec
        || layer instanceof NeuronSpec.Spiking
        || layer instanceof NormSpec;
  }

  private void checkReachable(String first, Map<String, Double> synops) {
    double raw = Objects.requireNonNull(synops.get(first));
    for (int i = 0; i < spec.loss().size(); i++) {
      if (!(spec.loss().get(i) instanceof LossTerm.Synops term)
          || term.layers() != null && !term.layers().contains(first)) {
        continue;
      }
      boolean perLayer = term.scope() == LossTerm.Scope.LAYER;
      Double multiple = term.target().baselineMultiple();
      double measured =
          synops.entrySet().stream()
              .filter(
                  e ->
                      perLayer
                          ? e.getKey().equals(first)
                          : term.layers() == null || term.layers().contains(e.getKey()))
              .mapToDouble(e -> Objects.requireNonNull(e.getValue()))
              .sum();
      double perUnit = perUnit(term.unit());
      double target =
          multiple == null
              ? Objects.requireNonNull(term.target().value()) / perUnit
              : multiple * measured;
      if (target < raw) {
        mistakes
            .in("loss")
            .in(i)
            .in("target")
            .add(
                String.format(
                    Locale.ROOT,
                    "cannot be reached: it is %.0f synops per sample, but the raw input alone"
                        + " causes %.0f in layer %s, whatever the weights: use a higher target",
                    target,
                    raw,
                    first));
      }
    }
  }

  private double perUnit(LossTerm.Unit unit) {
    return switch (unit) {
      case PER_SAMPLE -> 1;
      case PER_TIMESTEP -> 1.0 / spec.timeSteps();
      case PER_SECOND -> 1.0 / spec.timeSteps() / Objects.requireNonNull(spec.dt());
    };
  }
}
