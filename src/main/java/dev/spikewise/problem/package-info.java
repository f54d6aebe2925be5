/** How whoever asked is told of a problem. */
@NullMarked
package dev.spikewise.problem;

import org.jspecify.annotations.NullMarked;
