package dev.spikewise.interop;

/**
 * What was sent is not a whole file of the format it should have; the message says what was found
 * instead.
 */
public final class UnreadableFileException extends RuntimeException {

  public UnreadableFileException(String message) {
    super(message);
  }

  public UnreadableFileException(String message, Throwable cause) {
    super(message, cause);
  }
}
