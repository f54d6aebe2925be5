package dev.spikewise.snn;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.Mistakes;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import org.jspecify.annotations.Nullable;

/** Trains one network as a {@link TrainingSpec} says. */
public final class Trainer {

  /** How a training ended. */
  public enum Outcome {
    /** All epochs are done. */
    COMPLETED,
    /** The listener wanted no more. */
    STOPPED,
    /** The loss or a weight is no longer a finite number. */
    DIVERGED,
    /** No neuron fired and no gradient is left to wake them. */
    NETWORK_SILENT
  }

  /**
   * Builds the network, draws what weights are not given from the seed, and measures the baseline.
   *
   * @param model the definition that {@code spec.model()} stands for
   * @param weights initial weights; drawn from the seed if null
   * @param dataset the data set that {@code spec.input()} names, null for other inputs
   * @throws dev.spikewise.spec.InvalidSpecException where {@link #check} finds a mistake
   */
  public Trainer(
      TrainingSpec spec, ModelSpec model, @Nullable StateDict weights, @Nullable Dataset dataset, Engine engine) {
    throw new UnsupportedOperationException();
  }

  /**
   * Everything wrong with a spec that only shows beside its model and data: shapes, labels, layer names, and a synops
   * target below what the raw input alone causes in the first layer.
   */
  public static void check(
      TrainingSpec spec, ModelSpec model, @Nullable StateDict weights, @Nullable Dataset dataset, Mistakes mistakes) {
    throw new UnsupportedOperationException();
  }

  /** Bytes that training this needs beside the data set: weights, optimiser, activations. */
  public static long estimateMemory(TrainingSpec spec, ModelSpec model) {
    throw new UnsupportedOperationException();
  }

  /** Statistics of the initial weights on the job's own input. */
  public Statistics baseline() {
    throw new UnsupportedOperationException();
  }

  /** Target of the first synops term that covers the model, in synops a sample; null where there is none. */
  public @Nullable Double targetSynops() {
    throw new UnsupportedOperationException();
  }

  /** Number of complete epochs. */
  public int epoch() {
    throw new UnsupportedOperationException();
  }

  /** Trains until all epochs are done, the listener wants no more, or the network is beyond hope. */
  public Outcome run(TrainingListener listener) {
    throw new UnsupportedOperationException();
  }

  /** What the latest complete epoch counted, or the baseline before the first. */
  public Analysis latest() {
    throw new UnsupportedOperationException();
  }

  public StateDict weights() {
    throw new UnsupportedOperationException();
  }

  public Checkpoint checkpoint() {
    throw new UnsupportedOperationException();
  }

  /** Continues from {@code checkpoint} as if it had never been interrupted. */
  public void restore(Checkpoint checkpoint) {
    throw new UnsupportedOperationException();
  }
}
