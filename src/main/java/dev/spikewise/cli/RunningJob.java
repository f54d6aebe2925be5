package dev.spikewise.cli;

import java.io.PrintWriter;
import java.time.Duration;
import tools.jackson.databind.JsonNode;

/** A submitted job that the command waits for. */
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
    return JobOutput.status(job);
  }

  /**
   * Waits for the end of the job and prints its progress. Interrupting the command cancels the job.
   */
  JsonNode await(Duration timeout) {
    var cancel = new Thread(this::cancel);
    Runtime.getRuntime().addShutdownHook(cancel);
    try {
      long deadline = System.nanoTime() + timeout.toNanos();
      printProgress();
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
          printProgress();
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

  private void printProgress() {
    progress.println(JobOutput.line(job));
    progress.flush();
  }
}
