package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.tensor.Tensor;
import java.util.Arrays;

/** Trainable values in the engine's order, their gradient, and the way to PyTorch's order. */
public final class Parameter {

  private final String name;
  private final int[] shape;
  private final int[] torchOrder;
  private final float[] values;
  private final float[] gradient;
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
