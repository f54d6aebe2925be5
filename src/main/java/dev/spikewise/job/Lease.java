package dev.spikewise.job;

import java.util.UUID;

/**
 * A worker's exclusive right to write to a job. A later claim has a higher fencing number and
 * invalidates this lease.
 */
record Lease(UUID jobId, String owner, long fence) {

  /** The worker has lost its lease: it must stop and write nothing. */
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
