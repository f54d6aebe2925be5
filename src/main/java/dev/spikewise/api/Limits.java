package dev.spikewise.api;

import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.Mistakes;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What a request may ask for at most.
 *
 * @param layers of a model
 * @param epochs of a training
 * @param batchTimeSteps batch size times time steps
 * @param combinations of values and seeds in a sweep
 */
@ConfigurationProperties("spikewise.limits")
record Limits(
    @DefaultValue("256") int layers,
    @DefaultValue("1000000000") int epochs,
    @DefaultValue("1048576") long batchTimeSteps,
    @DefaultValue("256") int combinations) {

  /** Reports every limit that a body exceeds, by the name of its setting. */
  void check(@Nullable Object body, Mistakes mistakes) {
    switch (body) {
      case ModelSpec model -> checkLayers(model.layers(), mistakes);
      case AnalysisSpec analysis -> {
        checkModel(analysis.model(), mistakes);
        checkWork(analysis.batchSize(), analysis.timeSteps(), mistakes);
      }
      case TrainingSpec training -> {
        checkModel(training.model(), mistakes);
        checkWork(training.batchSize(), training.timeSteps(), mistakes);
        atMost(epochs, training.epochs(), "epochs", "spikewise.limits.epochs", mistakes);
      }
      case SweepSpec sweep -> {
        check(sweep.job(), mistakes.in("job"));
        atMost(
            combinations, sweep.combinations(), "over", "spikewise.limits.combinations", mistakes);
      }
      case null, default -> {}
    }
  }

  private void checkModel(@Nullable ModelRef model, Mistakes mistakes) {
    if (model != null) {
      checkLayers(model.layers(), mistakes.in("model"));
    }
  }

  private void checkLayers(@Nullable List<LayerSpec> given, Mistakes mistakes) {
    atMost(layers, given == null ? 0 : given.size(), "layers", "spikewise.limits.layers", mistakes);
  }

  private void checkWork(int batchSize, int timeSteps, Mistakes mistakes) {
    long work = (long) batchSize * timeSteps;
    mistakes.require(
        work <= batchTimeSteps,
        "batch_size",
        "times time_steps must be at most "
            + batchTimeSteps
            + " (spikewise.limits.batch-time-steps), was "
            + work);
  }

  private static void atMost(
      long most, long value, String name, String setting, Mistakes mistakes) {
    mistakes.require(
        value <= most, name, "must be at most " + most + " (" + setting + "), was " + value);
  }
}
