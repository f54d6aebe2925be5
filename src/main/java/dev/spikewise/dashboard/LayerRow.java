package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One layer of a job's model: what it is, and its figures before the training and after the last
 * epoch.
 */
record LayerRow(
    String name,
    String type,
    String outputShape,
    @Nullable Double synopsBefore,
    @Nullable Double synops,
    @Nullable Double firingRateBefore,
    @Nullable Double firingRate,
    @Nullable Double silentRatio) {

  static List<LayerRow> of(ModelSpec model, Job job) {
    var shapes = model.shapes();
    return IntStream.range(0, model.layers().size())
        .mapToObj(
            i -> {
              var name = Integer.toString(i);
              var before = job.baseline();
              var now = job.latest();
              return new LayerRow(
                  name,
                  model.layers().get(i).typeName(),
                  shapes.get(i + 1).toString(),
                  before == null ? null : figure(before.parameter(), name, p -> p.synops()),
                  now == null
                      ? null
                      : figure(now.parameter(), name, EpochMetrics.Parameter::synops),
                  before == null ? null : figure(before.spiking(), name, s -> s.firingRate()),
                  now == null
                      ? null
                      : figure(now.spiking(), name, EpochMetrics.Spiking::firingRate),
                  now == null
                      ? null
                      : figure(now.spiking(), name, EpochMetrics.Spiking::silentRatio));
            })
        .toList();
  }

  private static <T> @Nullable Double figure(
      Map<String, T> layers, String name, Function<T, Double> figure) {
    var layer = layers.get(name);
    return layer == null ? null : figure.apply(layer);
  }
}
