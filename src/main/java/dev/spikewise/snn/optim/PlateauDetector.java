package dev.spikewise.snn.optim;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.LrScheduler;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Counts how often PyTorch's ReduceLROnPlateau has lowered the learning rate. */
public final class PlateauDetector {

  private static final String STATE = "lr_scheduler";

  private final LrScheduler.@Nullable Plateau rules;

  /** A float, as in the checkpoint, so that a resumed training compares with the same number. */
  private float best;

  private int badEpochs;
  private int cooldown;
  private int reductions;

  /**
   * @param scheduler schedule of the training; any but ReduceLROnPlateau, and null, never lower it
   *     here
   */
  public PlateauDetector(@Nullable LrScheduler scheduler) {
    rules = scheduler instanceof LrScheduler.Plateau plateau ? plateau : null;
    best =
        rules != null && rules.monitor().isMaximised()
            ? Float.NEGATIVE_INFINITY
            : Float.POSITIVE_INFINITY;
  }

  /** Number of times that the learning rate was lowered. */
  public int reductions() {
    return reductions;
  }

  /** Updates the state with the metrics of a completed epoch. */
  public void after(EpochMetrics epoch) {
    if (rules == null) {
      return;
    }
    Double value = rules.monitor().of(epoch);
    if (value != null && isBetter(value.floatValue())) {
      best = value.floatValue();
      badEpochs = 0;
    } else {
      badEpochs++;
    }
    if (cooldown > 0) {
      cooldown--;
      badEpochs = 0;
    }
    if (badEpochs > rules.patience()) {
      reductions++;
      cooldown = rules.cooldown();
      badEpochs = 0;
    }
  }

  private boolean isBetter(float value) {
    double threshold = Objects.requireNonNull(rules).threshold();
    return rules.monitor().isMaximised()
        ? value > best * (1 + threshold)
        : value < best * (1 - threshold);
  }

  /** What {@link #restore} needs to continue. */
  public StateDict state() {
    return new StateDict(
        rules == null
            ? Map.of()
            : Map.of(
                STATE,
                new Tensor(new int[] {4}, new float[] {best, badEpochs, cooldown, reductions})));
  }

  public void restore(StateDict state) {
    Tensor stored = state.tensors().get(STATE);
    if (stored != null) {
      best = stored.data()[0];
      badEpochs = (int) stored.data()[1];
      cooldown = (int) stored.data()[2];
      reductions = (int) stored.data()[3];
    }
  }
}
