package dev.spikewise.store;

/** A store of large contents cannot be used at present; the operation may succeed later. */
public final class ObjectStoreException extends RuntimeException {

  ObjectStoreException(String message, Throwable cause) {
    super(message, cause);
  }

  ObjectStoreException(String message) {
    super(message);
  }
}
