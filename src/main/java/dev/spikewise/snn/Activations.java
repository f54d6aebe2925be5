package dev.spikewise.snn;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Feed;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import java.util.Arrays;

/** Outputs of the layers of a non-spiking network for the first training samples of a data set. */
final class Activations {

  private final TrainedModel model;
  private final InputSpec.FromDataset input;
  private final Dataset dataset;
  private final int samples;
  private final double percentile;

  /**
   * @throws dev.spikewise.problem.InvalidSpecException when data set and model do not fit each
   *     other
   */
  Activations(TrainedModel model, ConversionSpec.Normalization settings, Dataset dataset) {
    this.model = model;
    this.dataset = dataset;
    var from = (InputSpec.FromDataset) settings.input();
    input =
        new InputSpec.FromDataset(
            from.id(),
            InputSpec.Encoding.CONSTANT,
            from.shuffle(),
            from.deltaThreshold(),
            from.limit(),
            from.testFraction());
    samples = settings.samples();
    percentile = settings.percentile();
    new DataCheck(input, dataset, model.spec(), 1, 1).require(new Mistakes().in("normalize"));
  }

  /**
   * Percentile of the outputs after the first {@code layers} layers of a chain, interpolated as
   * NumPy does.
   */
  double percentile(int layers, Engine engine) {
    var prefix =
        new ModelSpec(
            null,
            model.spec().inputShape(),
            model.spec().graph().order().subList(0, layers).stream()
                .map(layer -> new Node(layer.name(), null, layer.spec()))
                .toList(),
            null);
    var feed = new Feed(input, dataset, prefix, 1, 1, 0);
    var network = engine.executor(prefix, 1, 1, true, Purpose.TRAINING);
    network.load(model.weights().of(prefix));
    int used = Math.min(samples, feed.trainSize());
    var values = new float[Math.multiplyExact(used, network.outputs())];
    var output = new float[network.outputs()];
    for (int s = 0; s < used; s++) {
      network.reset();
      feed.encode(0, feed.trainSamples()[s], network.inputOrder(), network.input(), 0);
      network.forward(1, engine.goOn());
      network.sumOutput(1, output);
      System.arraycopy(output, 0, values, s * output.length, output.length);
    }
    Arrays.sort(values);
    double place = percentile / 100 * (values.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, values.length - 1);
    return values[below] + (place - below) * (values[above] - values[below]);
  }
}
