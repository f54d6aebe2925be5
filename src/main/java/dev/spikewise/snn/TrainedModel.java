package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A definition and weights that fit it, and what can be made of them without training. */
public record TrainedModel(ModelSpec spec, StateDict weights) {

  /**
   * The same network as it is used: without dropout, and with each batch norm in the weights of the
   * layer before it. In a sequence without names, layers move up and get the names of their new
   * places.
   *
   * @throws InvalidSpecException naming a batch norm with no weights right before it
   */
  public TrainedModel merged() {
    var rewrite = new Rewrite(spec);
    return rewrite.build(spec.name(), merge(rewrite));
  }

  /** Leaves out what has no effect when the network is used; weights keep their names. */
  Map<String, Tensor> merge(Rewrite rewrite) {
    var tensors = new LinkedHashMap<>(weights.tensors());
    for (Graph.Vertex vertex : rewrite.graph().order()) {
      int i = vertex.index();
      switch (vertex.spec()) {
        case DropoutSpec _ -> rewrite.leaveOut(i);
        case NormSpec.Batch norm -> {
          int into = rewrite.source(i);
          LayerSpec before = into == Graph.INPUT_INDEX ? null : rewrite.layer(into);
          if (!norm.mergesInto(before) || !rewrite.isOnlyReader(i, into)) {
            throw new InvalidSpecException(
                "/layers/" + i,
                "a "
                    + norm.typeName()
                    + " can be merged only into "
                    + norm.mergeable()
                    + ", which must stand right before it and be read by it alone");
          }
          rewrite.replace(into, ((SynapticSpec) Objects.requireNonNull(before)).withBias());
          merge(norm, vertex.name(), rewrite.graph().layer(into).name(), tensors);
          rewrite.leaveOut(i);
        }
        default -> {}
      }
    }
    return tensors;
  }

  /** Puts layer {@code i} into the convolution {@code into}: w' = s w, b' = s (b - mean) + bias. */
  private void merge(NormSpec.Batch norm, String i, String into, Map<String, Tensor> tensors) {
    Tensor weight = Objects.requireNonNull(tensors.get(into + ".weight"));
    float[] mean = tensor(i + ".running_mean").data();
    float[] variance = tensor(i + ".running_var").data();
    int channels = mean.length;
    int perChannel = weight.data().length / channels;
    var scaled = weight.data().clone();
    var bias = new float[channels];
    Tensor before = tensors.get(into + ".bias");
    for (int c = 0; c < channels; c++) {
      double gain = norm.affine() ? tensor(i + ".weight").data()[c] : 1;
      double scale = gain / Math.sqrt(variance[c] + norm.eps());
      double shift = norm.bias() ? tensor(i + ".bias").data()[c] : 0;
      bias[c] = (float) (scale * ((before == null ? 0 : before.data()[c]) - mean[c]) + shift);
      for (int k = c * perChannel; k < (c + 1) * perChannel; k++) {
        scaled[k] = (float) (scaled[k] * scale);
      }
    }
    tensors.put(into + ".weight", new Tensor(weight.shape(), scaled));
    tensors.put(into + ".bias", new Tensor(new int[] {channels}, bias));
  }

  /**
   * The spiking twin of a network of ReLUs: merged, normalised, rescaled, and with neurons in place
   * of ReLUs and NeuromorphicReLUs.
   *
   * @param dataset the one that the normalisation names, null without one
   * @throws InvalidSpecException where there is no ReLU, or none of them is ever active
   */
  public TrainedModel spiking(ConversionSpec how, @Nullable Dataset dataset, Engine engine) {
    TrainedModel ann = merged();
    if (ann.spec.layers().stream().noneMatch(RectifierSpec.class::isInstance)) {
      throw new InvalidSpecException(
          "/layers", "have no ReLU or NeuromorphicReLU that could become a spiking neuron");
    }
    if (how.normalize() != null) {
      ann =
          ann.normalized(
              new Activations(ann, how.normalize(), Objects.requireNonNull(dataset)),
              how.addSpikingOutput(),
              engine);
    }
    var rewrite = new Rewrite(ann.spec);
    Graph graph = rewrite.graph();
    var tensors = new LinkedHashMap<>(ann.weights.tensors());
    for (Graph.Vertex layer : graph.order()) {
      switch (layer.spec()) {
        case RectifierSpec _ -> rewrite.replace(layer.index(), how.neuron());
        case SynapticSpec _ -> {
          boolean first = !graph.isBehind(layer.index(), SynapticSpec.class::isInstance);
          scale(tensors, layer.name() + ".weight", first ? how.inputWeightRescaling() : 1);
          scale(tensors, layer.name() + ".bias", 1 / how.biasRescaling());
        }
        default -> {}
      }
    }
    var twin = rewrite.build(how.name() == null ? spec.name() : how.name(), tensors);
    return how.addSpikingOutput() && !(graph.output().spec() instanceof RectifierSpec)
        ? twin.withOutput(how.neuron())
        : twin;
  }

  /** With another layer behind the output. */
  private TrainedModel withOutput(LayerSpec layer) {
    Graph graph = spec.graph();
    var nodes = new ArrayList<>(spec.nodes());
    boolean last = graph.output().index() == nodes.size() - 1;
    nodes.add(new Node(null, last ? null : List.of(graph.output().name()), layer));
    return new TrainedModel(new ModelSpec(spec.name(), spec.inputShape(), nodes, null), weights);
  }

  /**
   * With the largest activation of each layer, L, before a ReLU: {@code w' = w L(before) / L, b' =
   * b / L}. What comes after the last ReLU gives what it gave, or is scaled too where it is to
   * spike.
   */
  private TrainedModel normalized(Activations activations, boolean output, Engine engine) {
    Graph graph = spec.graph();
    if (graph.layers().stream().anyMatch(layer -> layer.spec() instanceof JoinSpec)) {
      throw new InvalidSpecException(
          "/normalize",
          "is not supported for models with Add or Concat, whose inputs would need one common"
              + " scale: leave it out");
    }
    var tensors = new LinkedHashMap<>(weights.tensors());
    double before = 1;
    String synaptic = null;
    for (int i = 0; i < graph.order().size(); i++) {
      Graph.Vertex vertex = graph.order().get(i);
      boolean last = vertex == graph.output();
      LayerSpec layer = vertex.spec();
      if (layer instanceof NormSpec) {
        throw new InvalidSpecException(
            "/normalize",
            "is impossible with layer "
                + vertex.name()
                + ", a "
                + layer.typeName()
                + ": its output does not follow the scale of the weights before it; leave normalize"
                + " out");
      }
      if (layer instanceof SynapticSpec) {
        if (synaptic != null) {
          // Two layers of weights without a ReLU between them: the second takes what is left.
          scale(tensors, synaptic + ".weight", before);
          before = 1;
        }
        synaptic = vertex.name();
      }
      if (synaptic != null && (layer instanceof RectifierSpec || last)) {
        boolean spikes = layer instanceof RectifierSpec || output;
        double now = spikes ? activations.percentile(i + 1, engine) : 1;
        if (now <= 0) {
          throw new InvalidSpecException(
              "/normalize",
              "is impossible: layer " + vertex.name() + " is silent on these samples");
        }
        scale(tensors, synaptic + ".weight", before / now);
        scale(tensors, synaptic + ".bias", 1 / now);
        before = now;
        synaptic = null;
      }
    }
    return new TrainedModel(spec, new StateDict(tensors));
  }

  private static void scale(Map<String, Tensor> tensors, String name, double factor) {
    tensors.computeIfPresent(
        name,
        (_, tensor) -> {
          var scaled = new float[tensor.data().length];
          for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) (tensor.data()[i] * factor);
          }
          return new Tensor(tensor.shape(), scaled);
        });
  }

  private Tensor tensor(String name) {
    return Objects.requireNonNull(weights.tensors().get(name), name);
  }
}
