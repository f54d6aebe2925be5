package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.world.Ranks;
import java.util.List;

/** One step of the network's way from input to output, and back for the gradients. */
public abstract sealed class Layer permits UnaryLayer, Join {

  public final String name;
  public final Signal out;

  /** Whether the network is trained, rather than used; PyTorch's {@code training}. */
  public boolean training;

  /** How the batch's samples are cut where they are summed. */
  public SampleChunks chunks = new SampleChunks(1);

  /** The processes that share the batch. */
  public Ranks ranks = Ranks.ALONE;

  /** Whether {@link #forward} computes what it had computed and counted before. */
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

  /** Counts what {@link #forward} of the same samples did, where the network is told to measure. */
  public void measure(int from, int to) {}

  /** Values other than 0 that the layer put out for the samples. */
  public final long active(int from, int to) {
    long active = 0;
    for (int i = out.at(from); i < out.at(to); i++) {
      active += out.data[i] != 0 ? 1 : 0;
    }
    return active;
  }

  /** Whether the loss looks at this layer itself, so that its backward pass runs in any case. */
  public boolean needsOutputGradient() {
    return false;
  }

  /** Whether the layer throws away dL/dout wherever its output is 0. */
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

  /** Forgets what the last batch left: state and counts. */
  public void reset() {}

  /** Draws the initial weights, in PyTorch's order. */
  public void draw(TorchRandom random) {}

  public List<Parameter> parameters() {
    return List.of();
  }

  /** What changes without gradients, and is kept beside the parameters. */
  public List<Parameter> buffers() {
    return List.of();
  }
}
