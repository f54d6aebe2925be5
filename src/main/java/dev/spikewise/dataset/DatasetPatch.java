package dev.spikewise.dataset;

import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Labelled;
import dev.spikewise.spec.TrainingSpec;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Properties of a data set that can be changed.
 *
 * @param name Display name of the data set.
 * @param labels Labels of the data set, key to value.
 */
public record DatasetPatch(String name, Map<String, String> labels) implements Checked, Labelled {

  public DatasetPatch(@Nullable String name, @Nullable Map<String, String> labels) {
    this.name = name == null ? "" : name;
    this.labels = labels == null ? Map.of() : labels;
  }

  @Override
  public void check(Mistakes mistakes) {
    mistakes.require(!name.isBlank(), "name", "must not be empty");
    TrainingSpec.checkNaming(name, labels, mistakes);
  }
}
