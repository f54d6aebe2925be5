/** Optimisers, gradient clipping and the plateau detector of the learning rate. */
@NullMarked
package dev.spikewise.snn.optim;

import org.jspecify.annotations.NullMarked;
