package dev.spikewise.model;

import java.util.Optional;
import java.util.UUID;

/** Networks that jobs have trained, from which models, jobs and analyses start. */
public interface TrainedNetworks {

  /**
   * The network of a job with the weights of its last checkpoint; empty where the caller may see no
   * such job.
   *
   * @throws dev.spikewise.problem.ProblemException where the job has no weights yet
   */
  Optional<Models.Network> trained(UUID job);
}
