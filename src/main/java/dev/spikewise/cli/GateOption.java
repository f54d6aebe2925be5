package dev.spikewise.cli;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A gate in the syntax of the command line: {@code synops<=25e6}, {@code synops<=1.05*baseline} or
 * {@code accuracy>=baseline-0.01}.
 *
 * @param bound "min" or "max"
 * @param factor factor of the baseline's value; 0 without a baseline
 * @param offset number that is added
 */
record GateOption(String metric, String bound, double factor, double offset) {

  private static final String NUMBER = "\\d+(?:\\.\\d*)?(?:[eE][+-]?\\d+)?";
  private static final Pattern TEXT =
      Pattern.compile(
          "(?<metric>[a-z_]+)(?<sign><=|>=)(?:(?<number>N)|(?:(?<factor>N)\\*)?baseline(?<offset>[+-]N)?)"
              .replace("N", NUMBER));

  static final class Converter implements ITypeConverter<GateOption> {
    @Override
    public GateOption convert(String text) {
      var match = TEXT.matcher(text.replace(" ", ""));
      if (!match.matches()) {
        throw new TypeConversionException(
            "'"
                + text
                + "' is not a gate: write synops<=25e6, synops<=1.05*baseline or"
                + " accuracy>=baseline-0.01");
      }
      var bound = match.group("sign").equals("<=") ? "max" : "min";
      var metric = match.group("metric");
      return match.group("number") != null
          ? new GateOption(metric, bound, 0, Double.parseDouble(match.group("number")))
          : new GateOption(
              metric, bound, number(match.group("factor"), 1), number(match.group("offset"), 0));
    }

    private static double number(@Nullable String text, double otherwise) {
      return text == null ? otherwise : Double.parseDouble(text);
    }
  }

  boolean needsBaseline() {
    return factor != 0;
  }

  /** Returns the gate with concrete limits, in the format of a job. */
  ObjectNode resolve(@Nullable JsonNode baseline) {
    double limit = offset;
    if (needsBaseline()) {
      if (baseline == null) {
        throw new CommandException(
            ExitCode.INVALID_INPUT,
            "the gate on " + metric + " compares with a baseline: give one with --baseline");
      }
      limit += factor * figure(baseline);
    }
    return Client.JSON.createObjectNode().put("metric", metric).put(bound, limit);
  }

  private double figure(JsonNode job) {
    var latest = job.path("latest");
    double value =
        metric.equals("target_ratio")
            ? latest.path("synops").asDouble(Double.NaN)
                / job.path("target_synops").asDouble(Double.NaN)
            : latest.path(metric).asDouble(Double.NaN);
    if (Double.isNaN(value)) {
      throw new CommandException(
          ExitCode.INVALID_INPUT,
          "the baseline job " + job.path("id").asString("") + " has no " + metric);
    }
    return value;
  }
}
