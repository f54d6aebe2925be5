package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.TrainingSpec;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** Network whose outputs another one learns; its weights do not change. */
final class Teacher {

  private static final String STATE = "teacher";
  private static final int HALF = 16;

  private final Executor network;
  private final Feed feed;
  private final Engine engine;
  private final LossTerm.Distillation term;
  private final String pointer;
  private final float[] logits;
  private final float[] fingerprint;

  private Teacher(TrainingSpec spec, int index, TrainedModel model, Feed feed, Engine engine) {
    this.feed = feed;
    this.engine = engine;
    term = (LossTerm.Distillation) spec.loss().get(index);
    pointer = "/loss/" + index + "/teacher";
    network =
        engine.executor(
            model.spec(),
            spec.batchSize(),
            spec.timeSteps(),
            Feed.constant(spec.input()),
            Purpose.MEASURING);
    network.load(model.weights());
    network.train(false);
    logits = new float[spec.batchSize() * network.outputs()];
    fingerprint = fingerprint(model.weights());
  }

  /** The teacher of a training; null where no loss term has one. */
  static @Nullable Teacher of(
      TrainingSpec spec, @Nullable TrainedModel model, Feed feed, Engine engine) {
    Integer index = spec.distillation();
    if (index == null) {
      return null;
    }
    if (model == null) {
      throw new InvalidSpecException(
          "/loss/" + index + "/teacher", "must have weights, but none are given");
    }
    return new Teacher(spec, index, model, feed, engine);
  }

  /** Outputs for this process's samples of a batch, [samples, outputs]. */
  float[] logits(int[] samples, int from, int batch, int epoch, Runnable goOn) {
    network.reset();
    int[] order = network.inputOrder();
    var share = network.share(batch);
    engine
        .parallel()
        .run(
            share.size(),
            b ->
                feed.encodeForTraining(
                    epoch,
                    samples[from + share.first() + b],
                    order,
                    network.input(),
                    b * network.inputSize()));
    network.forward(batch, goOn);
    network.sumOutput(share.size(), logits);
    if (term.teacherLogits() == LossTerm.Distillation.Logits.MEAN) {
      for (int i = 0; i < share.size() * network.outputs(); i++) {
        logits[i] /= network.timeSteps();
      }
    }
    return logits;
  }

  private static float[] fingerprint(StateDict weights) {
    var crc = new CRC32C();
    crc.update(Checkpoint.initial(weights).toBytes());
    // Halves, because a float represents integers exactly only up to 2^24.
    return new float[] {crc.getValue() >>> HALF, crc.getValue() & 0xffff};
  }

  StateDict state() {
    return new StateDict(Map.of(STATE, new Tensor(new int[] {2}, fingerprint)));
  }

  /**
   * @throws InvalidSpecException when the training began with other weights of the teacher, because
   *     its result would be that of neither
   */
  void restore(StateDict state) {
    Tensor began = state.tensors().get(STATE);
    if (began != null && !Arrays.equals(began.data(), fingerprint)) {
      throw new InvalidSpecException(
          pointer,
          "must not change during the training, but its weights are not those with which the"
              + " training began: submit the job again");
    }
  }
}
