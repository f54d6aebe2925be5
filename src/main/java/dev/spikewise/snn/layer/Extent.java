package dev.spikewise.snn.layer;

/**
 * Sizes of the work and memory of a layer.
 *
 * @param samples maximum number of samples in a batch
 * @param kept number of samples whose activations are kept for the backward pass: all or one block
 * @param block maximum number of samples in one call
 * @param timeSteps T
 */
public record Extent(int samples, int kept, int block, int timeSteps) {}
