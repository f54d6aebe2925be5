/** Counting of synaptic operations. */
@NullMarked
package dev.spikewise.snn.synops;

import org.jspecify.annotations.NullMarked;
