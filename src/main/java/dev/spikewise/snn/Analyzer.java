package dev.spikewise.snn;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import org.jspecify.annotations.Nullable;

/** One forward pass and its statistics: sinabs' SNNAnalyzer. */
public final class Analyzer {

  private Analyzer() {}

  public static Analysis analyze(
      ModelSpec model,
      @Nullable StateDict weights,
      InputSpec input,
      @Nullable Dataset dataset,
      int batchSize,
      int timeSteps,
      @Nullable Double dt,
      long seed,
      Engine engine) {
    throw new UnsupportedOperationException();
  }
}
