package dev.spikewise.job;

import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Labelled;
import dev.spikewise.spec.TrainingSpec;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Properties of a job that can be changed at any time.
 *
 * @param name Display name of the job; null when it has none.
 * @param labels Labels of the job, key to value.
 * @param priority Priority among the tenant's jobs, -1000 to 1000; larger values run first.
 */
public record JobPatch(@Nullable String name, Map<String, String> labels, Integer priority)
    implements Checked, Labelled {

  public JobPatch {
    labels = labels == null ? Map.of() : labels;
    priority = priority == null ? 0 : priority;
  }

  @Override
  public void check(Mistakes mistakes) {
    TrainingSpec.checkNaming(name, labels, mistakes);
    mistakes.between(priority, -1000, 1000, "priority");
  }
}
