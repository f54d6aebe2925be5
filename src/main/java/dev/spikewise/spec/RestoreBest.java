package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Mistakes;
import org.jspecify.annotations.Nullable;

/**
 * Choice of the epoch whose weights are kept at the end of a training. Of two equally good epochs
 * the earlier one is kept.
 *
 * @param monitor Metric that decides: the lowest {@code loss}, or the highest {@code accuracy} or
 *     {@code test_accuracy}; {@code loss} when absent.
 * @param withinTarget Whether an epoch within the target of the first synops term is better than
 *     every epoch above it, and among those above, the one with fewer synops is better. Test synops
 *     count where there are test samples. When absent: true if that term has mode {@code limit}.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RestoreBest(Monitor monitor, @Nullable Boolean withinTarget) {

  public RestoreBest {
    monitor = monitor == null ? Monitor.LOSS : monitor;
  }

  void check(Mistakes mistakes, boolean hasTarget, boolean labelled) {
    monitor.check(mistakes, labelled);
    mistakes.require(
        hasTarget || !Boolean.TRUE.equals(withinTarget),
        "within_target",
        "needs a target: add a loss term of type synops");
  }
}
