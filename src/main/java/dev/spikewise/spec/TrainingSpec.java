package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Request to train a network.
 *
 * @param dt Length of a time step in seconds, for figures per second; figures per second are null
 *     when absent.
 * @param lrScheduler Schedule of the optimiser's learning rate; constant when absent.
 * @param clipGradNorm Maximum Euclidean norm of all gradients together, as in PyTorch's
 *     clip_grad_norm_; unlimited when absent.
 * @param clipGradValue Maximum absolute value of each gradient, as in PyTorch's clip_grad_value_;
 *     unlimited when absent.
 * @param seed Seed of initial weights, shuffling and random input.
 * @param quantize Bits of a quantised network to evaluate after each epoch, and whether the
 *     training itself computes with rounded weights.
 * @param maxRuntimeSeconds Maximum active training time in seconds; unlimited when absent.
 * @param name Display name of the job.
 * @param model Stored model or model definition to train.
 * @param input Input that the network receives.
 * @param batchSize Number of samples per batch.
 * @param timeSteps Number of time steps per sample.
 * @param epochs Maximum number of passes over the training samples.
 * @param optimizer Optimiser that updates the weights.
 * @param earlyStopping Conditions for an earlier end; the training runs all epochs when absent.
 * @param restoreBest Choice of the epoch whose weights are kept; those of the last epoch when
 *     absent.
 * @param prune Weights to remove during the training; none when absent.
 * @param pruneChannels Channels to remove during the training; none when absent.
 * @param earlyExit Confidences at which test samples end early, for the results over time; a
 *     default list when absent.
 * @param loss Loss terms whose weighted sum is minimised.
 * @param gates Conditions on the result.
 * @param labels Labels of the job, key to value.
 * @param priority Priority among the tenant's jobs; larger values run first.
 * @param checkpointEveryEpochs Number of epochs between two checkpoints.
 * @param accumulateBatches Number of batches whose mean gradient makes one optimiser step, as if
 *     they were one larger batch; 1 when absent. The last step of an epoch may take fewer.
 * @param activationCheckpointing Whether the backward pass computes activations again instead of
 *     keeping those of the whole batch: less memory for more time, with the same results bit for
 *     bit.
 * @param ranks Least number of MPI processes that share the training: only a worker of that many
 *     processes takes the job; any worker when absent. The results are the same bit for bit.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TrainingSpec(
    @Nullable String name,
    ModelRef model,
    InputSpec input,
    Integer batchSize,
    Integer timeSteps,
    @Nullable Double dt,
    Integer epochs,
    Long seed,
    OptimizerSpec optimizer,
    @Nullable LrScheduler lrScheduler,
    @Nullable Double clipGradNorm,
    @Nullable Double clipGradValue,
    @Nullable EarlyStopping earlyStopping,
    @Nullable RestoreBest restoreBest,
    @Nullable Pruning prune,
    @Nullable ChannelPruning pruneChannels,
    @Nullable EarlyExit earlyExit,
    List<LossTerm> loss,
    @Nullable Quantization quantize,
    List<Gate> gates,
    Map<String, String> labels,
    Integer priority,
    @Nullable Long maxRuntimeSeconds,
    Integer checkpointEveryEpochs,
    @Nullable Integer accumulateBatches,
    Boolean activationCheckpointing,
    @Nullable Integer ranks)
    implements Checked, Labelled {

  private static final int MOST_RANKS = 16;

  public TrainingSpec {
    input = input == null ? new InputSpec.Constant(1.0) : input;
    batchSize = batchSize == null ? 1 : batchSize;
    timeSteps = timeSteps == null ? 10 : timeSteps;
    epochs = epochs == null ? 100 : epochs;
    seed = seed == null ? 1 : seed;
    optimizer = optimizer == null ? OptimizerSpec.DEFAULT : optimizer;
    loss = loss == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(loss));
    gates = gates == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(gates));
    labels =
        labels == null ? Map.of() : Collections.unmodifiableMap(new java.util.TreeMap<>(labels));
    priority = priority == null ? 0 : priority;
    checkpointEveryEpochs = checkpointEveryEpochs == null ? 10 : checkpointEveryEpochs;
    activationCheckpointing = activationCheckpointing != null && activationCheckpointing;
  }

  /** Index of the loss term with a teacher; null without one. */
  public @Nullable Integer distillation() {
    for (int i = 0; i < loss.size(); i++) {
      if (loss.get(i) instanceof LossTerm.Distillation) {
        return i;
      }
    }
    return null;
  }

  /** Number of batches per optimiser step. */
  public int batchesPerStep() {
    return accumulateBatches == null ? 1 : accumulateBatches;
  }

  /** First epoch whose network has its final size and sparsity. */
  public int pruned() {
    int end = prune == null ? 0 : prune.end(epochs);
    return pruneChannels == null ? end : Math.max(end, pruneChannels.end(epochs));
  }

  /** Processes that the training needs. */
  public int leastRanks() {
    return ranks == null ? 1 : ranks;
  }

  /** All monitored metrics, by the pointer of the place that names each. */
  public Map<String, Monitor> monitors() {
    var monitors = new LinkedHashMap<String, Monitor>();
    if (lrScheduler != null && lrScheduler.monitored() != null) {
      monitors.put("lr_scheduler", lrScheduler.monitored());
    }
    if (earlyStopping != null && earlyStopping.patience() != null) {
      monitors.put("early_stopping", earlyStopping.monitor());
    }
    if (restoreBest != null) {
      monitors.put("restore_best", restoreBest.monitor());
    }
    return monitors;
  }

  /** Returns this training with another name and loss. */
  TrainingSpec with(@Nullable String name, List<LossTerm> loss) {
    return new TrainingSpec(
        name,
        model,
        input,
        batchSize,
        timeSteps,
        dt,
        epochs,
        seed,
        optimizer,
        lrScheduler,
        clipGradNorm,
        clipGradValue,
        earlyStopping,
        restoreBest,
        prune,
        pruneChannels,
        earlyExit,
        loss,
        quantize,
        gates,
        labels,
        priority,
        maxRuntimeSeconds,
        checkpointEveryEpochs,
        accumulateBatches,
        activationCheckpointing,
        ranks);
  }

  @Override
  public void check(Mistakes mistakes) {
    if (mistakes.require(
        model != null, "model", "is missing: give {\"id\": \"...\"} or a model definition")) {
      model.check(mistakes.in("model"));
    }
    input.check(mistakes.in("input"));
    mistakes.atLeast(batchSize, 1, "batch_size");
    mistakes.atLeast(timeSteps, 1, "time_steps");
    mistakes.atLeast(epochs, 1, "epochs");
    mistakes.between(seed, 0, 0xffffffffL, "seed");
    checkNaming(name, labels, mistakes);
    mistakes.between(priority, -1000, 1000, "priority");
    mistakes.atLeast(checkpointEveryEpochs, 1, "checkpoint_every_epochs");
    if (accumulateBatches != null) {
      mistakes.atLeast(accumulateBatches, 1, "accumulate_batches");
    }
    if (ranks != null) {
      // A batch is divided into at most MOST_RANKS parts, so further processes would be idle.
      mistakes.between(ranks, 1, MOST_RANKS, "ranks");
    }
    if (dt != null) {
      mistakes.positive(dt, "dt");
    }
    if (maxRuntimeSeconds != null) {
      mistakes.atLeast(maxRuntimeSeconds, 1, "max_runtime_seconds");
    }
    optimizer.check(mistakes.in("optimizer"));
    boolean labelled = input instanceof InputSpec.FromDataset;
    boolean hasTarget = loss.stream().anyMatch(LossTerm.Synops.class::isInstance);
    if (lrScheduler != null) {
      var at = mistakes.in("lr_scheduler");
      lrScheduler.check(at);
      if (lrScheduler.monitored() != null) {
        lrScheduler.monitored().check(at, labelled);
      }
    }
    if (clipGradNorm != null) {
      mistakes.positive(clipGradNorm, "clip_grad_norm");
    }
    if (clipGradValue != null) {
      mistakes.positive(clipGradValue, "clip_grad_value");
    }
    if (earlyStopping != null) {
      earlyStopping.check(mistakes.in("early_stopping"), hasTarget, labelled);
    }
    if (restoreBest != null) {
      restoreBest.check(mistakes.in("restore_best"), hasTarget, labelled);
    }
    if (prune != null) {
      prune.check(mistakes.in("prune"), epochs);
    }
    if (pruneChannels != null) {
      pruneChannels.check(mistakes.in("prune_channels"), epochs, hasTarget);
    }
    if (earlyExit != null) {
      earlyExit.check(mistakes.in("early_exit"), labelled);
    }
    if (quantize != null) {
      quantize.check(mistakes.in("quantize"));
      mistakes
          .in("quantize")
          .require(
              quantize.startEpoch() == null || quantize.startEpoch() < epochs,
              "start_epoch",
              "must be less than epochs, " + epochs + ", but was " + quantize.startEpoch());
    }
    for (int i = 0; i < loss.size(); i++) {
      var at = mistakes.in("loss").in(i);
      switch (loss.get(i)) {
        case null -> at.add("must be a loss term but was null");
        case LossTerm.CrossEntropy term -> checkLabelled("cross_entropy", term, at);
        case LossTerm.MseCount term -> checkLabelled("mse_count", term, at);
        case LossTerm.MaxMembraneCrossEntropy term ->
            checkLabelled("max_membrane_cross_entropy", term, at);
        case LossTerm.StepCrossEntropy term -> checkLabelled("step_cross_entropy", term, at);
        case LossTerm.MseMembrane term -> checkLabelled("mse_membrane", term, at);
        case LossTerm.Distillation term -> {
          term.check(at);
          at.require(
              Integer.valueOf(i).equals(distillation()),
              "teacher",
              "must be the only one: a training has at most one loss term of type distillation");
        }
        case LossTerm.Synops term -> {
          term.check(at);
          if (term.unit() == LossTerm.Unit.PER_SECOND && dt == null) {
            at.in("unit").add("per_second requires dt, the length of a time step in seconds");
          }
        }
        case LossTerm.FiringRate term -> term.check(at);
        case LossTerm.L1 term -> term.check(at);
        case LossTerm.WeightNorm term -> term.check(at);
        case LossTerm.InputDifference term -> term.check(at);
      }
    }
    for (int i = 0; i < gates.size(); i++) {
      var at = mistakes.in("gates").in(i);
      if (gates.get(i) == null) {
        at.add("must be a gate but was null");
      } else {
        gates.get(i).check(at);
      }
    }
  }

  private void checkLabelled(String name, LossTerm term, Mistakes mistakes) {
    term.check(mistakes);
    if (!(input instanceof InputSpec.FromDataset)) {
      mistakes.add(name + " requires labels: use an input of type dataset");
    }
  }

  /** Reports a name or labels that cannot be stored, apart from their length. */
  public static void checkNaming(
      @Nullable String name, @Nullable Map<String, String> labels, Mistakes mistakes) {
    if (name != null) {
      mistakes.name(name, "name");
    }
    if (labels == null) {
      return;
    }
    labels.forEach(
        (label, content) -> {
          var at = mistakes.in("labels");
          if (at.require(!label.isEmpty(), label, "must have a name")
              && at.require(content != null, label, "must be a string")) {
            at.name(label, label);
            at.text(content, label);
          }
        });
  }
}
