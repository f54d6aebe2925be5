package dev.spikewise.cli;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Ends the command with an exit code, a message and, if available, the problem document of the
 * server.
 */
final class CommandException extends RuntimeException {

  private final ExitCode exitCode;
  private final transient @Nullable JsonNode problem;

  CommandException(ExitCode exitCode, String message) {
    this(exitCode, message, null);
  }

  CommandException(ExitCode exitCode, String message, @Nullable JsonNode problem) {
    super(message);
    this.exitCode = exitCode;
    this.problem = problem;
  }

  ExitCode exitCode() {
    return exitCode;
  }

  @Nullable JsonNode problem() {
    return problem;
  }
}
