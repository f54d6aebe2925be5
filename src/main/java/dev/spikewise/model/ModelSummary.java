package dev.spikewise.model;

import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a definition amounts to.
 *
 * @param parameters numbers that training changes
 * @param neurons spiking neurons
 */
public record ModelSummary(List<Layer> layers, long parameters, long neurons) {

  /**
   * @param name index in the definition
   * @param outputShape of one sample at one time step
   * @param fanOut synapses that one input value away from the borders reaches; null for a layer without weights
   */
  public record Layer(
      String name, String type, List<Integer> outputShape, long parameters, long neurons, @Nullable Long fanOut) {}

  static ModelSummary of(ModelSpec model) {
    var shapes = model.shapes();
    var layers = new ArrayList<Layer>();
    for (int i = 0; i < model.layers().size(); i++) {
      var layer = model.layers().get(i);
      var output = shapes.get(i + 1);
      layers.add(
          new Layer(
              Integer.toString(i),
              layer.typeName(),
              output.dims(),
              parameters(layer, shapes.get(i)),
              layer instanceof LayerSpec.Spiking ? output.size() : 0,
              layer instanceof LayerSpec.Synaptic synaptic ? fanOut(synaptic, output) : null));
    }
    return new ModelSummary(
        layers,
        layers.stream().mapToLong(Layer::parameters).sum(),
        layers.stream().mapToLong(Layer::neurons).sum());
  }

  private static long parameters(LayerSpec layer, Shape input) {
    return switch (layer) {
      case LayerSpec.Conv2d conv -> {
        long window = (long) conv.kernelSize().h() * conv.kernelSize().w() * (input.dim(0) / conv.groups());
        yield conv.outChannels() * (window + (conv.bias() ? 1 : 0));
      }
      case LayerSpec.Linear linear -> (long) linear.outFeatures() * (input.size() + (linear.bias() ? 1 : 0));
      case LayerSpec.LIF lif -> lif.tauSyn() == null ? 1 : 2;
      case LayerSpec.IAF iaf -> iaf.tauSyn() == null ? 0 : 1;
      case LayerSpec.Pool pool -> 0;
      case LayerSpec.Flatten flatten -> 0;
      case LayerSpec.FlattenTime flatten -> 0;
      case LayerSpec.UnflattenTime unflatten -> 0;
    };
  }

  private static long fanOut(LayerSpec.Synaptic layer, Shape output) {
    return switch (layer) {
      case LayerSpec.Conv2d conv -> (long) output.dim(0) / conv.groups()
          * windows(conv.kernelSize().h(), conv.stride().h(), conv.dilation().h(), output.dim(1))
          * windows(conv.kernelSize().w(), conv.stride().w(), conv.dilation().w(), output.dim(2));
      case LayerSpec.Linear linear -> linear.outFeatures();
    };
  }

  /** Most windows along one axis that share an input position. */
  private static long windows(int kernel, int stride, int dilation, int outputs) {
    // Every step-th position of the kernel meets the input position at a multiple of the stride.
    int step = stride / gcd(stride, dilation);
    return Math.min(outputs, Math.ceilDiv(kernel, step));
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }
}
