package dev.spikewise.cli;

import dev.spikewise.job.Report;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Report of a job in comparison with a baseline, for a comment on a pull request. */
final class MarkdownReport {

  private MarkdownReport() {}

  /**
   * @param job job in the JSON of the service
   * @param baseline job to compare with
   */
  static String of(JsonNode job, JsonNode baseline) {
    var text = new StringBuilder("### ");
    text.append(Report.escape(job.path("name").asString("job " + job.path("id").asString(""))));
    text.append(": ").append(outcome(job)).append("\n\n");
    var detail = job.at("/error/detail").asString("");
    if (!detail.isEmpty()) {
      text.append(Report.escape(detail)).append("\n\n");
    }
    var results = job.at("/verdict/results");
    if (!results.isEmpty()) {
      text.append("| gate | value | |\n|---|---:|---|\n");
      for (var gate : results) {
        text.append(
            "| %s | %s | %s |\n"
                .formatted(
                    Report.limits(
                        gate.path("metric").asString(""), value(gate, "min"), value(gate, "max")),
                    Report.number(value(gate, "value")),
                    gate.path("passed").asBoolean() ? "passed" : "**failed**"));
      }
      text.append('\n');
    }
    text.append("| metric | baseline | this job | change |\n|---|---:|---:|---:|\n");
    var names = new LinkedHashMap<String, String>();
    names.put("synops", "synops per sample");
    names.put("firing_rate", "firing rate");
    names.put("loss", "loss");
    names.put("accuracy", "accuracy");
    names.put("test_accuracy", "test accuracy");
    names.put("test_synops", "synops per test sample");
    names.put("quantized_accuracy", "accuracy, quantized");
    names.put("quantized_synops", "synops per sample, quantized");
    names.forEach(
        (metric, name) -> {
          var before = value(baseline.path("latest"), metric);
          var after = value(job.path("latest"), metric);
          if (before != null || after != null) {
            text.append(
                "| %s | %s | %s | %s |\n"
                    .formatted(
                        name,
                        Report.number(before),
                        Report.number(after),
                        Report.change(before, after)));
          }
        });
    return text.append(
            "\nJob `%s`, %d of %d epochs; baseline `%s`\n"
                .formatted(
                    job.path("id").asString(""),
                    job.at("/progress/epoch").asInt(0),
                    job.at("/progress/epochs").asInt(0),
                    baseline.path("id").asString("")))
        .toString();
  }

  private static String outcome(JsonNode job) {
    var passed = job.at("/verdict/passed");
    return passed.isBoolean()
        ? passed.asBoolean() ? "all gates passed" : "a gate failed"
        : job.path("status").asString("");
  }

  private static @Nullable Double value(JsonNode of, String field) {
    var value = of.path(field);
    return value.isNumber() ? (Double) value.asDouble() : null;
  }
}
