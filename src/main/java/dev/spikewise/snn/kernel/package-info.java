/**
 * Arithmetic of the engine: {@link dev.spikewise.snn.kernel.Kernels} defines the operations,
 * subpackages contain fast implementations. Activations are channels last: a frame (one sample at
 * one time step) is [H, W, C], frames of a sample follow each other in time.
 */
@NullMarked
package dev.spikewise.snn.kernel;

import org.jspecify.annotations.NullMarked;
