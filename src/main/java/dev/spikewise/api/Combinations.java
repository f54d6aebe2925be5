package dev.spikewise.api;

import dev.spikewise.job.Variant;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyConverter;
import java.util.ArrayList;
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

  Combinations(JsonMapper json, BodyConverter bodies) {
    this.json = json;
    this.bodies = bodies;
  }

  /**
   * @throws InvalidSpecException with the mistakes of all of them
   */
  List<TrainingSpec> of(SweepSpec sweep) {
    var jobs = new ArrayList<TrainingSpec>();
    var mistakes = new LinkedHashSet<Mistake>();
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
