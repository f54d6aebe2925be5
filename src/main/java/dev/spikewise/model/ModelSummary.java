package dev.spikewise.model;

import dev.spikewise.snn.Trainer;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Size of a model.
 *
 * @param parameters Number of trainable parameters.
 * @param neurons Number of spiking neurons.
 * @param memoryBytes Memory of one training step of one sample over 10 time steps, in bytes.
 * @param layers Summary of each layer, in the order of the definition.
 */
public record ModelSummary(List<Layer> layers, long parameters, long neurons, long memoryBytes) {

  /**
   * Size of one layer.
   *
   * @param name Name given in the definition, or the index there.
   * @param outputShape Shape of the output for one sample at one time step.
   * @param fanOut Number of synapses that one input value away from the borders reaches; null for a
   *     layer without weights.
   * @param type Type of the layer as PyTorch and sinabs spell it.
   * @param parameters Number of trainable parameters.
   * @param neurons Number of spiking neurons.
   */
  public record Layer(
      String name,
      String type,
      List<Integer> outputShape,
      long parameters,
      long neurons,
      @Nullable Long fanOut) {}

  public static ModelSummary of(ModelSpec model) {
    var layers = new ArrayList<Layer>();
    for (Graph.Vertex vertex : model.graph().layers()) {
      var layer = vertex.spec();
      var output = vertex.shape();
      layers.add(
          new Layer(
              vertex.name(),
              layer.typeName(),
              output.dims(),
              layer.parameters(vertex.inputShape()).values().stream().mapToLong(Shape::size).sum(),
              layer instanceof NeuronSpec.Spiking ? output.size() : 0,
              layer instanceof SynapticSpec synaptic ? fanOut(synaptic, output) : null));
    }
    return new ModelSummary(
        layers,
        layers.stream().mapToLong(Layer::parameters).sum(),
        layers.stream().mapToLong(Layer::neurons).sum(),
        Trainer.estimateMemory(model, 1, 10));
  }

  private static long fanOut(SynapticSpec layer, Shape output) {
    return switch (layer) {
      case SynapticSpec.Conv2d conv ->
          (long) output.dim(0)
              / conv.groups()
              * windows(
                  conv.kernelSize().h(), conv.stride().h(), conv.dilation().h(), output.dim(1))
              * windows(
                  conv.kernelSize().w(), conv.stride().w(), conv.dilation().w(), output.dim(2));
      case SynapticSpec.Conv1d conv ->
          fanOut(conv.asConv2d(), Shape.of(output.dim(0), 1, output.dim(1)));
      case SynapticSpec.ConvTranspose2d conv ->
          (long) output.dim(0)
              / conv.groups()
              * Math.min(output.dim(1), conv.kernelSize().h())
              * Math.min(output.dim(2), conv.kernelSize().w());
      case SynapticSpec.Linear linear -> linear.outFeatures();
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
