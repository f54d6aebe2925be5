package dev.spikewise.job;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Origin of a result.
 *
 * @param specSha256 SHA-256 of the specification as canonical JSON: properties in the documented
 *     order, defaults filled in.
 * @param weightsSha256 SHA-256 of the initial weights; null where they were drawn from the seed.
 * @param datasetSha256 SHA-256 of samples and labels; null without a data set.
 * @param classNames Name of each class, by label; null where the data set names no classes.
 * @param version Version of Spikewise that trained the job.
 * @param kernels Kernels that computed the result.
 * @param seed Seed of the job.
 * @param threads Number of threads that computed the result, which does not depend on it.
 * @param jvm Name and version of the Java runtime.
 * @param os Name and version of the operating system.
 * @param world MPI processes that computed the result together; null where one process did.
 */
public record Provenance(
    String specSha256,
    @Nullable String weightsSha256,
    @Nullable String datasetSha256,
    @Nullable List<String> classNames,
    long seed,
    String version,
    String kernels,
    int threads,
    String jvm,
    String os,
    @Nullable World world) {

  /**
   * MPI processes that train together. Results do not depend on their number.
   *
   * @param ranks Number of processes that train.
   * @param hosts Names of their hosts, by rank.
   * @param mpi Name and version of the MPI library.
   */
  public record World(int ranks, List<String> hosts, String mpi) {}
}
