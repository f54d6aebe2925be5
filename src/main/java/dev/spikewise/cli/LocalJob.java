package dev.spikewise.cli;

import static java.util.Objects.requireNonNull;

import dev.spikewise.job.Job;
import dev.spikewise.job.LocalTraining;
import dev.spikewise.job.Report;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A job that this process trains itself, without a server. */
final class LocalJob implements JobFiles {

  private static final long BETWEEN_LINES = TimeUnit.MILLISECONDS.toNanos(500);

  private final LocalTraining training;
  private final PrintWriter progress;
  private @Nullable Job end;
  private long lastLine;

  LocalJob(LocalTraining training, PrintWriter progress) {
    this.training = training;
    this.progress = progress;
  }

  /**
   * Trains and prints progress. An interrupt ends the process; nothing is stored, so nothing has to
   * be cancelled.
   *
   * @throws CommandException when the training takes longer than {@code timeout}
   */
  JsonNode run(Duration timeout) {
    var ended = new CountDownLatch(1);
    Thread.startVirtualThread(
        () -> {
          try {
            if (!ended.await(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
              training.stop();
            }
          } catch (InterruptedException e) {
            // The process ends.
          }
        });
    progress.println("Job " + training.id());
    lastLine = System.nanoTime() - BETWEEN_LINES;
    try {
      end = LocalService.answer(() -> training.run(this::printProgress));
    } finally {
      ended.countDown();
    }
    var job = LocalService.document(end);
    progress.println(JobOutput.line(job));
    progress.flush();
    if (JobOutput.exitCode(job) == ExitCode.CANCELLED) {
      throw new CommandException(
          ExitCode.WAITED_TOO_LONG,
          "the training had not ended after " + timeout + " and was stopped: raise --timeout",
          job);
    }
    return job;
  }

  private void printProgress(Job job) {
    long now = System.nanoTime();
    if (now - lastLine >= BETWEEN_LINES) {
      lastLine = now;
      progress.println(JobOutput.line(LocalService.document(job)));
      progress.flush();
    }
  }

  @Override
  public byte @Nullable [] get(String part, String type) {
    var job = requireNonNull(end);
    return switch (type) {
      case "application/xml" -> Report.junit(job).getBytes(StandardCharsets.UTF_8);
      case "text/markdown" -> Report.markdown(job).getBytes(StandardCharsets.UTF_8);
      default -> training.weights();
    };
  }
}
