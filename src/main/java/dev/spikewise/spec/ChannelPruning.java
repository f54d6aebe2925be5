package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Removal of whole channels (kernels of a convolution, neurons of a fully connected layer) during a
 * training. The network becomes smaller: weights, synops, exports and later epochs are those of the
 * remaining channels. The fraction rises with the epochs as the sparsity of {@code prune} does (Zhu
 * and Gupta 2017, arXiv:1710.01878), and channels are chosen at the start of each epoch by their
 * weights, as PyTorch's {@code prune.ln_structured} does. Channels that an {@code Add} joins are
 * removed together.
 *
 * @param fraction Fraction of the channels of each layer that is removed at the end, above 0 and
 *     below 1. At least one channel remains.
 * @param norm Norm that ranks channels: {@code l1} or {@code l2} of the weights of a channel's
 *     kernels; those of channels that are joined are added. {@code l1} when absent.
 * @param startEpoch First epoch that removes channels, counted from 0; 0 when absent.
 * @param endEpoch Last epoch that removes channels; three quarters of {@code epochs} when absent.
 *     Early stopping and {@code restore_best} consider the epochs from this one on.
 * @param aboveTarget Whether channels are removed only after an epoch with more synops than the
 *     target of the first synops term (test synops where there are test samples); false when
 *     absent.
 * @param layers Names of the layers whose channels are removed; all layers that allow it when
 *     absent.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ChannelPruning(
    Double fraction,
    Norm norm,
    Integer startEpoch,
    @Nullable Integer endEpoch,
    Boolean aboveTarget,
    @Nullable List<String> layers) {

  /** Norm of the weights of a channel. */
  public enum Norm {
    /** Sum of the absolute values. */
    @JsonProperty("l1")
    L1,
    /** Square root of the sum of squares. */
    @JsonProperty("l2")
    L2
  }

  public ChannelPruning {
    norm = norm == null ? Norm.L1 : norm;
    startEpoch = startEpoch == null ? 0 : startEpoch;
    aboveTarget = aboveTarget != null && aboveTarget;
    layers = layers == null ? null : List.copyOf(layers);
  }

  private Pruning schedule() {
    return new Pruning(fraction, 0.0, startEpoch, endEpoch, Pruning.Scope.LAYER, null, false);
  }

  /** Last epoch that removes channels. */
  public int end(int epochs) {
    return schedule().end(epochs);
  }

  /** Fraction of the channels that are removed by the start of an epoch. */
  public double fraction(int epoch, int epochs) {
    return epoch > end(epochs) ? 0 : schedule().sparsity(epoch, epochs);
  }

  void check(Mistakes mistakes, int epochs, boolean hasTarget) {
    if (mistakes.require(
        fraction != null, "fraction", "is missing: give the fraction of channels to remove")) {
      mistakes.require(
          fraction > 0 && fraction < 1,
          "fraction",
          "must be above 0 and below 1 but was " + fraction);
    }
    schedule().checkEpochs(mistakes, epochs);
    mistakes.require(
        hasTarget || !aboveTarget,
        "above_target",
        "needs a target: add a loss term of type synops");
  }
}
