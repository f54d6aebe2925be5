package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;

/** PyTorch's optimisers, with PyTorch's defaults. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({@JsonSubTypes.Type(value = OptimizerSpec.Adam.class, name = "adam")})
public sealed interface OptimizerSpec {

  void check(Mistakes mistakes);

  /** Kingma and Ba 2015, arXiv:1412.6980. */
  record Adam(Double learningRate, List<Double> betas, Double eps) implements OptimizerSpec {
    public Adam {
      learningRate = learningRate == null ? 1e-3 : learningRate;
      betas = betas == null ? List.of(0.9, 0.999) : List.copyOf(betas);
      eps = eps == null ? 1e-8 : eps;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(learningRate, "learning_rate");
      mistakes.require(
          betas.size() == 2 && betas.stream().allMatch(b -> b >= 0 && b < 1),
          "betas",
          "must be two numbers, each at least 0 and below 1, was " + betas);
      mistakes.positive(eps, "eps");
    }
  }
}
