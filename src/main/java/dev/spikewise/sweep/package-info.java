/**
 * Sweeps: many jobs from one specification. The state of a sweep is derived from its jobs; only a
 * requested cancellation is stored.
 */
@NullMarked
package dev.spikewise.sweep;

import org.jspecify.annotations.NullMarked;
