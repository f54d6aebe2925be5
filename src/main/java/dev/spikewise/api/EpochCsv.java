package dev.spikewise.api;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Page;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Epochs as CSV (RFC 4180), with one column per metric, named by its path in the JSON. */
final class EpochCsv {

  private EpochCsv() {}

  /** Reads at most {@code limit} epochs after number {@code last}. */
  interface Pages {
    Page<EpochMetrics> after(int last, int limit);
  }

  /**
   * Streams the CSV of at most {@code limit} epochs after {@code after} page by page, because a job
   * can have more epochs than fit in memory.
   */
  static InputStream stream(int after, int limit, Pages pages) {
    return new SequenceInputStream(
        new Enumeration<>() {
          private int last = after;
          private int left = limit;
          private boolean more = true;

          @Override
          public boolean hasMoreElements() {
            return more;
          }

          @Override
          public InputStream nextElement() {
            var page = pages.after(last, left);
            var text = text(page.data(), left == limit);
            left -= page.data().size();
            last = page.data().isEmpty() ? last : page.data().getLast().epoch();
            more = left > 0 && page.nextCursor() != null;
            return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
          }
        });
  }

  private static String text(List<EpochMetrics> epochs, boolean withHeader) {
    var csv = new StringBuilder();
    if (withHeader && !epochs.isEmpty()) {
      csv.append(String.join(",", figures(epochs.getFirst()).keySet())).append("\r\n");
    }
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
