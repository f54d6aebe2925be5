/** The network that trains and is used: forward, backward, parameters and output. */
@NullMarked
package dev.spikewise.snn.network;

import org.jspecify.annotations.NullMarked;
