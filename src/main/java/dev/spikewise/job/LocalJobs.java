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

/** What a process without a database can do with jobs. */
public final class LocalJobs {

  private LocalJobs() {}

  /**
   * Checks everything that a server's dry run checks except its own limits, and runs the untrained
   * network once.
   *
   * @param files of the data set, by the name of their part; empty for none
   * @throws InvalidSpecException with everything that keeps the spec from being trained
   */
  public static Jobs.Estimate dryRun(TrainingSpec spec, Map<String, Path> files) {
    var mistakes = new Mistakes();
    spec.check(mistakes);
    mistakes.throwIfAny();
    requireDefinition(spec);
    var model = spec.model().definition();
    var dataset = LocalDatasets.resolve(spec.input(), files);
    Trainer.check(spec, model, null, dataset.samples(), mistakes);
    mistakes.throwIfAny();
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

  private static void requireDefinition(TrainingSpec spec) {
    if (!spec.model().isDefinition()) {
      throw new InvalidSpecException(
          spec.model().id() == null ? "/model/job" : "/model/id",
          "names something that a server has stored: name the server with --server, or give the"
              + " definition of the model.");
    }
  }
}
