package dev.spikewise.model;

import dev.spikewise.dataset.Datasets;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Analyzer;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Quantizer;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import java.util.Locale;
import org.springframework.stereotype.Service;

/** Counts what one forward pass costs. */
@Service
public class Analyses {

  private final Models models;
  private final Datasets datasets;
  private final AnalysisSettings settings;

  Analyses(Models models, Datasets datasets, AnalysisSettings settings) {
    this.models = models;
    this.datasets = datasets;
    this.settings = settings;
  }

  /**
   * @throws dev.spikewise.problem.InvalidSpecException where model and input do not fit each other
   */
  public Statistics analyze(AnalysisSpec spec) {
    var network = models.resolve(spec.model());
    bound(spec, network.spec());
    var dataset =
        spec.input() instanceof InputSpec.FromDataset input ? datasets.resolve(input) : null;
    if (spec.quantize() != null) {
      var mistakes = new Mistakes();
      Quantizer.check(network.spec(), mistakes.in("model"));
      mistakes.throwIfAny();
    }
    try (var engine = Engine.create(1)) {
      var statistics =
          Analyzer.analyze(
                  network.spec(),
                  network.weights(),
                  spec.input(),
                  dataset,
                  spec.batchSize(),
                  spec.timeSteps(),
                  spec.dt(),
                  spec.seed(),
                  engine)
              .statistics();
      return spec.quantize() == null
          ? statistics
          : statistics.with(
              Analyzer.quantized(
                  network.spec(),
                  network.weights(),
                  spec.quantize(),
                  spec.input(),
                  dataset,
                  spec.batchSize(),
                  spec.timeSteps(),
                  spec.dt(),
                  spec.seed(),
                  engine));
    }
  }

  private void bound(AnalysisSpec spec, ModelSpec model) {
    int largest = model.shapes().stream().mapToInt(Shape::size).max().orElseThrow();
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
