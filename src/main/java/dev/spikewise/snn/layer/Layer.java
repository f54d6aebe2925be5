package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.world.Ranks;
import java.util.List;

/** A layer of the engine: forward pass and backward pass. */
public abstract sealed class Layer permits UnaryLayer, Join {

  public final String name;
  public final Signal out;

  /** Whether the network is in training mode; PyTorch's {@code training}. */
  public boolean training;

  /** Chunks of the batch's samples in which sums are formed. */
  public SampleChunks chunks = new SampleChunks(1);

  /** The processes that share the batch. */
  public Ranks ranks = Ranks.ALONE;

  /** Whether {@link #forward} repeats an earlier computation, which must not be counted again. */
  public boolean again;

  public Layer(String name, Signal out) {
    this.name = name;
    this.out = out;
  }

  /** Computes {@link #out} of the samples {@code from..to-1}. */
  public abstract void forward(int from, int to);

  /**
   * Computes {@link #out} again for the samples {@code from..to-1}, after other samples took its
   * place, where the layer keeps what it follows from.
   */
  public void restore(int from, int to) {}

  /** Counts the operations of {@link #forward} for the same samples, in a network that measures. */
  public void measure(int from, int to) {}

  /** Number of non-zero outputs for the samples. */
  public final long active(int from, int to) {
    long active = 0;
    for (int i = out.at(from); i < out.at(to); i++) {
      active += out.data[i] != 0 ? 1 : 0;
    }
    return active;
  }

  /** Whether the loss depends on this layer directly, so that its backward pass always runs. */
  public boolean needsOutputGradient() {
    return false;
  }

  /** Whether the layer ignores dL/dout where its output is 0. */
  public boolean skipsSilent() {
    return false;
  }

  /** What {@link #forward} sums over the samples of this process. */
  public List<TreeSum> sums() {
    return List.of();
  }

  /** What {@link #forward} sums over the samples of this process in whole numbers. */
  public List<double[]> wholeSums() {
    return List.of();
  }

  /**
   * Whether the layer itself forms sums over the samples of all processes, so that it is called
   * where this one has no samples, and its gradients are those of the whole batch.
   */
  public boolean looksAtWholeBatch() {
    return false;
  }

  /** Clears the state and counts of the last batch. */
  public void reset() {}

  /** Draws the initial weights, in PyTorch's order. */
  public void draw(TorchRandom random) {}

  public List<Parameter> parameters() {
    return List.of();
  }

  /** Buffers: values that are stored with the parameters but have no gradient. */
  public List<Parameter> buffers() {
    return List.of();
  }
}
