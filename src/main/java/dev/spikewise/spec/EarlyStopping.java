package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/**
 * Conditions under which a training ends before its last epoch; either rule or both.
 *
 * @param targetMetEpochs Number of successive epochs that must meet the target of the first synops
 *     term: at most {@code tolerance} away from it or, in mode {@code limit}, not above it.
 * @param tolerance Relative distance from the target that counts as met.
 * @param patience Number of successive epochs without a better {@code monitor} after which the
 *     training ends.
 * @param monitor Metric that must improve: {@code loss}, {@code accuracy} or {@code test_accuracy}.
 * @param minDelta Smallest change of {@code monitor} that counts as an improvement.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record EarlyStopping(
    @Nullable Integer targetMetEpochs,
    Double tolerance,
    @Nullable Integer patience,
    Monitor monitor,
    Double minDelta) {

  public EarlyStopping {
    tolerance = tolerance == null ? 0.05 : tolerance;
    monitor = monitor == null ? Monitor.LOSS : monitor;
    minDelta = minDelta == null ? 0.0 : minDelta;
  }

  void check(Mistakes mistakes, boolean hasTarget, boolean labelled) {
    if (targetMetEpochs == null && patience == null) {
      mistakes.add("must have target_met_epochs, patience or both");
    }
    if (targetMetEpochs != null) {
      mistakes.atLeast(targetMetEpochs, 1, "target_met_epochs");
      mistakes.require(
          hasTarget, "target_met_epochs", "needs a target: add a loss term of type synops");
    }
    mistakes.between(tolerance, 0, 1, "tolerance");
    if (patience != null) {
      mistakes.atLeast(patience, 1, "patience");
      monitor.check(mistakes, labelled);
    }
    mistakes.require(
        minDelta >= 0 && Double.isFinite(minDelta),
        "min_delta",
        "must be at least 0 but was " + minDelta);
  }
}
