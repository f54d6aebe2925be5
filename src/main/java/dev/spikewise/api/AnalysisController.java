package dev.spikewise.api;

import dev.spikewise.model.Analyses;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.Statistics;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
class AnalysisController {

  private final Analyses analyses;

  AnalysisController(Analyses analyses) {
    this.analyses = analyses;
  }

  /** Counts the spikes and synaptic operations of one forward pass; nothing is stored. */
  @PostMapping("/api/v1/analyses")
  Statistics analyze(@RequestBody AnalysisSpec spec) {
    return analyses.analyze(spec);
  }
}
