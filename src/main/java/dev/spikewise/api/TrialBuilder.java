package dev.spikewise.api;

import dev.spikewise.compute.Compute;
import dev.spikewise.job.Variant;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyConverter;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Builds the job of a search with given values, and checks it as if it had been submitted. */
@Component
final class TrialBuilder {

  /** Maximum total size of the checked jobs, in multiples of the maximum size of one document. */
  private static final int MAX_DOCUMENTS = 32;

  private final Compute compute;
  private final JsonMapper json;
  private final BodyConverter bodies;
  private final Limits limits;

  TrialBuilder(Compute compute, JsonMapper json, BodyConverter bodies, Limits limits) {
    this.compute = compute;
    this.json = json;
    this.bodies = bodies;
    this.limits = limits;
  }

  /**
   * @return builds a job from its values
   * @throws InvalidSpecException when the jobs with the ends of all ranges are too large together
   */
  Function<Map<String, @Nullable Object>, TrainingSpec> of(SearchSpec search) {
    return compute.run(
        run -> {
          ObjectNode common = json.valueToTree(search.job());
          long bytes = json.writeValueAsBytes(common).length;
          int ends =
              search.over().values().stream().mapToInt(range -> range.ends().size()).sum() + 1;
          long most = MAX_DOCUMENTS * limits.documentSize().toBytes();
          if (ends * bytes > most) {
            throw new InvalidSpecException(
                "/job",
                "must be shorter or have fewer values: the ends of all ranges are %d jobs of %d bytes each, which take more than the %d bytes that a search may check (%d times spikewise.limits.document-size)"
                    .formatted(ends, bytes, most, MAX_DOCUMENTS));
          }
          run.reserve(BodyConverter.PARSED * bytes);
          return values -> compute.run(_ -> job(common.deepCopy(), values));
        });
  }

  private TrainingSpec job(ObjectNode tree, Map<String, @Nullable Object> values) {
    Variant.apply(tree, values, json::valueToTree);
    return bodies.bind(tree, json.constructType(TrainingSpec.class));
  }
}
