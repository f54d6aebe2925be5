package dev.spikewise.snn;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.ValueRange;
import dev.spikewise.spec.InputSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Warnings about input that is accepted but whose synops are easily misinterpreted. */
final class InputWarnings {

  private InputWarnings() {}

  static List<String> of(InputSpec input, @Nullable Dataset dataset) {
    return switch (input) {
      case InputSpec.Constant constant when constant.value() < 0 ->
          List.of(negative(constant.value().floatValue(), 1));
      case InputSpec.Constant _, InputSpec.Poisson _ -> List.of();
      case InputSpec.FromDataset from ->
          dataset == null ? List.of() : of(from.encoding(), dataset.values().range());
    };
  }

  private static List<String> of(InputSpec.Encoding encoding, ValueRange range) {
    var warnings = new ArrayList<String>();
    switch (encoding) {
      case CONSTANT, SPIKES -> {
        if (range.lowest() < 0) {
          warnings.add(negative(range.lowest(), range.negativeShare()));
        }
      }
      case RATE -> {
        if (range.aboveOneShare() > 0) {
          warnings.add(
              String.format(
                  Locale.ROOT,
                  "Encoding rate clips %s of the values: they are above 1 (highest %s), and a"
                      + " probability is at most 1. Scale the data to 0..1.",
                  percent(range.aboveOneShare()),
                  range.highest()));
        }
        if (range.negativeShare() > 0) {
          warnings.add(
              String.format(
                  Locale.ROOT,
                  "Encoding rate clips %s of the values: they are below 0 (lowest %s), and give no"
                      + " spikes. Scale the data to 0..1.",
                  percent(range.negativeShare()),
                  range.lowest()));
        }
      }
      case LATENCY -> {
        if (range.aboveOneShare() > 0 || range.negativeShare() > 0) {
          warnings.add(
              String.format(
                  Locale.ROOT,
                  "Encoding latency clips %s of the values: they lie outside 0..1 (from %s to %s)."
                      + " Scale the data to 0..1.",
                  percent(range.aboveOneShare() + range.negativeShare()),
                  range.lowest(),
                  range.highest()));
        }
      }
      case DELTA -> {
        // Encoding delta emits spikes of 1 for any range of values.
      }
    }
    return warnings;
  }

  private static String negative(float lowest, double share) {
    return String.format(
        Locale.ROOT,
        "%s of the input values are negative (lowest %s): synops are counted signed, as in sinabs,"
            + " so negative input lowers the count. Do not read such a count as a number of"
            + " operations.",
        percent(share),
        lowest);
  }

  private static String percent(double share) {
    return share < 0.001 ? "less than 0.1 %" : String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
