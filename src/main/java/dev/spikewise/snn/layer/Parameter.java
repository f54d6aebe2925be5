package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.tensor.Tensor;
import java.util.Arrays;

/** Trainable values in the engine's order, their gradient, and the way to PyTorch's order. */
public final class Parameter {

  /** Values that a task sums over all levels, in the first cache. */
  private static final int PART = 4096;

  private final String name;
  private final int[] shape;
  private final int[] torchOrder;
  private final float[] values;
  private final float[] gradient;

  /** By level of the tree: sums over complete chunks of samples, which wait for as many more. */
  private final float[][] waiting = new float[SampleChunks.levels(SampleChunks.MOST)][0];

  private boolean reached;

  /**
   * @param name as in a state_dict: "1.weight"
   * @param shape PyTorch's
   * @param torchOrder by position here: the position in PyTorch's order
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

  /** Whether the last backward pass came by; PyTorch's {@code grad is not None}. */
  public boolean reached() {
    return reached;
  }

  /** Whether these are the weights of synapses. */
  public boolean connects() {
    return shape.length > 1;
  }

  public void reach() {
    reached = true;
  }

  /**
   * Ends the samples of a chunk: what was added to {@link #gradient} since the last one becomes a
   * leaf of the tree of sums, as in {@link dev.spikewise.snn.kernel.TreeSum}. After the last chunk
   * the gradient is the sum of all.
   */
  public void endChunk(int chunk, int chunks, Parallel parallel) {
    boolean last = chunk == chunks - 1;
    int free = last ? waiting.length : Integer.numberOfTrailingZeros(~chunk);
    if (!last && waiting[free].length == 0) {
      waiting[free] = new float[gradient.length];
    }
    int n = gradient.length;
    parallel.run(
        (n + PART - 1) / PART,
        part -> {
          int from = part * PART;
          int to = Math.min(n, from + PART);
          for (int level = 0; level < free; level++) {
            if ((chunk >> level & 1) == 1) {
              addBefore(waiting[level], from, to);
            }
          }
          if (!last) {
            System.arraycopy(gradient, from, waiting[free], from, to - from);
            Arrays.fill(gradient, from, to, 0);
          }
        });
  }

  private void addBefore(float[] before, int from, int to) {
    for (int i = from; i < to; i++) {
      gradient[i] = before[i] + gradient[i];
    }
  }

  public void zeroGradient() {
    Arrays.fill(gradient, 0);
    reached = false;
  }

  /** Draws as PyTorch does: in its order, uniform in (-bound, bound). */
  public void draw(TorchRandom random, float bound) {
    draw(random, -bound, bound);
  }

  /** Draws as PyTorch does: in its order, uniform in [least, most). */
  public void draw(TorchRandom random, float least, float most) {
    var drawn = new float[values.length];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = random.uniform(least, most);
    }
    load(drawn);
  }

  /** Values to or from PyTorch's order. */
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
