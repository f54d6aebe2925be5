package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.DropoutSpec;
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
   * The same network as it is used: without dropout, and with each batch norm in the weights of
   * the layer before it. Layers move up and get the names of their new places.
   *
   * @throws InvalidSpecException naming a batch norm with no weights right before it
   */
  public TrainedModel merged() {
    List<Shape> shapes = spec.graph().plainShapes();
    var layers = new ArrayList<LayerSpec>();
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < spec.layers().size(); i++) {
      switch (spec.layers().get(i)) {
        case DropoutSpec _ -> {}
        case NormSpec.Batch norm -> {
          if (layers.isEmpty() || !norm.mergesInto(layers.getLast())) {
            throw new InvalidSpecException(
                "/layers/" + i,
                "a "
                    + norm.typeName()
                    + " can be merged only into "
                    + norm.mergeable()
                    + ", which must stand right before it");
          }
          layers.set(layers.size() - 1, ((SynapticSpec) layers.getLast()).withBias());
          merge(norm, i, layers.size() - 1, tensors);
        }
        case LayerSpec layer -> {
          for (String name : layer.parameters(shapes.get(i)).keySet()) {
            tensors.put(layers.size() + "." + name, tensor(i + "." + name));
          }
          layers.add(layer);
        }
      }
    }
    return new TrainedModel(
        ModelSpec.sequence(spec.name(), spec.inputShape(), layers), new StateDict(tensors));
  }

  /** Puts layer {@code i} into the convolution {@code into}: w' = s w, b' = s (b - mean) + bias. */
  private void merge(NormSpec.Batch norm, int i, int into, Map<String, Tensor> tensors) {
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
    var layers = new ArrayList<LayerSpec>();
    var tensors = new LinkedHashMap<>(ann.weights.tensors());
    double input = how.inputWeightRescaling();
    for (int i = 0; i < ann.spec.layers().size(); i++) {
      LayerSpec layer = ann.spec.layers().get(i);
      layers.add(layer instanceof RectifierSpec ? how.neuron() : layer);
      if (layer instanceof SynapticSpec) {
        scale(tensors, i + ".weight", input);
        scale(tensors, i + ".bias", 1 / how.biasRescaling());
        input = 1;
      }
    }
    if (how.addSpikingOutput() && !(ann.spec.layers().getLast() instanceof RectifierSpec)) {
      layers.add(how.neuron());
    }
    String name = how.name() == null ? spec.name() : how.name();
    return new TrainedModel(
        ModelSpec.sequence(name, spec.inputShape(), layers), new StateDict(tensors));
  }

  /**
   * With the largest activation of each layer, L, before a ReLU: {@code w' = w L(before) / L, b' =
   * b / L}. What comes after the last ReLU gives what it gave, or is scaled too where it is to
   * spike.
   */
  private TrainedModel normalized(Activations activations, boolean output, Engine engine) {
    var tensors = new LinkedHashMap<>(weights.tensors());
    double before = 1;
    int synaptic = -1;
    for (int i = 0; i < spec.layers().size(); i++) {
      boolean last = i == spec.layers().size() - 1;
      LayerSpec layer = spec.layers().get(i);
      if (layer instanceof NormSpec) {
        throw new InvalidSpecException(
            "/normalize",
            "is impossible with layer "
                + i
                + ", a "
                + layer.typeName()
                + ": its output does not follow the scale of the weights before it; leave normalize"
                + " out");
      }
      if (layer instanceof SynapticSpec) {
        if (synaptic >= 0) {
          // Two layers of weights without a ReLU between them: the second takes what is left.
          scale(tensors, synaptic + ".weight", before);
          before = 1;
        }
        synaptic = i;
      }
      if (synaptic >= 0 && (layer instanceof RectifierSpec || last)) {
        boolean spikes = layer instanceof RectifierSpec || output;
        double now = spikes ? activations.percentile(i + 1, engine) : 1;
        if (now <= 0) {
          throw new InvalidSpecException(
              "/normalize", "is impossible: layer " + i + " is silent on these samples");
        }
        scale(tensors, synaptic + ".weight", before / now);
        scale(tensors, synaptic + ".bias", 1 / now);
        before = now;
        synaptic = -1;
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
