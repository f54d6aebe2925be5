package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.snn.neuron.Trained;
import dev.spikewise.spec.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Converts a trained constant of a layer's neurons between its parameter and the kernels, with its
 * gradient: one value for all neurons, one per channel, or one per neuron.
 */
final class TrainedConstant {

  private final Trained what;
  private final boolean fixed;
  private final Parameter parameter;
  private PerNeuron value;

  /** Value and gradient of each neuron when neurons differ; otherwise empty. */
  private final float[] each;

  private final double[] gradients;

  /** For each neuron, the index of its value in the parameter. */
  private final int[] placeOf;

  /**
   * @param fixed whether the constant keeps its value during training
   * @param shape shape of the constant in PyTorch
   * @param frame layout of the neurons
   */
  TrainedConstant(String layer, Trained what, boolean fixed, Shape shape, Frame frame) {
    this.what = what;
    this.fixed = fixed;
    int[] dims = shape.dims().stream().mapToInt(d -> d).toArray();
    boolean perNeuron = dims.length > 0 && shape.size() == frame.size();
    parameter =
        new Parameter(
            layer + "." + what.name(),
            dims,
            perNeuron ? frame.torchOrder() : Synapses.identity(shape.size()));
    if (what.initial() != null) {
      parameter.load(what.initial().floats());
    }
    int neurons = dims.length == 0 ? 0 : frame.size();
    each = new float[neurons];
    gradients = new double[neurons];
    placeOf = new int[neurons];
    Arrays.setAll(placeOf, n -> perNeuron ? n : n % frame.c());
    value = PerNeuron.of(each);
    update();
  }

  Parameter parameter() {
    return parameter;
  }

  /** Draws the initial value of each neuron when none is given. */
  void draw(TorchRandom random) {
    if (what.initial() == null && what.form() instanceof Trained.Bounded bounds) {
      parameter.draw(random, bounds.least(), bounds.most());
    }
  }

  int place() {
    return what.place();
  }

  /** Value that the model computes with, as of the last {@link #update}. */
  PerNeuron value() {
    return value;
  }

  /** Updates the value from the trained parameter. */
  void update() {
    float[] values = parameter.values();
    if (each.length == 0) {
      value = PerNeuron.of(what.form().value(values[0]));
      return;
    }
    for (int n = 0; n < each.length; n++) {
      each[n] = what.form().value(values[placeOf[n]]);
    }
  }

  void startBackward(NeuronRange[] ranges) {
    Arrays.fill(gradients, 0);
    for (NeuronRange range : ranges) {
      NeuronRange.Sum sum = range.gConstants[what.place()];
      sum.overRange = 0;
      sum.byNeuron = gradients.length == 0 ? null : gradients;
    }
  }

  /** Adds the gradients of the ranges to the parameter's gradient, unless the constant is fixed. */
  void addGradient(NeuronRange[] ranges) {
    if (fixed) {
      return;
    }
    parameter.reach();
    float[] values = parameter.values();
    float[] gradient = parameter.gradient();
    if (each.length == 0) {
      double sum = 0;
      for (NeuronRange range : ranges) {
        sum += range.gConstants[what.place()].overRange;
      }
      gradient[0] += (float) what.form().gradient(sum, value.shared(), values[0]);
      return;
    }
    var sums = new double[values.length];
    for (int n = 0; n < each.length; n++) {
      sums[placeOf[n]] += gradients[n];
    }
    for (int i = 0; i < sums.length; i++) {
      gradient[i] += (float) what.form().gradient(sums[i], what.form().value(values[i]), values[i]);
    }
  }

  /**
   * Converts values per channel or per neuron in PyTorch's order to one value per neuron in the
   * engine's order.
   */
  static PerNeuron inEngineOrder(PerNeuron torch, Frame frame) {
    float @Nullable [] values = torch.each();
    if (values == null) {
      return torch;
    }
    int[] order = frame.torchOrder();
    var each = new float[frame.size()];
    for (int n = 0; n < each.length; n++) {
      each[n] = values[values.length == each.length ? order[n] : n % frame.c()];
    }
    return PerNeuron.of(each);
  }
}
