package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.List;

/** PyTorch's optimisers, with PyTorch's defaults. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = OptimizerSpec.Adam.class, name = "adam"),
  @JsonSubTypes.Type(value = OptimizerSpec.Sgd.class, name = "sgd"),
})
public sealed interface OptimizerSpec {

  OptimizerSpec DEFAULT = new Adam(1e-3, List.of(0.9, 0.999), 1e-8, 0.0);

  Double learningRate();

  void check(Mistakes mistakes);

  /**
   * Adam (Kingma and Ba 2015, arXiv:1412.6980). {@code weight_decay} times a weight is added to its
   * gradient.
   *
   * @param learningRate Learning rate of the optimiser.
   * @param betas Decay rates of the two moment estimates.
   * @param eps Number added to the denominator after bias correction.
   * @param weightDecay Factor of the weight that is added to its gradient; 0 disables weight decay.
   */
  record Adam(Double learningRate, List<Double> betas, Double eps, Double weightDecay)
      implements OptimizerSpec {
    public Adam {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      betas = betas == null ? List.of(0.9, 0.999) : List.copyOf(betas);
      eps = eps == null ? 1e-8 : eps;
      weightDecay = weightDecay == null ? 0.0 : weightDecay;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(learningRate, "learning_rate");
      mistakes.require(
          betas.size() == 2 && betas.stream().allMatch(b -> b >= 0 && b < 1),
          "betas",
          "must be two numbers, each at least 0 and below 1 but was " + betas);
      mistakes.positive(eps, "eps");
      mistakes.between(weightDecay, 0, 1, "weight_decay");
    }
  }

  /**
   * Stochastic gradient descent with momentum. {@code weight_decay} times a weight is added to its
   * gradient.
   *
   * @param learningRate Learning rate of the optimiser.
   * @param momentum Momentum factor; 0 disables momentum.
   * @param weightDecay Factor of the weight that is added to its gradient; 0 disables weight decay.
   */
  record Sgd(Double learningRate, Double momentum, Double weightDecay) implements OptimizerSpec {
    public Sgd {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      momentum = momentum == null ? 0.0 : momentum;
      weightDecay = weightDecay == null ? 0.0 : weightDecay;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(learningRate, "learning_rate");
      mistakes.require(
          momentum >= 0 && momentum < 1,
          "momentum",
          "must be at least 0 and below 1 but was " + momentum);
      mistakes.between(weightDecay, 0, 1, "weight_decay");
    }
  }
}
