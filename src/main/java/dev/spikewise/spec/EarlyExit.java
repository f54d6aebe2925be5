package dev.spikewise.spec;

import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;

/**
 * Confidence at which the network stops reading a sample before its last time step. The confidence
 * after a time step is the largest value of the softmax of the output accumulated so far; a sample
 * ends at the first time step whose confidence reaches the threshold, or at its last time step.
 *
 * @param thresholds Confidences to compare, each above 0 and at most 1; 0.5, 0.6, 0.7, 0.8, 0.9,
 *     0.95, 0.99 and 0.999 when absent.
 */
public record EarlyExit(List<Double> thresholds) {

  /** Thresholds of a request that names none. */
  public static final EarlyExit DEFAULT =
      new EarlyExit(List.of(0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999));

  private static final int MOST = 64;

  public EarlyExit {
    thresholds =
        thresholds == null
            ? DEFAULT.thresholds
            : Collections.unmodifiableList(new ArrayList<>(thresholds));
  }

  void check(Mistakes mistakes, boolean labelled) {
    if (!labelled) {
      mistakes.add("requires labels: use an input of type dataset");
    }
    mistakes.require(
        !thresholds.isEmpty() && thresholds.size() <= MOST,
        "thresholds",
        "must have between 1 and " + MOST + " values but has " + thresholds.size());
    var seen = new HashSet<Double>();
    for (int i = 0; i < thresholds.size() && !mistakes.isFull(); i++) {
      Double threshold = thresholds.get(i);
      var at = mistakes.in("thresholds").in(i);
      if (threshold == null) {
        at.add("must be a number but was null");
      } else if (!(threshold > 0 && threshold <= 1)) {
        at.add("must be above 0 and at most 1 but was " + threshold);
      } else if (!seen.add(threshold)) {
        at.add("must not repeat the value " + threshold);
      }
    }
  }
}
