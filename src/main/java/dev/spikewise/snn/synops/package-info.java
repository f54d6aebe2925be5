/** Synaptic operations: what a spike costs. */
@NullMarked
package dev.spikewise.snn.synops;

import org.jspecify.annotations.NullMarked;
