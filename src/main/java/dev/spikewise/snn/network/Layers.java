package dev.spikewise.snn.network;

import dev.spikewise.snn.graph.Plan;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.layer.BatchNorm;
import dev.spikewise.snn.layer.Dropout;
import dev.spikewise.snn.layer.Extent;
import dev.spikewise.snn.layer.FrameNorm;
import dev.spikewise.snn.layer.Join;
import dev.spikewise.snn.layer.Layer;
import dev.spikewise.snn.layer.MaxPool;
import dev.spikewise.snn.layer.Neurons;
import dev.spikewise.snn.layer.Pool;
import dev.spikewise.snn.layer.Rearrangement;
import dev.spikewise.snn.layer.Rectifier;
import dev.spikewise.snn.layer.Signal;
import dev.spikewise.snn.layer.SpikingMaxPool;
import dev.spikewise.snn.layer.Synapses;
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
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Builds the layers of a plan. Only this class maps layer specifications to layer classes. */
final class Layers {

  private final Plan plan;
  private final Map<Plan.Value, Signal> signals;
  private final int timeSteps;
  private final long[] sampleSeeds;
  private final Kernels kernels;
  private final Extent extent;
  private final List<Layer> layers = new ArrayList<>();

  /**
   * @param sampleSeeds seed of each sample in a batch
   */
  Layers(
      Plan plan,
      Map<Plan.Value, Signal> signals,
      int timeSteps,
      long[] sampleSeeds,
      Kernels kernels) {
    this.plan = plan;
    this.signals = signals;
    this.timeSteps = timeSteps;
    this.sampleSeeds = sampleSeeds;
    this.kernels = kernels;
    extent = new Extent(sampleSeeds.length, plan.kept(), plan.block(), timeSteps);
    for (Plan.Step step : plan.steps()) {
      layers.add(layer(step));
    }
  }

  /** Layers in the order of computation. */
  List<Layer> all() {
    return List.copyOf(layers);
  }

  private Signal signal(Plan.Value value) {
    return Objects.requireNonNull(signals.get(value));
  }

  private Layer layer(Plan.Step step) {
    String name = step.layer().name();
    long salt = step.layer().index();
    var ins = step.inputs().stream().map(this::signal).toList();
    Signal in = ins.getFirst();
    Signal out = signal(step.output());
    return switch (step.layer().spec()) {
      case SynapticSpec s -> synapses(step, s, in, out);
      case PoolSpec p -> pool(name, p, in, out);
      case ReducedPoolSpec p -> pool(name, p.asPool2d(step.layer().inputShape()), in, out);
      case NeuronSpec n ->
          new Neurons(name, n, step.layer().shape(), step.pool(), in, out, extent, kernels);
      case RectifierSpec r ->
          new Rectifier(name, r, salt, in, out, sampleSeeds, extent, kernels.parallel());
      case NormSpec.Batch n ->
          new BatchNorm(
              name,
              n,
              step.layer().inputShape(),
              in,
              out,
              sampleSeeds.length,
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

  private Layer pool(String name, PoolSpec spec, Signal in, Signal out) {
    return switch (spec) {
      case PoolSpec.SpikingMaxPooling2dLayer p ->
          new SpikingMaxPool(name, p, in, out, plan.kept(), kernels.parallel());
      case PoolSpec.MaxPool2d p -> new MaxPool(name, p, in, out, plan.kept(), kernels.parallel());
      case PoolSpec.SumPool2d _, PoolSpec.AvgPool2d _ -> new Pool(name, spec, in, out, kernels);
    };
  }

  private Synapses synapses(Plan.Step step, SynapticSpec spec, Signal in, Signal out) {
    Plan.Value input = step.inputs().getFirst();
    return new Synapses(
        step.layer().name(),
        spec,
        step.layer().inputShape(),
        new Synapses.Place(
            step.layer().spikesPerUnit(), !input.needsGradient(), skipsSilent(input)),
        in,
        out,
        extent,
        kernels);
  }

  /** Whether the layer that computes a value ignores dL/dvalue where the value is 0. */
  private boolean skipsSilent(Plan.Value value) {
    // A gradient that is summed with others must be complete.
    if (value.producer() == null || value.isShared()) {
      return false;
    }
    return layers.get(plan.steps().indexOf(value.producer())).skipsSilent();
  }
}
