package dev.spikewise.model;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.Labelled;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Upper limits of requests and uploaded files.
 *
 * @param layers Maximum number of layers per model.
 * @param tensorValues Maximum number of values per tensor: the weights of a layer, or its output
 *     for one sample at one time step. At most 67108864.
 * @param epochs Maximum number of epochs per training.
 * @param batchTimeSteps Maximum of batch size times time steps.
 * @param combinations Maximum number of jobs per sweep (values times seeds).
 * @param trials Maximum number of trials per search.
 * @param listEntries Maximum number of entries per list in a JSON body.
 * @param entries Maximum number of entries of all lists in a JSON body together.
 * @param terms Maximum number of loss terms, and of gates, per job.
 * @param documentSize Maximum size of a job, sweep, search or model as it is stored, weights
 *     excluded.
 * @param nameLength Maximum number of characters in a name and in a label's key. At most 200.
 * @param labels Maximum number of labels per job.
 * @param labelLength Maximum number of characters in a label's value. At most 1000.
 */
@ConfigurationProperties("spikewise.limits")
public record Limits(
    @DefaultValue("256") int layers,
    @DefaultValue("67108864") int tensorValues,
    @DefaultValue("1000000000") int epochs,
    @DefaultValue("1048576") long batchTimeSteps,
    @DefaultValue("256") int combinations,
    @DefaultValue("1024") int trials,
    @DefaultValue("4096") int listEntries,
    @DefaultValue("16384") int entries,
    @DefaultValue("256") int terms,
    @DefaultValue("1MB") DataSize documentSize,
    @DefaultValue("200") int nameLength,
    @DefaultValue("64") int labels,
    @DefaultValue("1000") int labelLength) {

  /** Sizes of the database columns. */
  private static final int LONGEST_NAME = 200;

  private static final int LONGEST_LABEL = 1000;

  public Limits {
    requireAtMost(tensorValues, ModelSpec.MAX_SIZE, "tensor-values");
    requireAtMost(nameLength, LONGEST_NAME, "name-length");
    requireAtMost(labelLength, LONGEST_LABEL, "label-length");
  }

  private static void requireAtMost(int value, int most, String setting) {
    if (value > most) {
      throw new IllegalArgumentException(
          "spikewise.limits." + setting + " must be at most " + most + " but was " + value);
    }
  }

  /** Reports every limit that a body exceeds, by the name of its setting. */
  public void check(@Nullable Object body, Mistakes mistakes) {
    if (body instanceof Labelled named) {
      checkName(named.name(), mistakes);
      checkLabels(named.labels(), mistakes);
    }
    switch (body) {
      case ModelSpec model -> check(model, mistakes);
      case ConversionSpec conversion -> checkName(conversion.name(), mistakes);
      case AnalysisSpec analysis -> {
        check(analysis.model(), mistakes);
        checkWork(analysis.batchSize(), analysis.timeSteps(), mistakes);
      }
      case TrainingSpec training -> {
        check(training.model(), mistakes);
        checkWork(training.batchSize(), training.timeSteps(), mistakes);
        atMost(epochs, training.epochs(), "epochs", "epochs", mistakes);
        atMost(terms, training.loss().size(), "loss", "terms", mistakes);
        atMost(terms, training.gates().size(), "gates", "terms", mistakes);
      }
      case SweepSpec sweep -> {
        // The jobs of a sweep are checked one by one.
        checkName(sweep.name(), mistakes);
        atMost(combinations, sweep.combinations(), "over", "combinations", mistakes);
      }
      case SearchSpec search -> {
        checkName(search.name(), mistakes);
        if (search.budget() != null && search.budget().trials() != null) {
          atMost(trials, search.budget().trials(), "trials", "trials", mistakes.in("budget"));
        }
      }
      case null, default -> {}
    }
  }

  /**
   * Reports a document that is too large to be stored.
   *
   * @param bytes size of its JSON with all defaults
   */
  public void checkStored(long bytes, Mistakes mistakes) {
    if (bytes > documentSize.toBytes()) {
      mistakes.add(
          "must take at most %d bytes as it is stored (spikewise.limits.document-size) but takes %d: use fewer or shorter lists"
              .formatted(documentSize.toBytes(), bytes));
    }
  }

  /** Reports a name that is too long. */
  public void checkName(@Nullable String name, Mistakes mistakes) {
    var length = name == null ? 0 : name.length();
    mistakes.require(
        length <= nameLength,
        "name",
        "must have at most "
            + nameLength
            + " characters (spikewise.limits.name-length) but has "
            + length);
  }

  private void checkLabels(@Nullable Map<String, String> given, Mistakes mistakes) {
    if (given == null) {
      return;
    }
    atMost(labels, given.size(), "labels", "labels", mistakes);
    given.forEach(
        (label, content) -> {
          var at = mistakes.in("labels");
          at.require(
              label.length() <= nameLength,
              label.substring(0, Math.min(label.length(), nameLength)),
              "must have a name of at most "
                  + nameLength
                  + " characters (spikewise.limits.name-length)");
          at.require(
              content == null || content.length() <= labelLength,
              label,
              "must have at most " + labelLength + " characters (spikewise.limits.label-length)");
        });
  }

  private void check(@Nullable ModelRef model, Mistakes mistakes) {
    if (model != null && model.isDefinition()) {
      check(model.definition(), mistakes.in("model"));
    }
  }

  private void check(ModelSpec model, Mistakes mistakes) {
    checkName(model.name(), mistakes);
    boolean few = atMost(layers, model.nodes().size(), "layers", "layers", mistakes);
    // Sizes can be computed only when the definition has no other mistakes.
    if (few && mistakes.isEmpty()) {
      checkTensors(model, mistakes);
    }
  }

  private void checkTensors(ModelSpec model, Mistakes mistakes) {
    var graph = model.graph();
    checkTensors(List.of(graph.inputShape()), mistakes.in("input_shape"));
    for (Graph.Vertex layer : graph.layers()) {
      var tensors = new ArrayList<>(List.of(layer.shape()));
      tensors.addAll(layer.spec().parameters(layer.inputShape()).values());
      checkTensors(tensors, mistakes.in("layers").in(layer.index()));
    }
  }

  private void checkTensors(List<Shape> tensors, Mistakes at) {
    tensors.stream()
        .filter(tensor -> tensor.size() > tensorValues)
        .findFirst()
        .ifPresent(tensor -> at.add(ModelSpec.tooLarge(tensor, tensorValues)));
  }

  private void checkWork(int batchSize, int timeSteps, Mistakes mistakes) {
    long work = (long) batchSize * timeSteps;
    mistakes.require(
        work <= batchTimeSteps,
        "batch_size",
        "times time_steps must be at most "
            + batchTimeSteps
            + " (spikewise.limits.batch-time-steps) but was "
            + work);
  }

  private static boolean atMost(
      long most, long value, String name, String setting, Mistakes mistakes) {
    return mistakes.require(
        value <= most,
        name,
        "must be at most " + most + " (spikewise.limits." + setting + ") but was " + value);
  }
}
