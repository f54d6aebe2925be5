package dev.spikewise.spec;

import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/**
 * Request to count spikes and synaptic operations in one forward pass.
 *
 * @param dt Length of a time step in seconds, for figures per second; figures per second are null
 *     when absent.
 * @param seed Seed of the initial weights and of random input.
 * @param quantize Bits of a quantised network to count as well; only the floating-point network
 *     when absent.
 * @param model Stored model or model definition to analyse.
 * @param input Input that the network receives.
 * @param batchSize Number of samples in the batch.
 * @param timeSteps Number of time steps per sample.
 * @param samples Samples of the data set to analyse; {@code training} when absent. The test samples
 *     are those of a training with the same {@code input} and {@code seed}.
 * @param earlyExit Confidences at which samples end early; a default list when absent.
 */
public record AnalysisSpec(
    ModelRef model,
    InputSpec input,
    Integer batchSize,
    Integer timeSteps,
    @Nullable Double dt,
    Long seed,
    @Nullable Quantization quantize,
    AnalysedSamples samples,
    @Nullable EarlyExit earlyExit)
    implements Checked {

  public AnalysisSpec {
    input = input == null ? new InputSpec.Constant(1.0) : input;
    batchSize = batchSize == null ? 1 : batchSize;
    timeSteps = timeSteps == null ? 10 : timeSteps;
    seed = seed == null ? 1 : seed;
    samples = samples == null ? AnalysedSamples.TRAINING : samples;
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
      quantize.checkWithoutTraining(mistakes.in("quantize"));
    }
    boolean labelled = input instanceof InputSpec.FromDataset;
    mistakes.require(
        labelled || samples == AnalysedSamples.TRAINING,
        "samples",
        "must be training without a data set: use an input of type dataset");
    if (earlyExit != null) {
      earlyExit.check(mistakes.in("early_exit"), labelled);
    }
  }
}
