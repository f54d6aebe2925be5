package dev.spikewise.model;

import dev.spikewise.compute.Compute;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.interop.Weights;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.Analyzer;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Raster;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.Shape;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;

/** Records the spikes of single samples in a network. */
@Service
public class Rasters {

  private final Datasets datasets;
  private final Compute compute;
  private final AnalysisSettings settings;

  Rasters(Datasets datasets, Compute compute, AnalysisSettings settings) {
    this.datasets = datasets;
    this.compute = compute;
    this.settings = settings;
  }

  /**
   * One forward pass of a sample.
   *
   * @param timeSteps number of time steps
   * @param seed seed of random encodings and of weights that are not given
   * @param sample index of the sample in its data set; null for the first test or training sample
   * @param layer name of a spiking layer; null for the first, or for all in a file
   */
  public record Choice(
      InputSpec input,
      int timeSteps,
      long seed,
      @Nullable Integer sample,
      @Nullable String layer) {}

  /**
   * A sample of a data set as input of a model.
   *
   * @param encoding encoding of the samples; null for spikes where they have a time axis, and for
   *     rate where they have none
   * @param timeSteps number of time steps; null for the length of the time axis, or 10
   */
  public Choice choice(
      String dataset,
      InputSpec.@Nullable Encoding encoding,
      @Nullable Integer timeSteps,
      @Nullable Integer sample,
      @Nullable String layer) {
    int axis = datasets.get(dataset).timeSteps();
    if (timeSteps != null && timeSteps < 1) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, "time_steps must be at least 1 but was " + timeSteps);
    }
    var input =
        new InputSpec.FromDataset(
            dataset,
            encoding != null
                ? encoding
                : axis > 0 ? InputSpec.Encoding.SPIKES : InputSpec.Encoding.RATE);
    return new Choice(
        input, timeSteps != null ? timeSteps : axis > 0 ? axis : 10, 1, sample, layer);
  }

  /**
   * Spikes in one layer as a list.
   *
   * @throws ProblemException when the layer has more spikes than a list may hold
   */
  public SpikeRaster raster(Models.Network network, Choice choice) {
    return record(network, choice, raster -> listed(raster, choice.layer()));
  }

  private static SpikeRaster listed(Raster raster, @Nullable String chosen) {
    String layer = layer(raster, chosen);
    Tensor spikes = spikes(raster, layer);
    float[] counts = spikes.data();
    int[] entries = IntStream.range(0, counts.length).filter(i -> counts[i] != 0).toArray();
    if (entries.length > SpikeRaster.MAX_ENTRIES) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          String.format(
              Locale.ROOT,
              "Layer `%s` has %,d entries for sample %d, but JSON holds at most %,d: request"
                  + " application/x-npz or choose another layer.",
              layer,
              entries.length,
              raster.sample(),
              SpikeRaster.MAX_ENTRIES));
    }
    int[] shape = spikes.shape();
    int neurons = counts.length / shape[0];
    return new SpikeRaster(
        raster.sample(),
        raster.label(),
        raster.predicted(),
        List.copyOf(raster.layers().keySet()),
        layer,
        Arrays.stream(shape).skip(1).boxed().toList(),
        shape[0],
        Math.round(IntStream.of(entries).mapToDouble(i -> counts[i]).sum()),
        IntStream.of(entries).map(i -> i / neurons).toArray(),
        IntStream.of(entries).map(i -> i % neurons).toArray(),
        IntStream.of(entries).map(i -> Math.round(counts[i])).toArray());
  }

  /**
   * Spikes of one layer for a drawing.
   *
   * @param counts number of spikes, [steps, neurons]
   */
  public record Dense(
      int sample,
      @Nullable Integer label,
      int predicted,
      String layer,
      int steps,
      int neurons,
      float[] counts) {}

  /** Spikes in one layer as an array. */
  public Dense dense(Models.Network network, Choice choice) {
    return record(
        network,
        choice,
        raster -> {
          String layer = layer(raster, choice.layer());
          Tensor spikes = spikes(raster, layer);
          float[] counts = spikes.data();
          int steps = spikes.shape()[0];
          return new Dense(
              raster.sample(),
              raster.label(),
              raster.predicted(),
              layer,
              steps,
              counts.length / steps,
              counts);
        });
  }

  /** Spikes of the chosen layer, or of all, as an .npz file with an array [T, ...] per layer. */
  public byte[] npz(Models.Network network, Choice choice) {
    return record(
        network,
        choice,
        raster -> {
          var arrays = new LinkedHashMap<String, Tensor>();
          if (choice.layer() != null) {
            arrays.put(choice.layer(), spikes(raster, choice.layer()));
          } else {
            arrays.putAll(raster.layers());
          }
          return Weights.writeNpz(new StateDict(arrays));
        });
  }

  private static String layer(Raster raster, @Nullable String chosen) {
    if (chosen != null) {
      return chosen;
    }
    return raster.layers().keySet().stream()
        .findFirst()
        .orElseThrow(
            () -> new ProblemException(Code.NOT_FOUND, "the network has no spiking layer"));
  }

  private static Tensor spikes(Raster raster, String layer) {
    Tensor spikes = raster.layers().get(layer);
    if (spikes == null) {
      throw ProblemException.notFound("spiking layer", layer);
    }
    return spikes;
  }

  private <T> T record(Models.Network network, Choice choice, Function<Raster, T> result) {
    InputSpec input = choice.input();
    var dataset = input instanceof InputSpec.FromDataset named ? datasets.resolve(named) : null;
    int largest =
        network.spec().graph().shapes().stream().mapToInt(Shape::size).max().orElseThrow();
    if ((double) choice.timeSteps() * largest > settings.maxValues()) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          "%d time steps x %d values of the largest layer are more than the %d of spikewise.analyses.max-values"
              .formatted(choice.timeSteps(), largest, settings.maxValues()));
    }
    return compute.run(
        run -> {
          // The recorded spikes are as large as the activations once more, and so is the result.
          long bytes = Analyzer.estimateMemory(network.spec(), input, 1, choice.timeSteps());
          run.reserve(3 * bytes);
          try (var engine = Engine.create(1, run)) {
            var batch =
                new Analyzer.Batch(input, dataset, 1, choice.timeSteps(), null, choice.seed());
            return result.apply(
                Analyzer.raster(network.spec(), network.weights(), batch, choice.sample(), engine));
          }
        });
  }
}
