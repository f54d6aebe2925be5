/** The kernels on ND4J, for comparison. */
@NullMarked
package dev.spikewise.snn.kernel.nd4j;

import org.jspecify.annotations.NullMarked;
