package dev.spikewise.model;

import dev.spikewise.snn.Effort;
import dev.spikewise.snn.Trainer;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
   * @param inputs Names of the layers whose output it reads, "input" for the model's input.
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
      List<String> inputs,
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
              vertex.inputs().stream().map(model.graph()::name).toList(),
              output.dims(),
              trainable(layer, vertex.inputShape()),
              layer instanceof NeuronSpec.Spiking ? output.size() : 0,
              layer instanceof SynapticSpec synaptic
                  ? Effort.fanOut(synaptic, vertex.inputShape(), output)
                  : null));
    }
    return new ModelSummary(
        layers,
        layers.stream().mapToLong(Layer::parameters).sum(),
        layers.stream().mapToLong(Layer::neurons).sum(),
        Trainer.estimateMemory(model, 1, 10));
  }

  private static long trainable(LayerSpec layer, Shape input) {
    var parameters = new LinkedHashMap<>(layer.parameters(input));
    if (layer instanceof NeuronSpec neurons && !neurons.trainConstants()) {
      parameters.keySet().removeAll(neurons.timeConstants().keySet());
    }
    return parameters.values().stream().mapToLong(Shape::size).sum();
  }
}
