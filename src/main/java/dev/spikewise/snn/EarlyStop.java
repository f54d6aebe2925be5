package dev.spikewise.snn;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EarlyStopping;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.TrainingSpec;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Evaluates the conditions of {@link EarlyStopping} after each epoch. */
final class EarlyStop {

  private static final String STATE = "early_stopping";

  private final @Nullable EarlyStopping rules;
  private final @Nullable Double target;
  private final LossTerm.@Nullable Mode mode;

  /** A float, as in the checkpoint, so that a resumed training compares with the same number. */
  private float best = Float.NEGATIVE_INFINITY;

  private int epochsWithoutBetter;
  private int epochsMet;

  /**
   * @param target target of the first synops term, in synops per sample
   */
  EarlyStop(TrainingSpec spec, @Nullable Double target) {
    rules = spec.earlyStopping();
    this.target = target;
    mode =
        spec.loss().stream()
            .filter(LossTerm.Synops.class::isInstance)
            .map(term -> ((LossTerm.Synops) term).mode())
            .findFirst()
            .orElse(null);
  }

  /** Updates the state with the metrics of a completed epoch. */
  void after(EpochMetrics epoch) {
    if (rules == null) {
      return;
    }
    epochsMet = target != null && met(epoch.synops() / target) ? epochsMet + 1 : 0;
    float value = rules.monitor().rate(epoch);
    if (value > best + rules.minDelta()) {
      best = value;
      epochsWithoutBetter = 0;
    } else {
      epochsWithoutBetter++;
    }
  }

  /** Outcome of the training if a condition is met; otherwise empty. */
  Optional<Trainer.Outcome> outcome() {
    if (rules == null) {
      return Optional.empty();
    }
    if (rules.targetMetEpochs() != null && epochsMet >= rules.targetMetEpochs()) {
      return Optional.of(Trainer.Outcome.TARGET_MET);
    }
    return rules.patience() != null && epochsWithoutBetter >= rules.patience()
        ? Optional.of(Trainer.Outcome.NO_IMPROVEMENT)
        : Optional.empty();
  }

  private boolean met(double ratio) {
    double tolerance = Objects.requireNonNull(rules).tolerance();
    return ratio <= 1 + tolerance && (mode == LossTerm.Mode.LIMIT || ratio >= 1 - tolerance);
  }

  StateDict state() {
    return new StateDict(
        rules == null
            ? Map.of()
            : Map.of(
                STATE,
                new Tensor(new int[] {3}, new float[] {best, epochsWithoutBetter, epochsMet})));
  }

  void restore(StateDict state) {
    Tensor stored = state.tensors().get(STATE);
    if (stored != null) {
      best = stored.data()[0];
      epochsWithoutBetter = (int) stored.data()[1];
      epochsMet = (int) stored.data()[2];
    }
  }
}
