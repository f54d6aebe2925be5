package dev.spikewise.snn.network;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.layer.Layer;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.optim.GradientClip;
import dev.spikewise.snn.optim.Optimizer;
import dev.spikewise.snn.optim.Pruner;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.OptimizerSpec;
import dev.spikewise.spec.Pruning;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Parameters and buffers of a network, and its optimiser. */
final class Parameters {

  private final List<Layer> definition;
  private final Kernels kernels;
  private final List<Parameter> trained = new ArrayList<>();

  /** Parameters and buffers. */
  private final List<Parameter> state = new ArrayList<>();

  /** Own values of the parameters that have others for a while. */
  private final Map<Parameter, float[]> covered = new LinkedHashMap<>();

  private @Nullable Optimizer optimizer;
  private @Nullable GradientClip clip;
  private @Nullable Pruner pruner;

  /** Sums of gradients over the batches since the last step, of the parameters that have any. */
  private final Map<Parameter, float[]> accumulated = new LinkedHashMap<>();

  private int accumulatedBatches;

  /**
   * @param definition the layers as the definition lists them
   */
  Parameters(List<Layer> definition, Kernels kernels) {
    this.definition = definition;
    this.kernels = kernels;
    for (Layer layer : definition) {
      trained.addAll(layer.parameters());
      state.addAll(layer.parameters());
      state.addAll(layer.buffers());
    }
  }

  List<Parameter> trained() {
    return trained;
  }

  /** Draws all weights as PyTorch does after {@code torch.manual_seed(seed)}. */
  void draw(long seed) {
    var random = new TorchRandom(seed);
    definition.forEach(layer -> layer.draw(random));
  }

  /**
   * Loads weights.
   *
   * @throws InvalidSpecException naming every tensor that is missing, unknown or of another shape
   */
  void load(StateDict weights) {
    var mistakes = new Mistakes();
    var known = new ArrayList<String>();
    for (Parameter p : state) {
      known.add(p.name());
      Tensor tensor = weights.tensors().get(p.name());
      if (tensor == null) {
        mistakes.in(p.name()).add("is missing from the weights");
      } else if (tensor.data().length != p.values().length
          || (tensor.shape().length > 1 && !Arrays.equals(tensor.shape(), p.shape()))) {
        mistakes
            .in(p.name())
            .add(
                "must have shape "
                    + Arrays.toString(p.shape())
                    + " but has "
                    + Arrays.toString(tensor.shape()));
      } else {
        p.load(tensor.data());
      }
    }
    for (String name : weights.tensors().keySet()) {
      mistakes.require(known.contains(name), name, "is not a parameter of this model: " + known);
    }
    mistakes.throwIfAny();
  }

  /** Replaces values until {@link #uncover}. */
  void cover(Map<String, Tensor> tensors) {
    for (Parameter p : trained) {
      Tensor other = tensors.get(p.name());
      if (other != null) {
        covered.put(p, p.values().clone());
        p.load(other.data());
      }
    }
  }

  void uncover() {
    covered.forEach((p, own) -> System.arraycopy(own, 0, p.values(), 0, own.length));
    covered.clear();
  }

  StateDict stateDict() {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (Parameter p : state) {
      tensors.put(p.name(), p.toTorch(p.values()));
    }
    return new StateDict(tensors);
  }

  /** Sum of |w|^p over the parameters {@code names}. */
  double weightNorm(List<String> names, int p) {
    double norm = 0;
    for (Parameter parameter : trained) {
      if (names.contains(parameter.name())) {
        for (float w : parameter.values()) {
          norm += p == 1 ? Math.abs(w) : (double) w * w;
        }
      }
    }
    return norm;
  }

  /** Adds the gradient of {@code weight} times {@link #weightNorm}. */
  void addWeightNorm(List<String> names, int p, double weight) {
    float factor = (float) (p * weight);
    for (Parameter parameter : trained) {
      if (names.contains(parameter.name())) {
        parameter.reach();
        float[] values = parameter.values();
        float[] gradient = parameter.gradient();
        for (int i = 0; i < values.length; i++) {
          gradient[i] += factor * (p == 1 ? Math.signum(values[i]) : values[i]);
        }
      }
    }
  }

  void zeroGradients() {
    trained.forEach(Parameter::zeroGradient);
  }

  void optimize(OptimizerSpec how, GradientClip clip) {
    optimizer = Optimizer.of(how, trained, kernels);
    this.clip = clip;
  }

  void prune(Pruning how, List<String> names, int epoch, int epochs) {
    if (pruner == null) {
      pruner = new Pruner(how, trained.stream().filter(p -> names.contains(p.name())).toList());
    }
    pruner.begin(epoch, epochs);
  }

  void accumulate() {
    for (Parameter p : trained) {
      if (p.reached()) {
        float[] sum = accumulated.computeIfAbsent(p, it -> new float[it.gradient().length]);
        float[] gradient = p.gradient();
        for (int i = 0; i < sum.length; i++) {
          sum[i] += gradient[i];
        }
      }
    }
    accumulatedBatches++;
  }

  private void takeAccumulated() {
    accumulated.forEach(
        (p, sum) -> {
          p.reach();
          float[] gradient = p.gradient();
          for (int i = 0; i < sum.length; i++) {
            gradient[i] = sum[i] / accumulatedBatches;
          }
        });
    accumulated.clear();
    accumulatedBatches = 0;
  }

  void step(double learningRate, @Nullable Double momentum) {
    if (accumulatedBatches > 0) {
      takeAccumulated();
    }
    if (pruner != null) {
      pruner.maskGradients();
    }
    Objects.requireNonNull(clip).apply(trained);
    optimizer().step(learningRate, momentum);
    if (pruner != null) {
      pruner.apply();
    }
  }

  StateDict optimizerState() {
    return optimizer().state();
  }

  void restoreOptimizer(StateDict state) {
    optimizer().restore(state);
  }

  private Optimizer optimizer() {
    return Objects.requireNonNull(optimizer, "optimize() must be called before step()");
  }

  boolean areFinite() {
    return trained.stream().allMatch(p -> allFinite(p.values()));
  }

  private static boolean allFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  boolean haveGradient() {
    return !trained.stream().allMatch(p -> allZero(p.gradient()));
  }

  private static boolean allZero(float[] values) {
    for (float value : values) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }
}
