package dev.spikewise.snn.kernel;

/**
 * What a step of Adam multiplies with, the same for a whole tensor.
 *
 * @param size of the step: the learning rate, corrected for the first moment's start at 0
 * @param correction of the second moment's root, likewise
 */
public record AdamStep(
    float add1, float keep2, float add2, float size, float correction, float decay, float eps) {}
