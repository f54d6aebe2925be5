package dev.spikewise.store;

/**
 * A large content is missing in its store or differs from what was written. No
 * IllegalArgumentException, which Spring would translate when a repository throws it.
 */
public final class DamagedContentException extends RuntimeException {

  public DamagedContentException(String message) {
    super(message);
  }
}
