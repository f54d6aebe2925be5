/** Loss terms and their gradients, computed from the counts and outputs of a network. */
@NullMarked
package dev.spikewise.snn.loss;

import org.jspecify.annotations.NullMarked;
