/**
 * Searches: trials whose values follow from the results of earlier trials. Everything that decides
 * the next step is stored, and every process may take the step.
 */
@NullMarked
package dev.spikewise.search;

import org.jspecify.annotations.NullMarked;
