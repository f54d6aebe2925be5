package dev.spikewise.model;

import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Labelled;
import dev.spikewise.spec.TrainingSpec;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Properties of a model that can be changed.
 *
 * @param name Display name of the model; null when it has none.
 * @param labels Labels of the model, key to value.
 */
public record ModelPatch(@Nullable String name, Map<String, String> labels)
    implements Checked, Labelled {

  public static final ModelPatch NONE = new ModelPatch(null, Map.of());

  public ModelPatch {
    labels = labels == null ? Map.of() : labels;
  }

  @Override
  public void check(Mistakes mistakes) {
    TrainingSpec.checkNaming(name, labels, mistakes);
  }
}
