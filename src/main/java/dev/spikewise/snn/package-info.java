/**
 * The engine in pure Java, without Spring, logging, metrics or a clock. This package is its API.
 * The subpackages depend on each other in one direction only: kernel; neuron and data; layer;
 * synops and optim; graph; network; statistics and transform.
 */
@NullMarked
package dev.spikewise.snn;

import org.jspecify.annotations.NullMarked;
