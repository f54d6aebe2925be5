package dev.spikewise.dataset;

import java.util.List;

/**
 * A data set without its samples.
 *
 * @param shape of one sample at one time step
 * @param timeSteps length of the samples' time axis, 0 where they have none
 * @param classes one more than the largest label
 */
public record DatasetInfo(String id, String name, int samples, List<Integer> shape, int timeSteps, int classes) {}
