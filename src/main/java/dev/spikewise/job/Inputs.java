package dev.spikewise.job;

import dev.spikewise.dataset.Datasets;
import dev.spikewise.model.Models;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.TrainingSpec;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;

/** Resolves the stored models and data sets that a specification refers to. */
@Component
class Inputs {

  private final Models models;
  private final Datasets datasets;

  Inputs(Models models, Datasets datasets) {
    this.models = models;
    this.datasets = datasets;
  }

  Models.Network model(ModelRef ref) {
    return models.resolve(ref);
  }

  /**
   * The network that teaches a training; null without a loss term of type distillation.
   *
   * @param networks resolves the reference
   * @throws InvalidSpecException when there is no such network or the caller may not see it
   */
  static Models.@Nullable Network teacher(
      TrainingSpec spec, Function<ModelRef, Models.Network> networks) {
    Integer index = spec.distillation();
    if (index == null || !(spec.loss().get(index) instanceof LossTerm.Distillation term)) {
      return null;
    }
    try {
      return networks.apply(term.teacher());
    } catch (InvalidSpecException e) {
      var mistakes = new Mistakes();
      e.mistakes()
          .forEach(
              mistake ->
                  mistakes
                      .in("loss")
                      .in(index)
                      .in("teacher")
                      .in(mistake.pointer().substring("/model/".length()))
                      .add(mistake.detail()));
      throw new InvalidSpecException(mistakes.list());
    }
  }

  /** A network with its weights; null without weights. */
  static @Nullable TrainedModel trained(Models.@Nullable Network network) {
    return network == null || network.weights() == null
        ? null
        : new TrainedModel(network.spec(), network.weights());
  }

  @Nullable Dataset dataset(InputSpec input) {
    return input instanceof InputSpec.FromDataset named ? datasets.resolve(named) : null;
  }

  /** Name of each class, by label; null when the data set names no classes. */
  @Nullable List<String> classNames(InputSpec input) {
    return input instanceof InputSpec.FromDataset named ? datasets.classNames(named) : null;
  }

  /** Keeps the data set from being deleted until the end of the transaction; null for none. */
  void hold(@Nullable String dataset) {
    if (dataset != null) {
      datasets.hold(dataset);
    }
  }

  /** Memory that the samples of the input use, in bytes; 0 for generated input. */
  long memoryBytes(InputSpec input) {
    return input instanceof InputSpec.FromDataset named ? datasets.memoryBytes(named) : 0;
  }

  /** Number of training samples per epoch on {@code dataset}. */
  static long samplesPerEpoch(TrainingSpec spec, @Nullable Dataset dataset) {
    if (dataset == null || !(spec.input() instanceof InputSpec.FromDataset input)) {
      return spec.batchSize();
    }
    return Feed.trainSize(input, dataset);
  }
}
