package dev.spikewise.spec;

import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/**
 * One forward pass whose spikes and synaptic operations are to be counted.
 *
 * @param dt length of a time step in seconds, for figures per second; null where time has no unit
 * @param seed decides initial weights and random input
 * @param quantize also counts what the network costs in whole numbers; null to leave that
 * @param model a stored one or a definition
 * @param input what the network is fed with
 * @param batchSize samples of a batch
 * @param timeSteps steps that each sample takes
 */
public record AnalysisSpec(
    ModelRef model,
    InputSpec input,
    Integer batchSize,
    Integer timeSteps,
    @Nullable Double dt,
    Long seed,
    @Nullable Quantization quantize)
    implements Checked {

  public AnalysisSpec {
    input = input == null ? new InputSpec.Constant(1.0) : input;
    batchSize = batchSize == null ? 1 : batchSize;
    timeSteps = timeSteps == null ? 10 : timeSteps;
    seed = seed == null ? 1 : seed;
  }

  @Override
  public void check(Mistakes mistakes) {
    if (mistakes.require(
        model != null, "model", "is missing: give {\"id\": \"...\"} or a model definition")) {
      model.check(mistakes.in("model"));
    }
    input.check(mistakes.in("input"));
    mistakes.atLeast(batchSize, 1, "batch_size");
    mistakes.atLeast(timeSteps, 1, "time_steps");
    mistakes.between(seed, 0, 0xffffffffL, "seed");
    if (dt != null) {
      mistakes.positive(dt, "dt");
    }
    if (quantize != null) {
      quantize.check(mistakes.in("quantize"));
    }
  }
}
