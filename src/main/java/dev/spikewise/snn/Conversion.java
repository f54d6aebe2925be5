package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.transform.SpikingTwin;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ConversionSpec;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Converts networks of ReLUs, whose activations it measures where they are to be normalised. */
public final class Conversion {

  private Conversion() {}

  /**
   * The spiking twin of a model.
   *
   * @param dataset the one that the normalisation names, null without one
   * @throws InvalidSpecException where there is no ReLU, or none of them is ever active
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
