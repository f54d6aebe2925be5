package dev.spikewise.model;

import dev.spikewise.compute.Compute;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.dataset.LocalDatasets;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Analyzer;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.transform.Quantizer;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.EarlyExit;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;

/** Counts the synaptic operations and spikes of one forward pass. */
@Service
public class Analyses {

  private final Models models;
  private final Datasets datasets;
  private final Workload workload;
  private final Compute compute;
  private final AnalysisSettings settings;

  Analyses(
      Models models,
      Datasets datasets,
      Workload workload,
      Compute compute,
      AnalysisSettings settings) {
    this.models = models;
    this.datasets = datasets;
    this.workload = workload;
    this.compute = compute;
    this.settings = settings;
  }

  /**
   * @throws dev.spikewise.problem.InvalidSpecException when model and input do not fit each other
   */
  public Statistics analyze(AnalysisSpec spec) {
    var network = models.resolve(spec.model());
    bound(spec, network.spec());
    var dataset =
        spec.input() instanceof InputSpec.FromDataset input ? datasets.resolve(input) : null;
    var mistakes = new Mistakes();
    if (spec.quantize() != null) {
      Quantizer.check(network.spec(), mistakes.in("model"));
      Quantizer.check(network.spec(), spec.quantize(), mistakes.in("quantize"));
    }
    int passes = spec.quantize() == null ? 1 : 2;
    workload.check(
        network.spec(), (long) passes * spec.batchSize(), spec.timeSteps(), mistakes, "batch_size");
    mistakes.throwIfAny();
    return compute.run(run -> analyze(spec, network, dataset, run));
  }

  private static Statistics analyze(
      AnalysisSpec spec, Models.Network network, @Nullable Dataset dataset, Compute.Run run) {
    run.reserve(
        Analyzer.estimateMemory(network.spec(), spec.input(), spec.batchSize(), spec.timeSteps()));
    try (var engine = Engine.create(1, run)) {
      return analyze(spec, network, dataset, engine);
    }
  }

  /**
   * Performs an analysis in a process without a server.
   *
   * @param files files of the data set by the name of their upload part; may be empty
   * @throws InvalidSpecException when model and input do not fit each other, or are stored on a
   *     server
   */
  public static Statistics analyzeLocally(AnalysisSpec spec, Map<String, Path> files) {
    var mistakes = new Mistakes();
    spec.check(mistakes);
    mistakes.throwIfAny();
    if (!spec.model().isDefinition()) {
      throw new InvalidSpecException(
          spec.model().id() == null ? "/model/job" : "/model/id",
          "refers to a model on a server: name the server with --server, or give the definition of"
              + " the model.");
    }
    var network = new Models.Network(spec.model().definition(), null);
    if (spec.quantize() != null) {
      Quantizer.check(network.spec(), mistakes.in("model"));
      Quantizer.check(network.spec(), spec.quantize(), mistakes.in("quantize"));
      mistakes.throwIfAny();
    }
    var dataset = LocalDatasets.resolve(spec.input(), files).samples();
    try (var engine = Engine.create(Runtime.getRuntime().availableProcessors())) {
      return analyze(spec, network, dataset, engine);
    }
  }

  private static Statistics analyze(
      AnalysisSpec spec, Models.Network network, @Nullable Dataset dataset, Engine engine) {
    var batch =
        new Analyzer.Batch(
            spec.input(),
            dataset,
            spec.batchSize(),
            spec.timeSteps(),
            spec.dt(),
            spec.seed(),
            spec.samples(),
            spec.earlyExit() == null ? EarlyExit.DEFAULT : spec.earlyExit());
    var statistics =
        Analyzer.analyze(network.spec(), network.weights(), batch, engine).statistics();
    return spec.quantize() == null
        ? statistics
        : statistics.with(
            Analyzer.quantized(network.spec(), network.weights(), spec.quantize(), batch, engine));
  }

  private void bound(AnalysisSpec spec, ModelSpec model) {
    int largest = model.graph().shapes().stream().mapToInt(Shape::size).max().orElseThrow();
    double values = (double) spec.batchSize() * spec.timeSteps() * largest;
    if (values > settings.maxValues()) {
      throw new InvalidSpecException(
          "/batch_size",
          String.format(
              Locale.ROOT,
              "must be smaller: %d samples x %d time_steps x %d values of the largest layer are"
                  + " %.0f, more than the %d of spikewise.analyses.max-values",
              spec.batchSize(),
              spec.timeSteps(),
              largest,
              values,
              settings.maxValues()));
    }
  }
}
