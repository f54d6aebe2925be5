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

/** The jobs that a sweep stands for, each checked as if it had been sent by itself. */
@Component
final class Combinations {

  /** Documents of the maximum size that the variants of a sweep may take together. */
  private static final int DOCUMENTS = 32;

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
   * Checks what can be known before the variants are made.
   *
   * @return makes the job of a variant, given its number
   * @throws InvalidSpecException where the variants together are too long
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

  /** Every variant is read and checked as a whole document. */
  private void checkLength(int combinations, long bytes) {
    long most = DOCUMENTS * limits.documentSize().toBytes();
    if (combinations * bytes > most) {
      throw new InvalidSpecException(
          "/job",
          "must be shorter or have fewer variants: %d variants of %d bytes each take %d bytes, more than the %d that a sweep may take (%d times spikewise.limits.document-size)"
              .formatted(combinations, bytes, combinations * bytes, most, DOCUMENTS));
    }
  }

  /** Values are told of each variant: those of all together must not be longer than a document. */
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
