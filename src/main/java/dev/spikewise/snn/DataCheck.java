package dev.spikewise.snn;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import java.util.List;

/**
 * Checks a data set against the network, encoding and time steps that it is used with. Analyses,
 * trainings, dry runs and conversions perform this check before they build a {@link Feed}, which
 * relies on it.
 */
record DataCheck(
    InputSpec.FromDataset input, Dataset dataset, ModelSpec model, int batchSize, int timeSteps) {

  /**
   * Adds every mistake, with pointers such as {@code /input/encoding} and {@code /time_steps} below
   * the place of {@code mistakes}.
   */
  void run(Mistakes mistakes) {
    var at = mistakes.in("input");
    checkShape(at);
    checkTime(at, mistakes);
    at.require(
        !dataset.hasLabelsPerStep() || input.shuffle() != InputSpec.Shuffle.BALANCED,
        "shuffle",
        "must be random because data set `"
            + dataset.name()
            + "` has labels per time step, so that a sample has no class of its own");
    at.require(
        !dataset.hasTestSplit() || input.testFraction() == null,
        "test_fraction",
        "must be left out because data set `"
            + dataset.name()
            + "` has a test split of its own; remove it");
    if (at.isEmpty() && new Feed(input, dataset, model, batchSize, timeSteps, 0).trainSize() == 0) {
      at.add("leaves no sample to train on: use a smaller test_fraction or a larger limit");
    }
  }

  /**
   * @throws InvalidSpecException with every mistake
   */
  void require(Mistakes mistakes) {
    run(mistakes);
    mistakes.throwIfAny();
  }

  private void checkShape(Mistakes at) {
    Shape wanted = model.graph().inputShape();
    if (fits(dataset.shape(), wanted)) {
      return;
    }
    var found =
        "Samples of data set `%s` have shape %s, but the model expects %s"
            .formatted(dataset.name(), dataset.shape().dims(), wanted.dims());
    at.in("id")
        .add(
            found
                + (channelsLast(dataset.shape().dims(), wanted.dims())
                    ? ": upload the images again with layout=channels_last"
                    : dataset.shape().size() == wanted.size()
                        ? ", which holds the same number of values in another order: transpose or"
                            + " reshape the array before the upload"
                        : ": change input_shape or use another data set"));
  }

  /**
   * Whether both shapes have the same row-major layout, so that every value is where the model
   * expects it.
   */
  private static boolean fits(Shape found, Shape wanted) {
    if (found.size() != wanted.size()) {
      return false;
    }
    var from = withoutOnes(found);
    var to = withoutOnes(wanted);
    return from.equals(to) || to.size() <= 1 || from.size() <= 1 && wanted.dims().getFirst() == 1;
  }

  private static List<Integer> withoutOnes(Shape shape) {
    return shape.dims().stream().filter(d -> d != 1).toList();
  }

  private static boolean channelsLast(List<Integer> found, List<Integer> wanted) {
    return found.size() == 3 && wanted.equals(List.of(found.get(2), found.get(0), found.get(1)));
  }

  private void checkTime(Mistakes at, Mistakes mistakes) {
    boolean hasTime = dataset.timeSteps() > 0;
    boolean wantsTime = input.encoding().hasTime();
    at.require(
        hasTime == wantsTime,
        "encoding",
        hasTime
            ? "must be spikes or delta because the samples of data set `"
                + dataset.name()
                + "` have a time axis"
            : "must be rate, constant or latency because the samples of data set `"
                + dataset.name()
                + "` have no time axis");
    if (hasTime && wantsTime) {
      mistakes.require(
          timeSteps <= dataset.timeSteps(),
          "time_steps",
          "must be at most %d, the time steps of data set `%s`, but was %d"
              .formatted(dataset.timeSteps(), dataset.name(), timeSteps));
    }
  }
}
