package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.ChunkTree;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.tensor.Tensor;
import java.util.Arrays;

/**
 * Trainable values in the engine's order with their gradient, and the conversion to PyTorch's
 * order.
 */
public final class Parameter {

  /** Number of values that a task sums over all levels, so that they fit the first-level cache. */
  private static final int PART = 4096;

  private final String name;
  private final int[] shape;
  private final int[] torchOrder;
  private final float[] values;
  private final float[] gradient;

  /**
   * Sums over complete subtrees of chunks, which wait for their neighbours: at most one for each
   * level, and as many more where this process does not have the neighbour before them.
   */
  private final float[][] waiting = new float[2 * SampleChunks.levels(SampleChunks.MOST)][0];

  /** First chunks of the sums that wait. */
  private final int[] starts = new int[waiting.length];

  private int waits;

  private boolean reached;

  /**
   * @param name as in a state_dict: "1.weight"
   * @param shape shape in PyTorch
   * @param torchOrder for each position in the engine's order, the position in PyTorch's order
   */
  public Parameter(String name, int[] shape, int[] torchOrder) {
    this.name = name;
    this.shape = shape;
    this.torchOrder = torchOrder;
    values = new float[torchOrder.length];
    gradient = new float[torchOrder.length];
  }

  public String name() {
    return name;
  }

  public float[] values() {
    return values;
  }

  public float[] gradient() {
    return gradient;
  }

  /** Whether the last backward pass computed a gradient; PyTorch's {@code grad is not None}. */
  public boolean reached() {
    return reached;
  }

  /** Whether these values are weights of synapses. */
  public boolean connects() {
    return shape.length > 1;
  }

  public void reach() {
    reached = true;
  }

  /**
   * Ends the samples of a chunk: what was added to {@link #gradient} since the last one becomes a
   * leaf of the tree of sums. After the last chunk of the batch the gradient is the sum of all;
   * after the last one of this process, that of its last subtree.
   */
  public void endChunk(int chunk, SampleChunks chunks, Parallel parallel) {
    int start = chunk;
    int left = waits;
    while (left > 0
        && ChunkTree.areNeighbours(chunks.count(), starts[left - 1], start, chunk + 1)) {
      start = starts[--left];
    }
    boolean last = chunk == chunks.to() - 1;
    int free = left;
    int before = waits;
    if (!last && waiting[free].length == 0) {
      waiting[free] = new float[gradient.length];
    }
    int n = gradient.length;
    parallel.run(
        (n + PART - 1) / PART,
        part -> {
          int from = part * PART;
          int to = Math.min(n, from + PART);
          for (int i = before - 1; i >= free; i--) {
            addBefore(waiting[i], from, to);
          }
          if (!last) {
            System.arraycopy(gradient, from, waiting[free], from, to - from);
            Arrays.fill(gradient, from, to, 0);
          }
        });
    starts[free] = start;
    waits = last ? free : free + 1;
  }

  /**
   * The sum over the {@code k}th of this process's complete subtrees of chunks, after the backward
   * pass.
   */
  public float[] subtree(int k) {
    return k < waits ? waiting[k] : gradient;
  }

  private void addBefore(float[] before, int from, int to) {
    for (int i = from; i < to; i++) {
      gradient[i] = before[i] + gradient[i];
    }
  }

  public void zeroGradient() {
    Arrays.fill(gradient, 0);
    reached = false;
    waits = 0;
  }

  /** Draws values as PyTorch does: in PyTorch's order, uniform in (-bound, bound). */
  public void draw(TorchRandom random, float bound) {
    draw(random, -bound, bound);
  }

  /** Draws values as PyTorch does: in PyTorch's order, uniform in [least, most). */
  public void draw(TorchRandom random, float least, float most) {
    var drawn = new float[values.length];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = random.uniform(least, most);
    }
    load(drawn);
  }

  /** Converts values from the engine's order to PyTorch's. */
  public Tensor toTorch(float[] here) {
    var torch = new float[here.length];
    for (int i = 0; i < here.length; i++) {
      torch[torchOrder[i]] = here[i];
    }
    return new Tensor(shape.clone(), torch);
  }

  public void fromTorch(float[] torch, float[] here) {
    for (int i = 0; i < here.length; i++) {
      here[i] = torch[torchOrder[i]];
    }
  }

  public void fill(float value) {
    Arrays.fill(values, value);
  }

  public void load(float[] torch) {
    fromTorch(torch, values);
  }

  public int[] shape() {
    return shape;
  }
}
