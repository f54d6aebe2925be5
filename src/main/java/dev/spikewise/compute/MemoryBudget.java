package dev.spikewise.compute;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;

/** Memory shared by all requests; the memory of trainings is separate. */
final class MemoryBudget {

  private final long size;
  private long taken;

  MemoryBudget(long size) {
    this.size = size;
  }

  /**
   * @param held memory that the same request already holds, in bytes
   */
  synchronized void take(long bytes, long held) {
    if (bytes > size - held) {
      throw new ProblemException(
          Code.CONTENT_TOO_LARGE,
          ("This request needs at least %d MiB of memory but requests may use %d MiB"
                  + " (spikewise.compute.memory): send a smaller file or fewer samples.")
              .formatted(Math.ceilDiv(held + bytes, 1L << 20), size >> 20));
    }
    if (bytes > size - taken) {
      throw ProblemException.unavailable(
          ("Other requests use %d of the %d MiB of memory that requests may use"
                  + " (spikewise.compute.memory): try again later.")
              .formatted(taken >> 20, size >> 20),
          Compute.RETRY_AFTER_SECONDS);
    }
    taken += bytes;
  }

  synchronized void giveBack(long bytes) {
    taken -= bytes;
  }

  synchronized long taken() {
    return taken;
  }
}
