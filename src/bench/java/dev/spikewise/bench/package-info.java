/** What {@code src/bench/run} measures. Never a timed test. */
@NullMarked
package dev.spikewise.bench;

import org.jspecify.annotations.NullMarked;
