package dev.spikewise.snn;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Channels;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ChannelPruning;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.TrainingSpec;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Decides at the start of an epoch which channels a training removes. */
final class ChannelPruner {

  private static final String STATE = "prune_channels";

  private final @Nullable ChannelPruning rules;
  private final int epochs;
  private final ModelSpec original;
  private final @Nullable Double target;

  /** Whether the last epoch had more synops than the target. */
  private boolean above;

  /**
   * @param original network before the training
   * @param target target of the first synops term, in synops per sample
   */
  ChannelPruner(TrainingSpec spec, ModelSpec original, @Nullable Double target) {
    rules = spec.pruneChannels();
    epochs = spec.epochs();
    this.original = original;
    this.target = target;
  }

  boolean isActive() {
    return rules != null;
  }

  /** The network that an epoch trains; null where it has all channels of the current one. */
  Channels.@Nullable Smaller smaller(int epoch, ModelSpec model, StateDict weights) {
    if (rules == null || rules.aboveTarget() && !above) {
      return null;
    }
    double fraction = rules.fraction(epoch, epochs);
    return fraction == 0 ? null : new Channels(model).remove(rules, fraction, weights, original);
  }

  /** The network whose weights these are. */
  TrainedModel fit(StateDict weights) {
    return new TrainedModel(Channels.fit(original, weights), weights);
  }

  void after(EpochMetrics metrics) {
    double synops = metrics.testSynops() == null ? metrics.synops() : metrics.testSynops();
    above = target != null && synops > target;
  }

  StateDict state() {
    return new StateDict(
        rules == null
            ? Map.of()
            : Map.of(STATE, new Tensor(new int[] {1}, new float[] {above ? 1 : 0})));
  }

  void restore(StateDict state) {
    Tensor stored = state.tensors().get(STATE);
    above = stored != null && stored.data()[0] == 1;
  }
}
