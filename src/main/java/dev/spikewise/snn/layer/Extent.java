package dev.spikewise.snn.layer;

/**
 * How much a layer computes and keeps.
 *
 * @param samples maximum number of samples in a batch
 * @param kept samples whose activations are there at the backward pass: all, or those of a block
 * @param block maximum number of samples in one call
 * @param timeSteps T
 */
public record Extent(int samples, int kept, int block, int timeSteps) {}
