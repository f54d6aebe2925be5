package dev.spikewise.snn.optim;

import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.OptimizerSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Updates parameters by their gradients. */
public sealed interface Optimizer permits Adam, Sgd, RmsProp {

  static Optimizer of(OptimizerSpec spec, List<Parameter> parameters, Kernels kernels) {
    return switch (spec) {
      case OptimizerSpec.Adaptive adam -> new Adam(adam, parameters, kernels);
      case OptimizerSpec.Sgd sgd -> new Sgd(sgd, parameters);
      case OptimizerSpec.RmsProp rmsProp -> new RmsProp(rmsProp, parameters);
    };
  }

  /**
   * @param momentum momentum of this step (beta_1 of Adam); that of the specification if null
   */
  void step(double learningRate, @Nullable Double momentum);

  /** A step with the momentum of the specification. */
  default void step(double learningRate) {
    step(learningRate, null);
  }

  /** State with which {@link #restore} continues bit-identically. */
  StateDict state();

  void restore(StateDict state);
}
