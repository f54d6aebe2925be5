/** Networks: forward pass, backward pass, parameters and output. */
@NullMarked
package dev.spikewise.snn.network;

import org.jspecify.annotations.NullMarked;
