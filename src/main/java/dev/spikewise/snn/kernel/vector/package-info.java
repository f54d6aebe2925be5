/**
 * The kernels on the Vector API. Loaded only where the module {@code jdk.incubator.vector} is
 * there.
 */
@NullMarked
package dev.spikewise.snn.kernel.vector;

import org.jspecify.annotations.NullMarked;
