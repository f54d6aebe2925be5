package dev.spikewise.cli;

import java.io.PrintWriter;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** Output of a command about a job: progress lines, failures and exit code. */
final class JobOutput {

  private static final String[] FIGURES = {"loss", "synops", "accuracy", "test_accuracy"};

  private JobOutput() {}

  static String status(JsonNode job) {
    return job.path("status").asString("");
  }

  /** Such as {@code running epoch 3/5 loss 0.64 synops 11204.8}. */
  static String line(JsonNode job) {
    var line = new StringBuilder(status(job));
    if (!job.path("latest").isMissingNode() && !job.path("latest").isNull()) {
      line.append(" epoch ")
          .append(job.at("/progress/epoch").asInt())
          .append('/')
          .append(job.at("/progress/epochs").asInt());
      for (var figure : FIGURES) {
        var value = job.path("latest").path(figure);
        if (value.isNumber()) {
          line.append(String.format(Locale.ROOT, "  %s %.6g", figure, value.asDouble()));
        }
      }
    }
    return line.toString();
  }

  static ExitCode exitCode(JsonNode job) {
    return switch (status(job)) {
      case "succeeded" ->
          job.at("/verdict/passed").asBoolean(true) ? ExitCode.PASSED : ExitCode.GATE_FAILED;
      case "cancelled" -> ExitCode.CANCELLED;
      default -> ExitCode.TRAINING_FAILED;
    };
  }

  /** Prints one line per failure; on GitHub Actions also as annotations of the run. */
  static void explain(JsonNode job, PrintWriter progress) {
    for (var result : job.at("/verdict/results")) {
      if (!result.path("passed").asBoolean()) {
        report(
            progress,
            "Gate failed",
            result.path("metric").asString()
                + " was "
                + result.path("value")
                + (result.path("max").isNumber()
                    ? ", at most " + result.path("max") + " allowed"
                    : "")
                + (result.path("min").isNumber()
                    ? ", at least " + result.path("min") + " wanted"
                    : ""));
      }
    }
    var detail = job.at("/error/detail");
    if (detail.isString()) {
      report(progress, job.at("/error/title").asString("Failed"), detail.asString());
    }
    progress.flush();
  }

  private static void report(PrintWriter progress, String title, String detail) {
    progress.println(title + ": " + detail);
    if ("true".equals(System.getenv("GITHUB_ACTIONS"))) {
      progress.println(annotation(title, detail));
    }
  }

  /** A GitHub workflow command with escaped line ends and special characters. */
  static String annotation(String title, String detail) {
    var property = escape(title).replace(":", "%3A").replace(",", "%2C");
    return "::error title=" + property + "::" + escape(detail);
  }

  private static String escape(String text) {
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
  }
}
