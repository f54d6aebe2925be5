/** What a forward pass is counted by: synaptic operations and firing rates. */
@NullMarked
package dev.spikewise.snn.synops;

import org.jspecify.annotations.NullMarked;
