/**
 * Kernels on the Vector API. Loaded only if the module {@code jdk.incubator.vector} is available.
 */
@NullMarked
package dev.spikewise.snn.kernel.vector;

import org.jspecify.annotations.NullMarked;
