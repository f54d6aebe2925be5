package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
import dev.spikewise.model.ModelSummary;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.Statistics;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One layer of a job's model: its type and its metrics before the training and after the last
 * epoch.
 *
 * @param reads the layers it reads; null where that is the one before it alone
 * @param share of the layer in the model's synops: where the budget goes
 */
record LayerRow(
    ModelSummary.Layer layer,
    @Nullable String reads,
    @Nullable Double synopsBefore,
    @Nullable Double synops,
    @Nullable Double firingRateBefore,
    @Nullable Double firingRate,
    @Nullable Double silentRatioBefore,
    @Nullable Double silentRatio,
    @Nullable Double share) {

  static List<LayerRow> of(ModelSummary model, Job job) {
    var before = job.baseline();
    var now = job.latest();
    return IntStream.range(0, model.layers().size())
        .mapToObj(
            i -> {
              var layer = model.layers().get(i);
              return new LayerRow(
                  layer,
                  reads(model.layers(), i),
                  before == null
                      ? null
                      : figure(before.parameter(), layer, Statistics.Parameter::synops),
                  now == null
                      ? null
                      : figure(now.parameter(), layer, EpochMetrics.Parameter::synops),
                  before == null
                      ? null
                      : figure(before.spiking(), layer, Statistics.Spiking::firingRate),
                  now == null
                      ? null
                      : figure(now.spiking(), layer, EpochMetrics.Spiking::firingRate),
                  before == null
                      ? null
                      : figure(before.spiking(), layer, Statistics.Spiking::silentRatio),
                  now == null
                      ? null
                      : figure(now.spiking(), layer, EpochMetrics.Spiking::silentRatio),
                  now == null || !(now.synops() > 0)
                      ? null
                      : figure(now.parameter(), layer, of -> of.synops() / now.synops()));
            })
        .toList();
  }

  private static @Nullable String reads(List<ModelSummary.Layer> layers, int i) {
    var before = i == 0 ? Graph.INPUT : layers.get(i - 1).name();
    var inputs = layers.get(i).inputs();
    return inputs.equals(List.of(before)) ? null : String.join(", ", inputs);
  }

  private static <T> @Nullable Double figure(
      Map<String, T> layers, ModelSummary.Layer layer, Function<T, Double> figure) {
    var figures = layers.get(layer.name());
    return figures == null ? null : figure.apply(figures);
  }
}
