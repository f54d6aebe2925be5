package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** PyTorch's optimisers, with PyTorch's defaults. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = OptimizerSpec.Adam.class, name = "adam"),
  @JsonSubTypes.Type(
      value = OptimizerSpec.AdamW.class,
      names = {"adamw", "AdamW"}),
  @JsonSubTypes.Type(value = OptimizerSpec.Sgd.class, name = "sgd"),
  @JsonSubTypes.Type(
      value = OptimizerSpec.RmsProp.class,
      names = {"rmsprop", "RMSprop"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface OptimizerSpec {

  OptimizerSpec DEFAULT = new Adam(1e-3, List.of(0.9, 0.999), 1e-8, 0.0, null);

  Double learningRate();

  void check(Mistakes mistakes);

  /** What Adam and AdamW have in common. */
  sealed interface Adaptive extends OptimizerSpec {
    List<Double> betas();

    Double eps();

    Double weightDecay();

    @Nullable Boolean amsgrad();

    /** Whether the decay shrinks the weights themselves instead of entering their gradients. */
    boolean decoupled();

    @Override
    default void check(Mistakes mistakes) {
      mistakes.positive(learningRate(), "learning_rate");
      mistakes.require(
          betas().size() == 2 && betas().stream().allMatch(b -> b != null && b >= 0 && b < 1),
          "betas",
          "must be two numbers, each at least 0 and below 1 but was " + betas());
      mistakes.positive(eps(), "eps");
      mistakes.between(weightDecay(), 0, 1, "weight_decay");
    }
  }

  private static List<Double> betasOrDefault(@Nullable List<Double> betas) {
    return betas == null
        ? List.of(0.9, 0.999)
        : Collections.unmodifiableList(new ArrayList<>(betas));
  }

  /**
   * Adam (Kingma and Ba 2015, arXiv:1412.6980). {@code weight_decay} times a weight is added to its
   * gradient.
   *
   * @param learningRate Learning rate of the optimiser.
   * @param betas Decay rates of the two moment estimates.
   * @param eps Number added to the denominator after bias correction.
   * @param weightDecay Factor of the weight that is added to its gradient; 0 disables weight decay.
   * @param amsgrad Whether the largest second moment so far replaces the current one (Reddi et al.
   *     2018, arXiv:1904.09237); false when absent.
   */
  record Adam(
      Double learningRate,
      List<Double> betas,
      Double eps,
      Double weightDecay,
      @Nullable Boolean amsgrad)
      implements Adaptive {
    public Adam {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      betas = betasOrDefault(betas);
      eps = eps == null ? 1e-8 : eps;
      weightDecay = weightDecay == null ? 0.0 : weightDecay;
    }

    @Override
    public boolean decoupled() {
      return false;
    }
  }

  /**
   * AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101): Adam whose weight decay multiplies each
   * weight by {@code 1 - learning_rate * weight_decay} instead of entering its gradient.
   *
   * @param learningRate Learning rate of the optimiser.
   * @param betas Decay rates of the two moment estimates.
   * @param eps Number added to the denominator after bias correction.
   * @param weightDecay Decay of each weight per step, multiplied by the learning rate; 0.01 when
   *     absent.
   * @param amsgrad Whether the largest second moment so far replaces the current one (Reddi et al.
   *     2018, arXiv:1904.09237); false when absent.
   */
  record AdamW(
      Double learningRate,
      List<Double> betas,
      Double eps,
      Double weightDecay,
      @Nullable Boolean amsgrad)
      implements Adaptive {
    public AdamW {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      betas = betasOrDefault(betas);
      eps = eps == null ? 1e-8 : eps;
      weightDecay = weightDecay == null ? 1e-2 : weightDecay;
    }

    @Override
    public boolean decoupled() {
      return true;
    }
  }

  /**
   * Stochastic gradient descent with momentum. {@code weight_decay} times a weight is added to its
   * gradient.
   *
   * @param learningRate Learning rate of the optimiser.
   * @param momentum Momentum factor; 0 disables momentum.
   * @param weightDecay Factor of the weight that is added to its gradient; 0 disables weight decay.
   * @param nesterov Whether the step looks ahead along the momentum (Nesterov momentum); needs a
   *     momentum above 0; false when absent.
   */
  record Sgd(Double learningRate, Double momentum, Double weightDecay, @Nullable Boolean nesterov)
      implements OptimizerSpec {
    public Sgd {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      momentum = momentum == null ? 0.0 : momentum;
      weightDecay = weightDecay == null ? 0.0 : weightDecay;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(learningRate, "learning_rate");
      checkMomentum(momentum, mistakes);
      mistakes.between(weightDecay, 0, 1, "weight_decay");
      mistakes.require(
          nesterov == null || !nesterov || momentum > 0,
          "nesterov",
          "needs a momentum above 0, but momentum was " + momentum);
    }
  }

  /**
   * RMSprop (Hinton 2012): divides each gradient by a running root mean square of its past values.
   * {@code weight_decay} times a weight is added to its gradient.
   *
   * @param learningRate Learning rate of the optimiser; 0.01 when absent.
   * @param alpha Decay rate of the mean square.
   * @param eps Number added to the root mean square.
   * @param momentum Momentum factor; 0 disables momentum.
   * @param weightDecay Factor of the weight that is added to its gradient; 0 disables weight decay.
   * @param centered Whether the variance of the gradient replaces its mean square (Graves 2013,
   *     arXiv:1308.0850); false when absent.
   */
  record RmsProp(
      Double learningRate,
      Double alpha,
      Double eps,
      Double momentum,
      Double weightDecay,
      @Nullable Boolean centered)
      implements OptimizerSpec {
    public RmsProp {
      learningRate = learningRate == null ? 1e-2 : learningRate;
      alpha = alpha == null ? 0.99 : alpha;
      eps = eps == null ? 1e-8 : eps;
      momentum = momentum == null ? 0.0 : momentum;
      weightDecay = weightDecay == null ? 0.0 : weightDecay;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(learningRate, "learning_rate");
      mistakes.require(
          alpha >= 0 && alpha < 1, "alpha", "must be at least 0 and below 1 but was " + alpha);
      mistakes.positive(eps, "eps");
      checkMomentum(momentum, mistakes);
      mistakes.between(weightDecay, 0, 1, "weight_decay");
    }
  }

  private static void checkMomentum(double momentum, Mistakes mistakes) {
    mistakes.require(
        momentum >= 0 && momentum < 1,
        "momentum",
        "must be at least 0 and below 1 but was " + momentum);
  }
}
