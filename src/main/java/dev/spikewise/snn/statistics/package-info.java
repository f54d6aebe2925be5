/** Synops, firing rates and NeuroBench figures of a network. */
@NullMarked
package dev.spikewise.snn.statistics;

import org.jspecify.annotations.NullMarked;
