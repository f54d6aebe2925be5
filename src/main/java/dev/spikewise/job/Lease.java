package dev.spikewise.job;

import java.util.UUID;

/**
 * A worker's right to write to a job. A later claim has a higher fencing number, and makes this one
 * void.
 */
record Lease(UUID jobId, String owner, long fence) {

  /** The job was taken away from its worker, which must stop and touch nothing. */
  static final class Lost extends RuntimeException {
    Lost(Lease lease) {
      super(
          "job "
              + lease.jobId()
              + " is no longer leased to "
              + lease.owner()
              + " under "
              + lease.fence());
    }
  }
}
