package dev.spikewise.dashboard;

import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.TrainingSpec;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A line across a chart: the bound of a gate or of a firing rate in the loss.
 *
 * @param metric of an epoch, as the API names it
 */
record Limit(String metric, double value, String label) {

  static List<Limit> of(TrainingSpec spec) {
    var gates =
        spec.gates().stream()
            .flatMap(
                gate ->
                    Stream.of(
                        of(gate.metric(), gate.min(), "gate: at least"),
                        of(gate.metric(), gate.max(), "gate: at most")));
    var rates =
        spec.loss().stream()
            .filter(LossTerm.FiringRate.class::isInstance)
            .map(LossTerm.FiringRate.class::cast)
            .flatMap(
                rate ->
                    Stream.of(
                        of("firing_rate", rate.min(), "target: at least"),
                        of("firing_rate", rate.max(), "target: at most")));
    return Stream.concat(gates, rates).flatMap(List::stream).toList();
  }

  private static List<Limit> of(String metric, @Nullable Double value, String label) {
    return value == null ? List.of() : List.of(new Limit(metric, value, label));
  }
}
