package dev.spikewise.api;

import dev.spikewise.job.Variant;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyConverter;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The jobs that a sweep stands for, each checked as if it had been sent by itself. */
@Component
final class Combinations {

  private final JsonMapper json;
  private final BodyConverter bodies;
  private final Limits limits;

  Combinations(JsonMapper json, BodyConverter bodies, Limits limits) {
    this.json = json;
    this.bodies = bodies;
    this.limits = limits;
  }

  /**
   * @throws InvalidSpecException with the mistakes of all of them
   */
  List<TrainingSpec> of(SweepSpec sweep) {
    var jobs = new ArrayList<TrainingSpec>();
    var mistakes = new LinkedHashSet<Mistake>();
    checkValues(sweep);
    for (int i = 0; i < sweep.combinations(); i++) {
      int combination = i;
      try {
        jobs.add(job(sweep, i));
      } catch (InvalidSpecException e) {
        e.mistakes().forEach(mistake -> mistakes.add(sweep.blame(combination, mistake)));
      }
    }
    if (!mistakes.isEmpty()) {
      throw new InvalidSpecException(List.copyOf(mistakes));
    }
    return jobs;
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

  private TrainingSpec job(SweepSpec sweep, int combination) {
    ObjectNode tree = json.valueToTree(sweep.job());
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
