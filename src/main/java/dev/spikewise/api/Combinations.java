package dev.spikewise.api;

import dev.spikewise.compute.Compute;
import dev.spikewise.job.Variant;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyConverter;
import java.util.IdentityHashMap;
import java.util.function.IntFunction;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Builds the jobs of a sweep and checks each as if it had been submitted on its own. */
@Component
final class Combinations {

  /** Maximum total size of a sweep's variants, in multiples of the maximum size of one document. */
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
          ObjectNode common = json.valueToTree(sweep.job());
          long bytes = json.writeValueAsBytes(common).length;
          checkLength(sweep.combinations(), bytes);
          run.reserve(BodyConverter.PARSED * bytes);
          return combination -> compute.run(_ -> job(sweep, common.deepCopy(), combination));
        });
  }

  /** Limits the total size, because every variant is parsed and checked as a whole document. */
  private void checkLength(int combinations, long bytes) {
    long most = MAX_DOCUMENTS * limits.documentSize().toBytes();
    if (combinations * bytes > most) {
      throw new InvalidSpecException(
          "/job",
          "must be shorter or have fewer variants: %d variants of %d bytes each take %d bytes, more than the %d that a sweep may take (%d times spikewise.limits.document-size)"
              .formatted(combinations, bytes, combinations * bytes, most, MAX_DOCUMENTS));
    }
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
    TrainingSpec job = bodies.bind(tree, json.constructType(TrainingSpec.class));
    if (sweep.halving() != null) {
      var mistakes = new Mistakes();
      sweep.halving().check(job, mistakes);
      mistakes.throwIfAny();
    }
    return job;
  }
}
