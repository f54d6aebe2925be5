package dev.spikewise.snn.transform;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Converts a network of ReLUs to the corresponding spiking network: merges batch norms, normalises
 * and rescales the weights, and replaces ReLUs and NeuromorphicReLUs by spiking neurons.
 */
public final class SpikingTwin {

  private final TrainedModel merged;
  private final ConversionSpec how;

  /** Outputs of the layers for the samples of the normalisation. */
  public interface Activity {

    /** Percentile of the outputs after the first {@code layers} layers of a chain. */
    double percentile(int layers);
  }

  /**
   * @throws InvalidSpecException when there is no ReLU, or a batch norm cannot be merged
   */
  public SpikingTwin(TrainedModel model, ConversionSpec how) {
    this.how = how;
    merged = model.merged();
    if (merged.spec().layers().stream().noneMatch(RectifierSpec.class::isInstance)) {
      throw new InvalidSpecException(
          "/layers", "have no ReLU or NeuromorphicReLU that could become a spiking neuron");
    }
  }

  /** The original network without dropout and batch norms. */
  public TrainedModel merged() {
    return merged;
  }

  /**
   * * Builds the spiking network.
   *
   * @param activity activity of {@link #merged}; null without normalisation
   * @throws InvalidSpecException when a layer to be normalised is never active
   */
  public TrainedModel build(@Nullable Activity activity) {
    TrainedModel ann = activity == null ? merged : normalized(activity);
    var rewrite = new Rewrite(ann.spec());
    Graph graph = rewrite.graph();
    var tensors = new LinkedHashMap<>(ann.weights().tensors());
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
    var twin = rewrite.build(how.name() == null ? merged.spec().name() : how.name(), tensors);
    return how.addSpikingOutput() && !(graph.output().spec() instanceof RectifierSpec)
        ? withOutput(twin)
        : twin;
  }

  /** Adds spiking neurons after the output. */
  private TrainedModel withOutput(TrainedModel twin) {
    ModelSpec spec = twin.spec();
    Graph graph = spec.graph();
    var nodes = new ArrayList<>(spec.nodes());
    boolean last = graph.output().index() == nodes.size() - 1;
    nodes.add(new Node(null, last ? null : List.of(graph.output().name()), how.neuron()));
    return new TrainedModel(
        new ModelSpec(spec.name(), spec.inputShape(), nodes, null), twin.weights());
  }

  /**
   * Normalises with L, the percentile of the activations of each layer: {@code w' = w L(before) /
   * L, b' = b / L}. Layers after the last ReLU keep their output, or are scaled too when spiking
   * neurons are added to the output.
   */
  private TrainedModel normalized(Activity activity) {
    ModelSpec spec = merged.spec();
    Graph graph = spec.graph();
    if (graph.layers().stream().anyMatch(layer -> layer.spec() instanceof JoinSpec)) {
      throw new InvalidSpecException(
          "/normalize",
          "is not supported for models with Add or Concat, whose inputs would need one common"
              + " scale: leave it out");
    }
    var tensors = new LinkedHashMap<>(merged.weights().tensors());
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
          // For two layers with weights without a ReLU between them, the second absorbs the
          // remaining scale.
          scale(tensors, synaptic + ".weight", before);
          before = 1;
        }
        synaptic = vertex.name();
      }
      if (synaptic != null && (layer instanceof RectifierSpec || last)) {
        boolean spikes = layer instanceof RectifierSpec || how.addSpikingOutput();
        double now = spikes ? activity.percentile(i + 1) : 1;
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
}
