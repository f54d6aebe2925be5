package dev.spikewise.job;

import org.jspecify.annotations.Nullable;

/**
 * Where a result comes from.
 *
 * @param specSha256 of the spec as canonical JSON: properties in the documented order, defaults
 *     filled in
 * @param weightsSha256 of the initial weights, null where they were drawn from the seed
 * @param datasetSha256 of the values and labels, null without a data set
 * @param version of this program
 * @param kernels and threads computed it; the result does not depend on the number of threads
 * @param seed of the job
 * @param threads that computed it
 * @param jvm name and version
 * @param os name and version
 */
public record Provenance(
    String specSha256,
    @Nullable String weightsSha256,
    @Nullable String datasetSha256,
    long seed,
    String version,
    String kernels,
    int threads,
    String jvm,
    String os) {}
