/** The bounded pool in which everything that a request computes or parses runs. */
@NullMarked
package dev.spikewise.compute;

import org.jspecify.annotations.NullMarked;
