package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.transform.SpikingTwin;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ConversionSpec;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Converts networks of ReLUs to spiking networks, and measures their activations for the
 * normalisation.
 */
public final class Conversion {

  private Conversion() {}

  /**
   * Returns the spiking network that corresponds to a model.
   *
   * @param dataset data set of the normalisation; null without normalisation
   * @throws InvalidSpecException when the model has no ReLU, or a layer is never active
   */
  public static TrainedModel spiking(
      TrainedModel model, ConversionSpec how, @Nullable Dataset dataset, Engine engine) {
    var twin = new SpikingTwin(model, how);
    if (how.normalize() == null) {
      return twin.build(null);
    }
    var activations =
        new Activations(twin.merged(), how.normalize(), Objects.requireNonNull(dataset));
    return twin.build(layers -> activations.percentile(layers, engine));
  }
}
