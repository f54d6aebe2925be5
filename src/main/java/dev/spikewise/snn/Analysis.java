package dev.spikewise.snn;

import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of a forward pass with the arrays that are too large to be part of them.
 *
 * @param firingRates firing rate of every neuron in spikes per time step, averaged over the batch,
 *     in PyTorch's (C, H, W) order, by spiking layer
 * @param predictions predictions of the test samples after an epoch; null without test samples or
 *     labels
 */
public record Analysis(
    Statistics statistics, Map<String, Tensor> firingRates, @Nullable Predictions predictions) {

  static Analysis of(Counter counter, ModelSpec model) {
    var shapes = new HashMap<String, Shape>();
    model.graph().layers().forEach(layer -> shapes.put(layer.name(), layer.shape()));
    var rates = new LinkedHashMap<String, Tensor>();
    counter
        .firingRates()
        .forEach(
            (name, values) ->
                rates.put(
                    name, new Tensor(dims(Objects.requireNonNull(shapes.get(name))), values)));
    return new Analysis(counter.statistics(), rates, null);
  }

  Analysis with(Statistics.Cost cost, @Nullable Double accuracy) {
    return new Analysis(statistics.with(cost, accuracy), firingRates, predictions);
  }

  Analysis with(@Nullable Predictions predictions) {
    return new Analysis(statistics, firingRates, predictions);
  }

  Analysis with(Statistics.@Nullable OverTime overTime) {
    return new Analysis(statistics.with(overTime), firingRates, predictions);
  }

  Analysis withWarnings(List<String> warnings) {
    return new Analysis(statistics.withWarnings(warnings), firingRates, predictions);
  }

  private static int[] dims(Shape shape) {
    return shape.dims().stream().mapToInt(Integer::intValue).toArray();
  }
}
