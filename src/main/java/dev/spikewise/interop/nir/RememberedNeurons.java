package dev.spikewise.interop.nir;

import dev.spikewise.interop.SpecJson;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.Comparator;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ObjectNode;

/**
 * Neurons described by a node's metadata, which are used only while they agree with the node's
 * fields.
 */
final class RememberedNeurons {

  private final NirDialect dialect;

  RememberedNeurons(NirDialect dialect) {
    this.dialect = dialect;
  }

  static boolean isSpiking(NirNode node) {
    return Set.of("IF", "LIF", "CubaLIF").contains(node.type());
  }

  /**
   * Whether a layer agrees with a node's fields.
   *
   * @param scale factor from the node's input to the layer's input
   */
  private boolean says(NirNode node, NeuronSpec kept, float scale) {
    try {
      NeuronSpec layer =
          scale != 1 && kept instanceof NeuronSpec.Spiking spiking
              ? Potentials.scaled(spiking, 1 / scale)
              : kept;
      int[] dims =
          node.fields().values().stream()
              .map(Tensor::shape)
              .max(Comparator.comparingInt(shape -> shape.length))
              .orElse(new int[] {1});
      NirNode written =
          dialect.write(node.path(), layer, Shape.of(dims.length == 0 ? new int[] {1} : dims));
      return written.type().equals(node.type())
          && written.fields().entrySet().stream()
              .allMatch(f -> isNear(f.getValue().data(), node.tensor(f.getKey()).data()));
    } catch (InvalidSpecException e) {
      return false;
    }
  }

  private static boolean isNear(float[] written, float[] found) {
    if (written.length == 0 || found.length == 0) {
      return false;
    }
    for (int i = 0; i < Math.max(written.length, found.length); i++) {
      float value = found[found.length == 1 ? 0 : i % found.length];
      if (!(Math.abs(written[i % written.length] - value) <= 1e-5 * Math.abs(value))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Neurons described by the metadata, with lists of constants from the node's fields; null when
   * there are none or they disagree with the fields.
   *
   * @param fromFields neurons according to the fields alone
   * @param scale factor from the node's input to the layer's input
   */
  @Nullable LayerSpec neurons(NirNode node, Supplier<LayerSpec> fromFields, float scale) {
    ObjectNode json = NodeLayers.json(node);
    if (json == null) {
      return null;
    }
    try {
      boolean recurrent = node.wayBack() != null;
      ObjectNode said = null;
      for (String constant : PerNeuron.CONSTANTS) {
        boolean wanted =
            switch (constant) {
              case "spike_threshold" -> isSpiking(node);
              case "tau_syn" -> node.type().startsWith("Cuba");
              default -> !Set.of("IF", "I").contains(node.type());
            };
        if (wanted && !json.has(constant)) {
          said = said == null ? SpecJson.json(fromFields.get()) : said;
          if (said.has(constant)) {
            json.set(constant, said.get(constant));
          }
        }
      }
      LayerSpec layer = SpecJson.layer(json);
      return layer instanceof NeuronSpec.Recurrent == recurrent
              && layer instanceof NeuronSpec neurons
              && says(node, neurons, scale)
          ? layer
          : null;
    } catch (JacksonException | IllegalArgumentException | InvalidSpecException e) {
      return null;
    }
  }
}
