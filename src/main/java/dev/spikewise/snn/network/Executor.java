package dev.spikewise.snn.network;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.optim.GradientClip;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.spec.OptimizerSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network on the device that computes it, for batches of up to B samples over T steps: all that
 * training and analysis need of one. Another device would be another implementation of this
 * interface.
 */
public interface Executor {

  /** T, time steps of a sample. */
  int timeSteps();

  /** Number of values that the output layer puts out per time step. */
  int outputs();

  /** The processes that share each batch. */
  Ranks ranks();

  /**
   * The samples of a batch of {@code samples} samples that this process computes. Input, output and
   * their gradients hold only these.
   */
  default SampleChunks share(int samples) {
    return ranks().share(samples);
  }

  /** Where this process's samples of a batch go: [B, T or 1, H, W, C]. */
  float[] input();

  /** Values of one sample in {@link #input}. */
  int inputSize();

  /** By position in a frame of {@link #input}: the position in PyTorch's (C, H, W) order. */
  int[] inputOrder();

  /** Where the seeds of a batch's samples go, from which layers draw while training. */
  long[] sampleSeeds();

  /** Whether layers behave as while training, or, at first, as in use; PyTorch's train and eval. */
  void train(boolean training);

  /** Forgets state, counts and loss of the last batch. */
  void reset();

  /**
   * Sends a batch through: what {@link #share} says of it is in {@link #input}.
   *
   * @param samples number of samples in the whole batch
   * @param beforeLayer called again and again; what it throws ends the batch, and {@link #reset}
   *     forgets it
   */
  void forward(int samples, Runnable beforeLayer);

  /** As {@link #forward(int, Runnable)}, to its end. */
  default void forward(int samples) {
    forward(samples, () -> {});
  }

  /**
   * Computes the gradients of all parameters that the loss depends on.
   *
   * @param outputGradient dL/d(output at every step), [samples, outputs] in PyTorch's order; null
   *     where the loss does not look at the output
   * @param peakGradient dL/d(largest output over time), likewise
   * @param beforeLayer as in {@link #forward(int, Runnable)}
   */
  void backward(
      int samples,
      float @Nullable [] outputGradient,
      float @Nullable [] peakGradient,
      Runnable beforeLayer);

  /** As {@link #backward(int, float[], float[], Runnable)}, to its end. */
  default void backward(
      int samples, float @Nullable [] outputGradient, float @Nullable [] peakGradient) {
    backward(samples, outputGradient, peakGradient, () -> {});
  }

  /** Output of the last layer summed over time: [samples, outputs], in PyTorch's order. */
  void sumOutput(int samples, float[] sums);

  /** Largest output of the last layer over time: [samples, outputs], in PyTorch's order. */
  void maxOutput(int samples, float[] peaks);

  /** What the batch since the last {@link #reset} caused, layer by layer. */
  Counts counts();

  /**
   * Share of zeros in what neurons and activation layers put out since the last reset, where the
   * network was told to measure.
   */
  double activationSparsity(int samples);

  /** Draws all weights as PyTorch does after {@code torch.manual_seed(seed)}. */
  void draw(long seed);

  /**
   * Takes over weights.
   *
   * @throws InvalidSpecException naming every tensor that is missing, unknown or of another shape
   */
  void load(StateDict weights);

  /** Parameters and buffers under PyTorch's names. */
  StateDict stateDict();

  /**
   * Prepares {@link #step} with an optimiser in its initial state.
   *
   * @param clip bounds of the gradients, applied before each step
   */
  void optimize(OptimizerSpec how, GradientClip clip);

  /** Sum of {@code |w|^p} over the parameters {@code names}, as in a state_dict; p is 1 or 2. */
  double weightNorm(List<String> names, int p);

  /** Adds the gradient of {@code weight} times {@link #weightNorm}, after a backward pass. */
  void addWeightNorm(List<String> names, int p, double weight);

  /** Moves all parameters against the gradients of the last backward pass. */
  void step(double learningRate);

  /** What {@link #restoreOptimizer} needs to go on bit for bit. */
  StateDict optimizerState();

  void restoreOptimizer(StateDict state);

  /** Whether every parameter is a finite number. */
  boolean isFinite();

  /** Whether the last backward pass left a gradient other than 0. */
  boolean hasGradient();
}
