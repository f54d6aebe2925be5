package dev.spikewise.snn;

import dev.spikewise.spec.InvalidSpecException;
import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A definition and weights that fit it, and what can be made of them without training. */
public record TrainedModel(ModelSpec spec, StateDict weights) {

  /**
   * The same network as it is used: without dropout, and with each BatchNorm2d in the weights of
   * the Conv2d before it. Layers move up and get the names of their new places.
   *
   * @throws InvalidSpecException naming a BatchNorm2d with no Conv2d right before it
   */
  public TrainedModel merged() {
    List<Shape> shapes = spec.shapes();
    var layers = new ArrayList<LayerSpec>();
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < spec.layers().size(); i++) {
      switch (spec.layers().get(i)) {
        case LayerSpec.Silencing _ -> {}
        case LayerSpec.BatchNorm2d norm -> {
          if (layers.isEmpty() || !(layers.getLast() instanceof LayerSpec.Conv2d conv)) {
            throw new InvalidSpecException(
                "/layers/" + i,
                "a BatchNorm2d can be merged only into a Conv2d, which must stand right before it");
          }
          layers.set(
              layers.size() - 1,
              new LayerSpec.Conv2d(
                  conv.inChannels(),
                  conv.outChannels(),
                  conv.kernelSize(),
                  conv.stride(),
                  conv.padding(),
                  conv.dilation(),
                  conv.groups(),
                  true));
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
        new ModelSpec(spec.name(), spec.inputShape(), layers), new StateDict(tensors));
  }

  /** Puts layer {@code i} into the convolution {@code into}: w' = s w, b' = s (b - mean) + bias. */
  private void merge(LayerSpec.BatchNorm2d norm, int i, int into, Map<String, Tensor> tensors) {
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

  private Tensor tensor(String name) {
    return Objects.requireNonNull(weights.tensors().get(name), name);
  }
}
