package dev.spikewise.model;

import dev.spikewise.dataset.Datasets;
import dev.spikewise.snn.Analyzer;
import dev.spikewise.snn.Engine;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.Statistics;
import org.springframework.stereotype.Service;

/** Counts what one forward pass costs. */
@Service
public class Analyses {

  private final Models models;
  private final Datasets datasets;

  Analyses(Models models, Datasets datasets) {
    this.models = models;
    this.datasets = datasets;
  }

  /** @throws dev.spikewise.spec.InvalidSpecException where model and input do not fit each other */
  public Statistics analyze(AnalysisSpec spec) {
    var network = models.resolve(spec.model());
    var dataset = spec.input() instanceof InputSpec.FromDataset input ? datasets.resolve(input) : null;
    try (var engine = Engine.create(1)) {
      return Analyzer.analyze(
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
    }
  }
}
