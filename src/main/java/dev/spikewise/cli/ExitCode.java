package dev.spikewise.cli;

/** Exit codes of the commands. An interrupted command ends with the JVM's exit code 130. */
enum ExitCode {
  PASSED(0),
  GATE_FAILED(1),
  INVALID_INPUT(2),
  TRAINING_FAILED(3),
  CANCELLED(4),
  WAITED_TOO_LONG(5),
  NO_SERVER_OR_NO_RIGHT(6);

  private final int value;

  ExitCode(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
