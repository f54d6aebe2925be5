package dev.spikewise.mpi;

/** The processes cannot form a world; the message says why and what to do. */
public final class MpiException extends RuntimeException {

  MpiException(String message) {
    super(message);
  }
}
