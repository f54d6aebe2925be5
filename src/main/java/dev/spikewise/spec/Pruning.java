package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Removal of the weights with the smallest absolute values during a training. The sparsity rises
 * with the epochs as {@code s_e = s + (s_0 - s) * (1 - (e - start) / (end - start))^3} (Zhu and
 * Gupta 2017, arXiv:1710.01878). Weights are chosen at the start of each epoch and are 0 from then
 * on; biases are kept.
 *
 * @param sparsity Fraction of the weights that are 0 at the end, at least 0 and below 1.
 * @param initialSparsity Fraction of the weights that are 0 from {@code start_epoch} on; 0 when
 *     absent.
 * @param startEpoch First epoch that removes weights, counted from 0; 0 when absent.
 * @param endEpoch First epoch with the final sparsity; three quarters of {@code epochs} when
 *     absent. Early stopping and {@code restore_best} consider the epochs from this one on.
 * @param scope Weights that are compared with each other: those of each layer, or of all layers.
 *     {@code layer} when absent.
 * @param layers Names of the layers with weights to prune; all of them when absent.
 * @param keepZeros Whether weights that are 0 in the initial model stay 0, as to train a pruned
 *     model further; false when absent.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Pruning(
    @Nullable Double sparsity,
    Double initialSparsity,
    Integer startEpoch,
    @Nullable Integer endEpoch,
    Scope scope,
    @Nullable List<String> layers,
    Boolean keepZeros) {

  /** Weights that are compared with each other. */
  public enum Scope {
    /** The weights of each layer. */
    @JsonProperty("layer")
    LAYER,
    /** The weights of all layers together. */
    @JsonProperty("model")
    MODEL
  }

  public Pruning {
    initialSparsity = initialSparsity == null ? 0.0 : initialSparsity;
    startEpoch = startEpoch == null ? 0 : startEpoch;
    scope = scope == null ? Scope.LAYER : scope;
    layers = layers == null ? null : List.copyOf(layers);
    keepZeros = keepZeros != null && keepZeros;
  }

  /** First epoch with the final sparsity. */
  public int end(int epochs) {
    return endEpoch == null ? Math.max(startEpoch, epochs * 3 / 4) : endEpoch;
  }

  /** Fraction of the weights that are 0 in an epoch. */
  public double sparsity(int epoch, int epochs) {
    if (sparsity == null || epoch < startEpoch) {
      return 0;
    }
    int end = end(epochs);
    if (epoch >= end) {
      return sparsity;
    }
    double left = 1 - (epoch - startEpoch) / (double) (end - startEpoch);
    return sparsity + (initialSparsity - sparsity) * left * left * left;
  }

  void check(Mistakes mistakes, int epochs) {
    mistakes.require(
        sparsity != null || keepZeros,
        "sparsity",
        "is missing: give the fraction of weights to remove, or keep_zeros");
    checkFraction(sparsity, "sparsity", mistakes);
    checkFraction(initialSparsity, "initial_sparsity", mistakes);
    if (sparsity != null) {
      mistakes.require(
          initialSparsity <= sparsity,
          "initial_sparsity",
          "must be at most sparsity, " + sparsity + ", but was " + initialSparsity);
    }
    checkEpochs(mistakes, epochs);
  }

  void checkEpochs(Mistakes mistakes, int epochs) {
    mistakes.atLeast(startEpoch, 0, "start_epoch");
    int end = end(epochs);
    mistakes.require(
        end >= startEpoch && end < epochs,
        endEpoch == null ? "start_epoch" : "end_epoch",
        "must leave at least one epoch with the final sparsity: start_epoch "
            + startEpoch
            + " <= end_epoch "
            + end
            + " < epochs "
            + epochs);
  }

  private static void checkFraction(@Nullable Double value, String name, Mistakes mistakes) {
    mistakes.require(
        value == null || value >= 0 && value < 1,
        name,
        "must be at least 0 and below 1 but was " + value);
  }
}
