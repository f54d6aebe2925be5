package dev.spikewise.snn.network;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.optim.GradientClip;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.spec.OptimizerSpec;
import dev.spikewise.spec.Pruning;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network on a device, for batches of up to B samples over T steps, with the operations that
 * training and analysis need. Another device would be another implementation of this interface.
 */
public interface Executor {

  /** T, number of time steps per sample. */
  int timeSteps();

  /** Number of outputs per time step. */
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

  /** Number of values per sample in {@link #input}. */
  int inputSize();

  /** For each position in a frame of {@link #input}, the position in PyTorch's (C, H, W) order. */
  int[] inputOrder();

  /**
   * Array for the seeds of a batch's samples, from which layers draw random numbers during
   * training.
   */
  long[] sampleSeeds();

  /**
   * Switches between training and inference mode (PyTorch's train and eval); initially inference.
   */
  void train(boolean training);

  /** Clears state, counts and loss of the last batch. */
  void reset();

  /**
   * Sends a batch through: what {@link #share} says of it is in {@link #input}.
   *
   * @param samples number of samples in the whole batch
   * @param beforeLayer called before every layer; an exception ends the batch, which {@link #reset}
   *     then discards
   */
  void forward(int samples, Runnable beforeLayer);

  /** Same as {@link #forward(int, Runnable)}, without interruption. */
  default void forward(int samples) {
    forward(samples, () -> {});
  }

  /**
   * Computes the gradients of all parameters that the loss depends on.
   *
   * @param output gradients with respect to the output
   * @param beforeLayer as in {@link #forward(int, Runnable)}
   */
  void backward(int samples, OutputGradients output, Runnable beforeLayer);

  /**
   * Same as {@link #backward(int, OutputGradients, Runnable)} for a loss that does not look at
   * single time steps, without interruption.
   */
  default void backward(
      int samples, float @Nullable [] outputGradient, float @Nullable [] peakGradient) {
    backward(samples, new OutputGradients(outputGradient, peakGradient, null), () -> {});
  }

  /** Output of the last layer summed over time: [samples, outputs], in PyTorch's order. */
  void sumOutput(int samples, float[] sums);

  /** Largest output of the last layer over time: [samples, outputs], in PyTorch's order. */
  void maxOutput(int samples, float[] peaks);

  /** Output of the last layer at each step: [samples, T, outputs], in PyTorch's order. */
  void stepOutput(int samples, float[] outputs);

  /**
   * Counts the synaptic operations of each sample and time step from now on, except in training
   * mode.
   *
   * @return the counts of all layers together since the last {@link #reset}: [samples, T]
   */
  double[] countSteps();

  /** Counts of each layer since the last {@link #reset}. */
  Counts counts();

  /**
   * Fraction of zeros in the outputs of neurons and activation layers since the last reset, in a
   * network that measures.
   */
  double activationSparsity(int samples);

  /** Draws all weights as PyTorch does after {@code torch.manual_seed(seed)}. */
  void draw(long seed);

  /**
   * Loads weights.
   *
   * @throws InvalidSpecException naming every tensor that is missing, unknown or of another shape
   */
  void load(StateDict weights);

  /**
   * Computes with other values until {@link #uncover}, which brings back the network's own. The
   * gradients are those at the other values.
   */
  void cover(Overlay overlay);

  void uncover();

  /** Parameters and buffers under PyTorch's names. */
  StateDict stateDict();

  /**
   * Prepares {@link #step} with an optimiser in its initial state.
   *
   * @param clip bounds of the gradients, applied before each step
   */
  void optimize(OptimizerSpec how, GradientClip clip);

  /**
   * Removes weights at the start of an epoch, and keeps them 0 in {@link #step}.
   *
   * @param epochs number of epochs of the training
   */
  void prune(Pruning how, int epoch, int epochs);

  /** Sum of {@code |w|^p} over the parameters {@code names}, as in a state_dict; p is 1 or 2. */
  double weightNorm(List<String> names, int p);

  /** Adds the gradient of {@code weight} times {@link #weightNorm}, after a backward pass. */
  void addWeightNorm(List<String> names, int p, double weight);

  /**
   * Keeps the gradients of the last backward pass, for a step with the mean of those of several
   * batches.
   */
  void accumulate();

  /**
   * Performs an optimiser step with the gradients of the last backward pass, or with the mean of
   * those that were accumulated since the last step.
   *
   * @param momentum momentum of this step; that of the optimiser's specification if null
   */
  void step(double learningRate, @Nullable Double momentum);

  /** A step with the momentum of the optimiser's specification. */
  default void step(double learningRate) {
    step(learningRate, null);
  }

  /** State with which {@link #restoreOptimizer} continues bit-identically. */
  StateDict optimizerState();

  void restoreOptimizer(StateDict state);

  /** Whether every parameter is a finite number. */
  boolean isFinite();

  /** Whether any gradient of the last backward pass is not 0. */
  boolean hasGradient();
}
