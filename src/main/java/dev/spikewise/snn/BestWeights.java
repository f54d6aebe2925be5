package dev.spikewise.snn;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.RestoreBest;
import dev.spikewise.spec.TrainingSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Keeps the weights of the best epoch so far, as {@link RestoreBest} ranks epochs. */
final class BestWeights {

  private static final String STATE = "restore_best";
  private static final String WEIGHTS = STATE + "/";

  private final @Nullable RestoreBest rules;
  private final @Nullable Double target;

  private int epoch = -1;
  private boolean within;

  /** A float, as in the checkpoint, so that a resumed training compares with the same number. */
  private float score;

  private StateDict weights = new StateDict(Map.of());

  /**
   * @param target target of the first synops term, in synops per sample
   */
  BestWeights(TrainingSpec spec, @Nullable Double target) {
    rules = spec.restoreBest();
    boolean limited =
        spec.loss().stream()
            .filter(LossTerm.Synops.class::isInstance)
            .findFirst()
            .map(term -> ((LossTerm.Synops) term).mode() == LossTerm.Mode.LIMIT)
            .orElse(false);
    boolean withinTarget =
        rules != null && Objects.requireNonNullElse(rules.withinTarget(), limited);
    this.target = withinTarget ? target : null;
  }

  /** Number of the best epoch so far; -1 before the first epoch and without restore_best. */
  int epoch() {
    return epoch;
  }

  StateDict weights() {
    return weights;
  }

  void after(EpochMetrics metrics, Supplier<StateDict> current) {
    if (rules == null) {
      return;
    }
    double synops = metrics.testSynops() == null ? metrics.synops() : metrics.testSynops();
    boolean meets = target == null || synops <= target;
    float reached = meets ? rules.monitor().rate(metrics) : (float) -synops;
    if (epoch < 0 || (meets == within ? reached > score : meets)) {
      epoch = metrics.epoch();
      within = meets;
      score = reached;
      weights = current.get();
    }
  }

  StateDict state() {
    var tensors = new LinkedHashMap<String, Tensor>();
    if (epoch >= 0) {
      // The bits of an int, because a float represents integers exactly only up to 2^24.
      float[] state = {Float.intBitsToFloat(epoch), within ? 1 : 0, score};
      tensors.put(STATE, new Tensor(new int[] {state.length}, state));
      weights.tensors().forEach((name, tensor) -> tensors.put(WEIGHTS + name, tensor));
    }
    return new StateDict(tensors);
  }

  void restore(StateDict state) {
    Tensor stored = state.tensors().get(STATE);
    if (stored == null) {
      return;
    }
    epoch = Float.floatToRawIntBits(stored.data()[0]);
    within = stored.data()[1] == 1;
    score = stored.data()[2];
    var best = new LinkedHashMap<String, Tensor>();
    state
        .tensors()
        .forEach(
            (name, tensor) -> {
              if (name.startsWith(WEIGHTS)) {
                best.put(name.substring(WEIGHTS.length()), tensor);
              }
            });
    weights = new StateDict(best);
  }
}
