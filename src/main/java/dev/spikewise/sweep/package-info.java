/**
 * Many jobs out of one description. What a sweep is comes from its jobs: there is no state of its
 * own beside the wish to cancel it.
 */
@NullMarked
package dev.spikewise.sweep;

import org.jspecify.annotations.NullMarked;
