package dev.spikewise.model;

import java.util.Optional;
import java.util.UUID;

/** Access to the networks that jobs have trained. */
public interface TrainedNetworks {

  /**
   * Returns the network of a job with the weights of its last checkpoint; empty when there is no
   * such job or the caller may not see it.
   *
   * @throws dev.spikewise.problem.ProblemException when the job has no weights yet
   */
  Optional<Models.Network> trained(UUID job);
}
