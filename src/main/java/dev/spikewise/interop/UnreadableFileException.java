package dev.spikewise.interop;

/**
 * A file is incomplete or does not have the expected format; the message states what was found
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
