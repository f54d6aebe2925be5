package dev.spikewise.api;

import dev.spikewise.compute.Compute;
import dev.spikewise.job.Variant;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyConverter;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Builds the jobs of sweeps and searches, and checks each as if it had been submitted alone. */
@Component
final class Combinations {

  /** Maximum total size of the checked jobs, in multiples of the maximum size of one document. */
  private static final int MAX_DOCUMENTS = 32;

  private final Compute compute;
  private final JsonMapper json;
  private final BodyConverter bodies;
  private final Limits limits;

  Combinations(Compute compute, JsonMapper json, BodyConverter bodies, Limits limits) {
    this.compute = compute;
    this.json = json;
    this.bodies = bodies;
    this.limits = limits;
  }

  /**
   * Performs the checks that need no variant.
   *
   * @return builds the job of a variant from its number
   * @throws InvalidSpecException when the variants together are too large
   */
  IntFunction<TrainingSpec> of(SweepSpec sweep) {
    return compute.run(
        run -> {
          checkValues(sweep);
          var common =
              common(
                  sweep.job(),
                  sweep.combinations(),
                  run,
                  "must be shorter or have fewer variants: %d variants of %d bytes each take %d bytes, more than the %d that a sweep may take (%d times spikewise.limits.document-size)");
          return combination -> compute.run(_ -> job(sweep, common.deepCopy(), combination));
        });
  }

  /**
   * Returns what builds the job of a search from its values.
   *
   * @throws InvalidSpecException when the jobs with the ends of all ranges are too large together
   */
  Function<Map<String, @Nullable Object>, TrainingSpec> of(SearchSpec search) {
    return compute.run(
        run -> {
          int ends =
              search.over().values().stream().mapToInt(range -> range.ends().size()).sum() + 1;
          var common =
              common(
                  search.job(),
                  ends,
                  run,
                  "must be shorter or have fewer values: the ends of all ranges are %1$d jobs of %2$d bytes each, which take more than the %4$d bytes that a search may check (%5$d times spikewise.limits.document-size)");
          return values ->
              compute.run(
                  _ -> {
                    var tree = common.deepCopy();
                    Variant.apply(tree, values, json::valueToTree);
                    return bind(tree);
                  });
        });
  }

  /**
   * The document that all jobs share. Its size times their number is limited, because every job is
   * parsed and checked as a whole document.
   *
   * @param tooLarge problem message for the number, the size of each, their sum, its limit and
   *     {@link #MAX_DOCUMENTS}
   */
  private ObjectNode common(TrainingSpec job, int jobs, Compute.Run run, String tooLarge) {
    ObjectNode common = json.valueToTree(job);
    long bytes = json.writeValueAsBytes(common).length;
    long most = MAX_DOCUMENTS * limits.documentSize().toBytes();
    if (jobs * bytes > most) {
      throw new InvalidSpecException(
          "/job", tooLarge.formatted(jobs, bytes, jobs * bytes, most, MAX_DOCUMENTS));
    }
    run.reserve(BodyConverter.PARSED * bytes);
    return common;
  }

  private TrainingSpec bind(ObjectNode tree) {
    return bodies.bind(tree, json.constructType(TrainingSpec.class));
  }

  /**
   * Limits the total size of the values, because the sweep's response repeats the values of every
   * variant.
   */
  private void checkValues(SweepSpec sweep) {
    var lengths = new IdentityHashMap<Object, Integer>();
    long most = limits.documentSize().toBytes();
    long sum = 0;
    for (int i = 0; i < sweep.combinations() && sum <= most; i++) {
      for (var value : sweep.values(i).values()) {
        if (value != null) {
          sum += lengths.computeIfAbsent(value, v -> json.writeValueAsString(v).length());
        }
      }
    }
    if (sum > most) {
      throw new InvalidSpecException(
          "/over",
          "must be shorter: the values of all %d variants together must take at most %d bytes (spikewise.limits.document-size)"
              .formatted(sweep.combinations(), most));
    }
  }

  private TrainingSpec job(SweepSpec sweep, ObjectNode tree, int combination) {
    Variant.apply(tree, sweep, combination, json::valueToTree);
    TrainingSpec job = bind(tree);
    if (sweep.halving() != null) {
      var mistakes = new Mistakes();
      sweep.halving().check(job, mistakes);
      mistakes.throwIfAny();
    }
    return job;
  }
}
