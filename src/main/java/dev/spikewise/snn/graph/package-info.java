/**
 * A model compiled for a batch: its steps, what they store for how long, and the memory they take.
 */
@NullMarked
package dev.spikewise.snn.graph;

import org.jspecify.annotations.NullMarked;
