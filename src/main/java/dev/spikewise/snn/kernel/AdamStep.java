package dev.spikewise.snn.kernel;

/**
 * Factors of an Adam step, which are equal for a whole tensor.
 *
 * @param size step size: the learning rate with bias correction of the first moment
 * @param correction bias correction of the square root of the second moment
 */
public record AdamStep(
    float add1, float keep2, float add2, float size, float correction, float decay, float eps) {}
