/** The terms of a loss and their gradients, on what a network counted and put out. */
@NullMarked
package dev.spikewise.snn.loss;

import org.jspecify.annotations.NullMarked;
