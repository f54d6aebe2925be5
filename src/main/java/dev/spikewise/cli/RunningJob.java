package dev.spikewise.cli;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** A job that was submitted and is being waited for. */
final class RunningJob {

  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration LONGEST_OUTAGE = Duration.ofMinutes(5);

  private final Client client;
  private final PrintWriter progress;
  private JsonNode job;

  RunningJob(Client client, JsonNode submitted, PrintWriter progress) {
    this.client = client;
    this.job = submitted;
    this.progress = progress;
  }

  String id() {
    return job.path("id").asString("");
  }

  private String status() {
    return job.path("status").asString("");
  }

  /**
   * Waits for the job's end and tells of every step; whoever interrupts the command cancels the
   * job.
   */
  JsonNode await(Duration timeout) {
    var cancel = new Thread(this::cancel);
    Runtime.getRuntime().addShutdownHook(cancel);
    try {
      long deadline = System.nanoTime() + timeout.toNanos();
      tell();
      while (!isFinal()) {
        if (System.nanoTime() > deadline) {
          throw new CommandException(
              ExitCode.WAITED_TOO_LONG,
              "job " + id() + " is still " + status() + " after " + timeout,
              job);
        }
        Client.sleep(POLL);
        var now = client.get("/jobs/" + id(), patience(deadline));
        boolean news =
            !now.path("status").equals(job.path("status"))
                || !now.path("progress").equals(job.path("progress"));
        job = now;
        if (news) {
          tell();
        }
      }
      return job;
    } finally {
      remove(cancel);
    }
  }

  private static Duration patience(long deadline) {
    var left = Duration.ofNanos(deadline - System.nanoTime());
    return left.compareTo(LONGEST_OUTAGE) < 0 ? left : LONGEST_OUTAGE;
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is going down and has started the hook already.
    }
  }

  private void cancel() {
    progress.println("Interrupted: cancelling job " + id());
    client.post("/jobs/" + id() + "/cancel", Client.JSON.createObjectNode());
  }

  private boolean isFinal() {
    return switch (status()) {
      case "succeeded", "failed", "cancelled" -> true;
      default -> false;
    };
  }

  private void tell() {
    var line = new StringBuilder(status());
    if (!job.path("latest").isMissingNode() && !job.path("latest").isNull()) {
      line.append(" epoch ")
          .append(job.at("/progress/epoch").asInt())
          .append('/')
          .append(job.at("/progress/epochs").asInt());
      for (var figure : new String[] {"loss", "synops", "accuracy", "test_accuracy"}) {
        var value = job.path("latest").path(figure);
        if (value.isNumber()) {
          line.append(String.format(Locale.ROOT, "  %s %.6g", figure, value.asDouble()));
        }
      }
    }
    progress.println(line);
    progress.flush();
  }

  ExitCode exitCode() {
    return switch (status()) {
      case "succeeded" ->
          job.at("/verdict/passed").asBoolean(true) ? ExitCode.PASSED : ExitCode.GATE_FAILED;
      case "cancelled" -> ExitCode.CANCELLED;
      default -> ExitCode.TRAINING_FAILED;
    };
  }

  /** Reports on a line each what was wrong; on GitHub Actions as annotations of the run. */
  void explain() {
    for (var result : job.at("/verdict/results")) {
      if (!result.path("passed").asBoolean()) {
        report(
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
      report(job.at("/error/title").asString("Failed"), detail.asString());
    }
    progress.flush();
  }

  private void report(String title, String detail) {
    progress.println(title + ": " + detail);
    if ("true".equals(System.getenv("GITHUB_ACTIONS"))) {
      progress.println(annotation(title, detail));
    }
  }

  /** A workflow command, in which line ends and signs of its own are written as escapes. */
  static String annotation(String title, String detail) {
    var property = escape(title).replace(":", "%3A").replace(",", "%2C");
    return "::error title=" + property + "::" + escape(detail);
  }

  private static String escape(String text) {
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
  }
}
