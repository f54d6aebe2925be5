package dev.spikewise.job;

import dev.spikewise.dataset.LocalDatasets;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Baseline;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.spec.TrainingSpec;
import java.nio.file.Path;
import java.util.Map;

/** Job operations that need no database, for commands that run without a server. */
public final class LocalJobs {

  private LocalJobs() {}

  /**
   * Performs the checks of a server's dry run except the server's limits, and runs the untrained
   * network once.
   *
   * @param files files of the data set by the name of their upload part; empty without a data set
   * @throws InvalidSpecException with all mistakes in the spec
   */
  public static Jobs.Estimate dryRun(TrainingSpec spec, Map<String, Path> files) {
    var dataset = check(spec, files);
    var model = spec.model().definition();
    try (var engine = Engine.create(Runtime.getRuntime().availableProcessors())) {
      var baseline = Baseline.measure(spec, model, null, dataset.samples(), engine);
      return Jobs.Estimate.of(
          spec,
          model,
          baseline,
          Inputs.samplesPerEpoch(spec, dataset.samples()),
          dataset.memoryBytes() + Trainer.estimateMemory(spec, model));
    }
  }

  /** The data set of a spec that can be trained. */
  static LocalDatasets.Local check(TrainingSpec spec, Map<String, Path> files) {
    var mistakes = new Mistakes();
    spec.check(mistakes);
    mistakes.throwIfAny();
    requireDefinition(spec);
    var dataset = LocalDatasets.resolve(spec.input(), files);
    Trainer.check(spec, spec.model().definition(), null, dataset.samples(), mistakes);
    mistakes.throwIfAny();
    return dataset;
  }

  private static void requireDefinition(TrainingSpec spec) {
    if (spec.distillation() != null) {
      throw new InvalidSpecException(
          "/loss/" + spec.distillation() + "/teacher",
          "refers to a network on a server: name the server with --server.");
    }
    if (!spec.model().isDefinition()) {
      throw new InvalidSpecException(
          spec.model().id() == null ? "/model/job" : "/model/id",
          "refers to a model on a server: name the server with --server, or give the definition of"
              + " the model.");
    }
  }
}
