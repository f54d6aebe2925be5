package dev.spikewise.api;

import dev.spikewise.spec.EpochMetrics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Epochs as a table (RFC 4180): a column a figure, named by its path in the JSON. */
final class EpochCsv {

  private EpochCsv() {}

  static String write(List<EpochMetrics> epochs) {
    if (epochs.isEmpty()) {
      return "";
    }
    var csv =
        new StringBuilder(String.join(",", figures(epochs.getFirst()).keySet())).append("\r\n");
    for (var epoch : epochs) {
      csv.append(
              figures(epoch).values().stream()
                  .map(value -> Objects.toString(value, ""))
                  .collect(Collectors.joining(",")))
          .append("\r\n");
    }
    return csv.toString();
  }

  private static Map<String, @Nullable Number> figures(EpochMetrics epoch) {
    var figures = new LinkedHashMap<String, @Nullable Number>();
    figures.put("epoch", epoch.epoch());
    figures.put("loss", epoch.loss());
    figures.put("synops", epoch.synops());
    figures.put("firing_rate", epoch.firingRate());
    figures.put("accuracy", epoch.accuracy());
    figures.put("test_accuracy", epoch.testAccuracy());
    figures.put("test_synops", epoch.testSynops());
    if (epoch.quantizedSynops() != null) {
      figures.put("quantized_accuracy", epoch.quantizedAccuracy());
      figures.put("quantized_synops", epoch.quantizedSynops());
    }
    figures.put("duration_ms", epoch.durationMs());
    epoch.lossTerms().forEach((term, value) -> figures.put("loss_terms." + term, value));
    epoch
        .parameter()
        .forEach(
            (layer, counted) -> figures.put("parameter." + layer + ".synops", counted.synops()));
    epoch
        .spiking()
        .forEach(
            (layer, counted) -> {
              figures.put("spiking." + layer + ".firing_rate", counted.firingRate());
              figures.put("spiking." + layer + ".silent_ratio", counted.silentRatio());
            });
    return figures;
  }
}
