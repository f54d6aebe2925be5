package dev.spikewise.snn.optim;

import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.spec.Pruning;
import java.util.Arrays;
import java.util.List;

/**
 * Sets weights to 0 and keeps them there. The choice depends only on the weights at the start of an
 * epoch, in which those removed before are 0, so that it needs no state of its own.
 */
public final class Pruner {

  private final Pruning how;
  private final List<Parameter> weights;
  private final boolean[][] removed;

  public Pruner(Pruning how, List<Parameter> weights) {
    this.how = how;
    this.weights = weights;
    removed = weights.stream().map(p -> new boolean[p.values().length]).toArray(boolean[][]::new);
  }

  /** Chooses and removes the weights of an epoch. */
  public void begin(int epoch, int epochs) {
    double sparsity = how.sparsity(epoch, epochs);
    switch (how.scope()) {
      case LAYER -> {
        for (int i = 0; i < weights.size(); i++) {
          choose(i, i + 1, sparsity);
        }
      }
      case MODEL -> choose(0, weights.size(), sparsity);
    }
    for (int i = 0; how.keepZeros() && i < removed.length; i++) {
      float[] values = weights.get(i).values();
      for (int k = 0; k < values.length; k++) {
        removed[i][k] |= values[k] == 0;
      }
    }
    apply();
  }

  /** Chooses the smallest of the parameters {@code from..to-1}; of equal ones, the first. */
  private void choose(int from, int to, double sparsity) {
    int n = weights.subList(from, to).stream().mapToInt(p -> p.values().length).sum();
    var sizes = new float[n];
    int at = 0;
    for (Parameter p : weights.subList(from, to)) {
      for (float value : p.values()) {
        sizes[at++] = Math.abs(value);
      }
    }
    int count = (int) Math.rint(sparsity * n);
    Arrays.sort(sizes);
    float most = count == 0 ? -1 : sizes[count - 1];
    int ties = 0;
    while (ties < count && sizes[count - 1 - ties] == most) {
      ties++;
    }
    for (int i = from; i < to; i++) {
      float[] values = weights.get(i).values();
      for (int k = 0; k < values.length; k++) {
        float size = Math.abs(values[k]);
        removed[i][k] = size < most || size == most && ties-- > 0;
      }
    }
  }

  /** Sets the removed weights to 0, after a step. */
  public void apply() {
    for (int i = 0; i < removed.length; i++) {
      clear(removed[i], weights.get(i).values());
    }
  }

  /** Sets the gradients of the removed weights to 0, before a step. */
  public void maskGradients() {
    for (int i = 0; i < removed.length; i++) {
      clear(removed[i], weights.get(i).gradient());
    }
  }

  private static void clear(boolean[] removed, float[] values) {
    for (int k = 0; k < values.length; k++) {
      if (removed[k]) {
        values[k] = 0;
      }
    }
  }
}
